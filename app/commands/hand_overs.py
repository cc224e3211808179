"""The later steps of a lead's story: each attempt, what the source was told, what came afterwards."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.commands.afterwards import afterwards
from app.commands.steps import Entry, Setting, wall
from app.commands.words import ICONS, counted, money, short, span
from app.core.redaction import scrub
from app.distribute.exchange import OFFER
from app.pipeline.story import Story
from app.store.deliveries import DeliveryRow

_PLACE = re.compile(r"row \d+ of \d+ in ([A-Za-z0-9._/-]+)")
"""Where in a file of many it stood."""


def followed(story: Story, setting: Setting) -> list[Entry]:
    """In the order of time; of equal moments an attempt comes before the answer that it made possible."""
    entries = [*_attempts(story, setting), *_waiting(story, setting), *_given_up(story, setting)]
    entries += _answered(story, setting)
    entries += [_event(event, story, setting) for event in story.events if event["kind"] != "amended"]
    entries += afterwards(story, setting)
    return sorted(entries, key=lambda entry: entry.at or setting.now)


def shown_attempts(story: Story) -> list[dict[str, Any]]:
    """Every attempt once: a second end that came too late and said the same is no news."""
    counted = {(a["delivery_id"], a["n"], a["outcome"]) for a in story.attempts if a["late"] is False}
    return [
        a for a in story.attempts if not (a["late"] and (a["delivery_id"], a["n"], a["outcome"]) in counted)
    ]


# attempts ------------------------------------------------------------------------------------------


def _attempts(story: Story, setting: Setting) -> list[Entry]:
    by_id = {one.id: one for one in story.deliveries}
    attempts = shown_attempts(story)
    said = [_outcome(a, by_id.get(a["delivery_id"]), setting) for a in attempts]
    width = max((len(text) for text in said), default=0)
    files = {one.name: one.bundle_id for one in story.files}
    return [
        _attempt(a, by_id.get(a["delivery_id"]), text, width, setting, files)
        for a, text in zip(attempts, said, strict=True)
    ]


def _attempt(
    a: Mapping[str, Any],
    delivery: DeliveryRow | None,
    said: str,
    width: int,
    setting: Setting,
    files: Mapping[str, UUID],
) -> Entry:
    name = delivery.contract if delivery else "?"
    if a["outcome"] is None:
        return Entry(
            "→", name, [f"asked at {wall(a['started_at'], setting)}, no answer yet"], at=a["started_at"]
        )
    line = f"{said:<{width}}  {wire_words(a)}" if wire_words(a) else said
    if (place := _PLACE.match(a["read"] or "")) is not None:
        line += f"   {place[0]}"
        if (file := files.get(place[1])) is not None:
            line += f": leadgate bundles show {short(file)}"
    if a["late"]:
        line += "   came too late to count"
    elif delivery is not None and delivery.state == "waiting" and delivery.attempts == a["n"]:
        at = delivery.next_at
        line += "   stands in line for the next try" if at is None else f"   next try {wall(at, setting)}"
    return Entry(ICONS[a["outcome"]], name, [line], at=a["ended_at"])


def _outcome(a: Mapping[str, Any], delivery: DeliveryRow | None, setting: Setting) -> str:
    if a["outcome"] is None:
        return ""
    if a["outcome"] != "Accepted":
        return f"{a['outcome']} {buyers_words(a['reason'], setting)}".rstrip()
    price = a["price"] if a["price"] is not None else delivery.price if delivery else None
    told = f"Accepted {a['reference'] or ''}".rstrip()
    return told if price is None else f"{told}  {money(price)} {setting.currency}".rstrip()


def buyers_words(text: str | None, setting: Setting) -> str:
    """A buyer's reason: his words may repeat a person's data."""
    return (text or "") if setting.reveal else scrub(text or "")


def wire_words(a: Mapping[str, Any]) -> str:
    """`200 in 142 ms`; `no reply in 30.0 s`; nothing where nothing was sent."""
    exchanges = a["exchanges"] or []
    if not exchanges or exchanges[-1]["method"] == OFFER:
        return ""
    status = exchanges[-1]["status"]
    took = span(a["ms"]) if a["ms"] >= 1 else "<1 ms"
    return f"{'no reply' if status is None else status} in {took}"


def _waiting(story: Story, setting: Setting) -> list[Entry]:
    """Deliveries that were decided and that nobody has begun to send."""
    begun = {a["delivery_id"] for a in story.attempts}
    return [
        Entry("→", one.contract, [f"waits to be sent{_due(one, setting)}"], at=one.created_at)
        for one in story.deliveries
        if one.id not in begun and one.state == "waiting"
    ]


def _given_up(story: Story, setting: Setting) -> list[Entry]:
    """Dead letters: why, and what a person can do, as long as nobody else has the lead."""
    assert story.lead is not None
    open_ = story.lead["state"] not in ("sold", "returned")
    return [
        Entry(
            "✕",
            one.contract,
            [_dead(one, open_ and one.round == story.lead["round"], setting)],
            at=one.ended_at,
        )
        for one in story.deliveries
        if one.state == "dead"
    ]


def _dead(one: DeliveryRow, is_open: bool, setting: Setting) -> str:
    tries = counted(one.attempts, "try").replace("trys", "tries")
    told = f"given up after {tries}: {buyers_words(one.reason, setting) or 'no reason'}"
    if one.reason == "contract_gone":
        return f"{told}; `leadgate apply` a contract of that name to ask it again"
    return f"{told}; ask again: leadgate replay {short(one.id)}" if is_open else told


def _due(one: DeliveryRow, setting: Setting) -> str:
    """With others in a file, or when the person may be called: that can be days from now."""
    if one.next_at is None or one.next_at <= setting.now:
        return ""
    day = one.next_at.astimezone(setting.zone)
    today = day.date() == setting.now.astimezone(setting.zone).date()
    return f", {'' if today else f'{day.day} {day:%b} '}{wall(one.next_at, setting)} at the latest"


# the answer ----------------------------------------------------------------------------------------


def _answered(story: Story, setting: Setting) -> list[Entry]:
    """What the source heard and when, as its `reply` and `deadline` have it; that is not written down."""
    lead = story.lead
    assert lead is not None
    if lead["round"] > 1:
        return _of_a_later_round(story)
    began, source = lead["received_at"], lead["source"]
    due = began + timedelta(seconds=setting.deadline)
    known = _known_at(story)
    if setting.reply == "receipt":
        pending, at = f"202 pending to {source}, which asked for a receipt only", began
    elif lead["state"] == "held" and lead["outcome"] is None:
        return [Entry("✓", "answered", [f"202 pending, held, to {source}"], at=lead["decided_at"])]
    elif (pooled := _pooled_at(story)) is not None and pooled <= min(due, known or due):
        pending, at = f"202 pending, pooled, to {source}", pooled
    elif known is not None and known <= due:
        return [Entry("✓", "answered", [f"201 {_told(lead)} to {source}"], at=known)]
    elif setting.now < due:
        return [
            Entry("→", "answered", [f"not yet; {source} waits until {wall(due, setting)}"], at=setting.now)
        ]
    else:
        pending, at = f"202 pending to {source}, after {span(setting.deadline * 1000)}", due
    entries = [Entry("✓", "answered", [pending], at=at)]
    if known is not None:
        entries.append(Entry("·", "outcome", [f"{_told(lead)}, where {source} may read it"], at=known))
    return entries


def _pooled_at(story: Story) -> datetime | None:
    """When its source was let go, because people have to claim it first."""
    return min((a["ended_at"] for a in story.attempts if a["outcome"] == "Pooled"), default=None)


def _of_a_later_round(story: Story) -> list[Entry]:
    """The source asked for it, and heard of it by that request or by a callback; of one that it did not ask for it
    hears nothing."""
    assert story.lead is not None
    if any(event["kind"] == "requeued" for event in story.events):
        return []
    known = _known_at(story)
    return [] if known is None else [Entry("✓", "outcome", [_told(story.lead)], at=known)]


def _known_at(story: Story) -> datetime | None:
    """When the source's outcome was settled; it is never changed afterwards, whatever a replay brings."""
    lead = story.lead
    assert lead is not None
    decided: datetime = lead["decided_at"]
    if lead["outcome"] is None:
        return None
    if lead["outcome"] == "success":
        ends = [one.ended_at for one in story.deliveries if one.state == "accepted" and one.ended_at]
        first: datetime = min(ends, default=decided)
        return max(first, decided)
    replayed = [event["at"] for event in story.events if event["kind"] == "replayed"]
    ends = [a["ended_at"] for a in story.attempts if a["ended_at"] and not a["late"]]
    ends += [event["at"] for event in story.events if event["kind"] == "settled"]
    last: datetime = max([decided, *(end for end in ends if not replayed or end < min(replayed))])
    return last


def _told(lead: Mapping[str, Any]) -> str:
    if lead["outcome"] == "success":
        return "success" if lead["price"] is None else f"success, price {money(lead['price'])}"
    reasons = lead["reasons"] or []
    return f'failure "{reasons[0]["code"]}"' if reasons else "failure"


# what came afterwards ------------------------------------------------------------------------------


def _event(event: Mapping[str, Any], story: Story, setting: Setting) -> Entry:
    data, kind = event["data"] or {}, event["kind"]
    contract = next((one.contract for one in story.deliveries if one.id == event["delivery_id"]), "")
    told = [contract] if contract else []
    if "outcome" in data:
        told.append(_settled(data, setting))
    elif data.get("reason"):
        told.append(buyers_words(str(data["reason"]), setting))
    if kind == "referenced":
        told.append(f"as {data['reference']}")
    if data.get("to"):
        told.append(f"to {data['to']}")
    if kind == "requeued":
        part = f" at {data['factor']} of each price" if data["factor"] != "1" else ""
        told.append(f"round {data['round']}{part}")
    if data.get("was"):
        told.append(f"was {data['was']}")
    told.append(f"by {event['by_whom']}")
    if event["delivery_id"] and not contract:
        told.append(short(event["delivery_id"]))
    return Entry("·", kind, [", ".join(told)], at=event["at"])


def _settled(data: Mapping[str, Any], setting: Setting) -> str:
    if data["outcome"] != "Accepted":
        return f"{data['outcome']} {buyers_words(data.get('reason'), setting)}".rstrip()
    price = f"  {data['price']} {setting.currency}".rstrip() if data.get("price") else ""
    return f"Accepted {data.get('reference') or ''}".rstrip() + price
