"""Why each contract did not get a lead, for a person: the rule and the value that did it.

The slow path: it asks every contract again, in the order in which `route` counts the first cause, so that
the two always add up. Its answers repeat the lead's values; they belong on a screen, never in a log.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from app.core.conditions import Facts, Node
from app.core.expressions import WORTH
from app.core.reserved import OF_SOURCES
from app.distribute.caps import CountedBalance, CounterKey, cap_of
from app.distribute.consumer_hours import Reachable, Zones
from app.distribute.fills import fill, limit_kind
from app.distribute.filters import parts_of
from app.distribute.hours import Opening
from app.distribute.load import OpenLeads
from app.distribute.route import RouteIndex

Cause = Literal[
    "paused", "resting", "source", "area", "filter", "hours", "consumer_hours", "duplicate", "cap", "budget", "balance"
]  # fmt: skip

_FIELD = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\blead\.([A-Za-z_]\w*)|(?<![\w.])(""" + "|".join(WORTH) + r")\b"
)
_LONG = 90


class LeftOutReason(Struct, frozen=True):
    """`rule` as the contract says it, `value` what the lead or the moment had against it."""

    contract: str
    cause: Cause
    rule: str
    value: str


def explain(
    index: RouteIndex[Any],
    lead: Facts,
    *,
    source: str,
    at: datetime,
    full: Mapping[str, CounterKey] | None = None,
    used: Mapping[CounterKey, int] | None = None,
    zones: Zones = (),
    had: Mapping[str, str] | None = None,
    resting: Collection[str] = (),
) -> list[LeftOutReason]:
    """All contracts left out, in rank order. `full` (contract → cap's key), `used`, `had` (buyer → by what he
    has the person) and `resting` come from the record."""
    return list(_reasons(index, lead, source, at, full or {}, used or {}, zones, had or {}, resting))


def _reasons(
    index: RouteIndex[Any],
    lead: Facts,
    source: str,
    at: datetime,
    full: Mapping[str, CounterKey],
    used: Mapping[CounterKey, int],
    zones: Zones,
    had: Mapping[str, str],
    resting: Collection[str],
) -> Iterator[LeftOutReason]:
    for i, contract in enumerate(index.contracts):
        found = _standing(contract, source, resting) or _inside(index, i, lead, source, at, zones)
        if found is None and contract.buyer in had:
            found = "duplicate", "duplicate by buyer", had[contract.buyer]
        key = full.get(contract.id) or full.get("")  # of the whole campaign
        if found is None and key:
            found = limit_kind(key), *_limit(index, i, key, at, used)
        if found is not None:
            yield LeftOutReason(contract.id, *found)


def _standing(contract: Any, source: str, resting: Collection[str]) -> tuple[Cause, str, str] | None:
    if contract.paused:
        return "paused", "paused", "the contract or its buyer is paused"
    if contract.id in resting:
        return "resting", "breaker", "it rested, for its buyer had failed time and again"
    if contract.doc.sources and source not in contract.doc.sources:
        return "source", f"sources: {', '.join(contract.doc.sources)}", source
    if source in contract.doc.except_sources:
        return "source", f"except_sources: {', '.join(contract.doc.except_sources)}", source
    return None


def _inside(
    index: RouteIndex[Any], i: int, lead: Facts, source: str, at: datetime, zones: Zones
) -> tuple[Cause, str, str] | None:
    """Area, filter and hours: what the index knows before the hours, what only CEL answers after them."""
    if index.areas.minding and not index.areas.passing(lead) >> i & 1:
        return "area", _short(index.areas.told(i)), index.areas.seen(lead)
    asked = index.asked_of(i)
    for part in (part for part in parts_of(index.contracts[i].doc) if part not in asked):
        if not part.holds(lead, source):
            return "filter", *_failing(part, lead)
    opening = index.opening(i)
    if opening is not None and not opening.is_open(at):
        return "hours", "hours", closed(opening, at)
    reachable = index.reachable(i)
    if reachable is not None and (why := _asleep(reachable, zones, at)):
        return "consumer_hours", "consumer_hours", why
    for part in asked:
        if not part.holds(lead, source):
            return "filter", *_failing(part, lead)
    return None


def _asleep(reachable: Reachable, zones: Zones, at: datetime) -> str:
    """Empty where the contract would have taken the lead: at once, or later."""
    opens = reachable.opens_at(zones, at)
    if opens == at or (opens is not None and reachable.doc.otherwise == "wait"):
        return ""
    if not zones:
        return "nothing tells which time it is there"
    if opens is None:
        return "never open in all of the zones where the person may be"
    asleep = [one for one in map(reachable.zone_of, zones) if not one.is_open(at)]
    return closed(asleep[0], at) if asleep else ""


def _failing(part: Node, lead: Facts) -> tuple[str, str]:
    found = dict.fromkeys(
        (match[2], match[3]) for match in _FIELD.finditer(part.text) if match[2] or match[3]
    )
    values = "; ".join(
        f"lead.{field} {_shown(lead, field)}" if field else f"{word} {_shown(lead, f'${word}')}"
        for field, word in found
    )
    return _short(part.text), f"{values} → false" if values else "→ false"


def _shown(lead: Facts, field: str) -> str:
    if field not in lead:
        return "is missing"
    value = lead[field]
    if isinstance(value, str):
        return f'== "{value}"'
    words = {None: "null", True: "true", False: "false"}
    return f"== {words[value] if value is None or isinstance(value, bool) else value}"


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 24].rstrip()} … ({len(text):,} characters)"


def closed(opening: Opening, at: datetime) -> str:
    """«closed until Mon 08:00 MST»; with the date where that is more than six days off."""
    opens = opening.opens_at(at)
    if opens is None:
        return "closed, and no opening within 400 days"
    local = opens.astimezone(opening.zone)
    day = f"{local:%a}" if (opens - at).days < 6 else f"{local:%a %-d %b}"
    return f"closed until {day} {local:%H:%M %Z}"


def _limit(
    index: RouteIndex[Any], i: int, key: CounterKey, at: datetime, used: Mapping[CounterKey, int]
) -> tuple[str, str]:
    """What was counted is not on record of the past; a full cap was full."""
    rule = limit_kind(key) if limit_kind(key) == "balance" else f"{limit_kind(key)} per {cap_of(key)}"
    limit = next((one for one in index.caps[i] if f"{key}:".startswith(f"{one.name}:")), None)
    counted = key in used
    if limit is None or isinstance(limit, OpenLeads) or (isinstance(limit, CountedBalance) and not counted):
        return rule, "its source's is full" if key.startswith(OF_SOURCES) else "full"
    return rule, fill(limit, at, used if counted else {key: limit.limit})
