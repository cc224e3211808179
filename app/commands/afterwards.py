"""The steps of a lead's story that are its source's: parts and corrections, former rounds, what it was told later."""

from collections.abc import Mapping
from typing import Any

from app.commands.steps import Entry, Setting, came, wall
from app.commands.told_later import told_later
from app.commands.words import ICONS, counted, moment, short
from app.pipeline.story import Story
from app.store.partials import Amendment
from app.store.requeues import Standing

_PART = {"partial": "another part came", "completes": "completed", "patch": "corrected by its source"}
_ICON = {"told": "✓", "gone": "✕", "dead": "✕", "moot": "·", "promised": "·"}


def afterwards(story: Story, setting: Setting) -> list[Entry]:
    """In no order yet."""
    entries = [_part(story, one) for one in story.parts]
    entries += [_round(former) for former in story.former]
    entries += [_waits(story.waiting, setting)] if story.waiting is not None else []
    entries += told_later(story, setting)
    return entries + [_callback(one, setting) for one in story.callbacks]


def _part(story: Story, part: Amendment) -> Entry:
    how = f": {came(story, part.submission_id)}" if part.submission_id in story.arrivals else ""
    return Entry("·", "part", [_PART[part.kind] + how], at=part.at)


def _round(former: Mapping[str, Any]) -> Entry:
    reasons = former["reasons"]
    why = f' "{reasons[0]["code"]}"' if reasons else ""
    told = f"{former['state']}, answered {former['outcome'] or 'pending'}{why}"
    return Entry(
        ICONS[former["state"]],
        f"round {former['round']}",
        [told],
        at=former["ended_at"] or former["decided_at"],
    )


def _callback(one: Mapping[str, Any], setting: Setting) -> Entry:
    tries = counted(one["attempts"], "try").replace("trys", "tries")
    what = one["outcome"] or f"{one['event']} to {one['source']}"
    exchanges = one["exchanges"] or []
    status = f"status {exchanges[-1]['status']}" if exchanges and exchanges[-1]["status"] else one["reason"]
    said = {
        "promised": "promised: its source did not wait",
        "told": f"{what} told in {tries}, {status}",
        "waiting": f"{what} is to be told",
        "sending": f"{what} is being told",
        "moot": "not wanted any more",
        "gone": f"its source's address is gone (410): leadgate callbacks --again {short(one['id'])}",
        "dead": f"given up after {tries}, {status}: leadgate callbacks --again {short(one['id'])}",
    }[one["state"]]
    if one["state"] == "waiting" and one["attempts"]:
        said += f"; {tries} so far, {status}, next {wall(one['next_at'], setting)}"
    at = one["ended_at"] or one["owed_at"] or one["created_at"]
    return Entry(_ICON.get(one["state"], "◷"), "callback", [said], at=at)


def _waits(standing: Standing, setting: Setting) -> Entry:
    """Until when it is offered again, and when next."""
    until = moment(standing.until, setting.zone, setting.now)
    if standing.due_at is None:
        return Entry(
            "→", "waits", [f"a further round is under way; offered again until {until}"], at=setting.now
        )
    due = moment(standing.due_at, setting.zone, setting.now)
    looked = f"; nobody was there at {counted(standing.looks, 'look')} so far" if standing.looks else ""
    return Entry(
        "◷", "waits", [f"nobody took it; offered again at {due}, until {until}{looked}"], at=setting.now
    )
