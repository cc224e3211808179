"""Tells the story of one lead in lines, in the order in which it happened; pure, so that each line can be tested."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.commands import hand_overs, steps
from app.commands.steps import Entry, Setting
from app.commands.words import ICONS, moment, money, short, span
from app.pipeline.story import Story

_GAP = timedelta(minutes=1)
_MARGIN = 8


def tell(story: Story, setting: Setting) -> list[str]:
    """The whole trace."""
    if story.refusal is not None:
        return _refused(story, setting)
    if story.lead is None:
        return _undecided(story, setting)
    lead = story.lead
    head = f"lead {story.id}   {lead['state']}   {lead['campaign']} ← {lead['source']}"
    arrived, *decided = steps.decided(story, setting)
    began = steps.decision_began(lead, story.detail["steps"] if story.detail else {})
    others = hand_overs.followed(story, setting)
    earlier = [one for one in others if lead["round"] > 1 and one.at is not None and one.at < began]
    known: list[steps.Entry] = []
    if any(
        event["kind"] == "requeued" for event in story.events
    ):  # what was found holds from the first round on
        *known, routed = decided
        decided = [routed]
    entries = [arrived, *known, *earlier, *decided, *(one for one in others if one not in earlier)]
    return [
        f"{head}   {moment(lead['received_at'], setting.zone, setting.now)}{'   test' if lead['test'] else ''}",
        *_laid_out(entries, lead["received_at"]),
        *_closing(story, setting),
    ]


def foretell(story: Story, setting: Setting) -> list[str]:
    """A trace up to the decision, of a lead that did not come."""
    lead = story.lead
    assert lead is not None, "it was decided"
    head = (
        f"would be {lead['state']}   {lead['campaign']} ← {lead['source']}{'   test' if lead['test'] else ''}"
    )
    return [head, *_laid_out(steps.decided(story, setting), lead["received_at"])]


def _laid_out(entries: list[Entry], began: datetime) -> list[str]:
    """Milliseconds since it came, sign, name, text; what comes much later stands under a divider."""
    width = max((len(entry.name) for entry in entries), default=0) + 3
    indent = " " * (_MARGIN + 4 + width)
    lines: list[str] = []
    since = last = began
    for entry in entries:
        at = max(entry.at or last, last)
        if at - last >= _GAP:
            lines.append(f" {span((at - last).total_seconds() * 1000)} later")
            since, elapsed = at, ""
        else:
            elapsed = "" if entry.at is None else f"+{span((at - since).total_seconds() * 1000)}"
        last = at
        first, *rest = entry.lines
        lines.append(f"{elapsed:>{_MARGIN}}  {entry.icon} {entry.name:<{width}}{first}".rstrip())
        lines += [f"{indent}{line}".rstrip() for line in rest]
    return lines


def _closing(story: Story, setting: Setting) -> list[str]:
    lead = story.lead
    assert lead is not None
    lines = []
    unclear = [one for one in story.deliveries if one.state == "unclear"]
    for one in unclear:
        lines.append(f"settle: leadgate settle {short(one.id)} sold|not-sold|again")
    if story.attempts:
        shown = len(hand_overs.shown_attempts(story))
        lines.insert(
            0,
            f"{_balance(story, lead, setting)}        bytes: leadgate trace {short(story.id)} --bytes {shown}",
        )
    return lines


def _balance(story: Story, lead: Mapping[str, Any], setting: Setting) -> str:
    """Less what was given back, on both sides: `revenue` is without it already, the source's answer stays as it was."""
    sold: Decimal = lead["revenue"]
    if lead["price"] is None and lead["outcome"] is None:
        return f"sold {money(sold)} {setting.currency}".rstrip() if sold else "not sold yet"
    back = sum((one.price_back or Decimal(0) for one, _ in story.returns), Decimal(0))
    bought = (lead["price"] or Decimal(0)) - back
    return f"bought {money(bought)}, sold {money(sold)}, margin {money(sold - bought)} {setting.currency}".rstrip()


def _undecided(story: Story, setting: Setting) -> list[str]:
    sent = story.submission
    assert sent is not None
    head = f"lead {story.id}   received   {sent['source']}   {moment(sent['received_at'], setting.zone, setting.now)}"
    parked = sent["parked"]
    if parked:
        waiting = Entry(
            "!", "parked", [f"{parked}: it is kept, and nobody decides it until a person has looked"]
        )
    else:
        what = "begun; its source has not completed it" if story.begun else "durable, not decided yet"
        waiting = Entry("●", "waiting", [what])
    received = Entry("✓", "received", [steps.came(story, sent["id"])], at=sent["received_at"])
    return [head, *_laid_out([received, waiting], sent["received_at"])]


def _refused(story: Story, setting: Setting) -> list[str]:
    refusal = story.refusal
    assert refusal is not None
    head = f"body {story.id}   refused   {refusal['source']}   {moment(refusal['at'], setting.zone, setting.now)}"
    came = Entry(ICONS["Rejected"], "refused", [f"{refusal['code']}: {refusal['detail']}"], at=refusal["at"])
    came.lines.append(
        f"{steps.kind_of(story.arrivals[story.id])}; nothing was acknowledged, so its sender knows"
    )
    return [head, *_laid_out([came], refusal["at"])]
