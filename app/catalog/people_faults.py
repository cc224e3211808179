"""What `apply` says of people, pools and pushes that would reach nobody."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.catalog.documents import BuyerDoc, ContractDoc
from app.catalog.found import Item, Reading
from app.catalog.limit_faults import check_hours, check_zone
from app.catalog.people import ALL, PersonDoc, Quota
from app.catalog.problems import suggestion

POOL = "internal"
"""The adapter that puts leads into the pool of its buyer's people."""
_NEXT = "next"


def check_people(reading: Reading) -> None:
    for item in reading.of("buyer"):
        if isinstance(item.doc, BuyerDoc):
            _people(reading, item, item.doc.people)
    contracts = {one.id: one for buyer in reading.current.buyers for one in buyer.contracts}
    contracts |= {item.id: item.doc for item in reading.of("contract") if isinstance(item.doc, ContractDoc)}
    for item in reading.of("contract"):
        owner = item.owner.doc if item.owner is not None else None
        if isinstance(item.doc, ContractDoc) and isinstance(owner, BuyerDoc):
            _pool(reading, item, item.doc, owner.people, contracts)
            mine = {one.id for one in reading.of("contract") if one.owner is item.owner}
            _pull(reading, item, item.doc, owner.people, {name: contracts.get(name) for name in mine})


def _people(reading: Reading, item: Item, people: Sequence[PersonDoc]) -> None:
    for i, one in enumerate(people):
        if one.id in [other.id for other in people[:i]]:
            reading.say(
                item, ["people", i, "id"], f'"{one.id}" is used by two people', "give each an id of its own"
            )
        if one.hours is not None:
            check_hours(reading, item, one.hours, ("people", i, "hours"))
        _zones(reading, item, ("people", i, "quota"), one.quota)


def _zones(reading: Reading, item: Item, at: tuple[str | int, ...], quotas: Iterable[Quota]) -> None:
    for i, quota in enumerate(quotas):
        check_zone(reading, item, [*at, i, "zone"], quota.zone)


def _pool(
    reading: Reading, item: Item, doc: ContractDoc, people: Sequence[PersonDoc], contracts: dict[str, Any]
) -> None:
    settings = item.settings.get("deliver")
    if doc.deliver.get("adapter") != POOL or settings is None:
        return
    if not people:
        reading.say(item, ["deliver", "adapter"], "has nobody to offer leads to", "give its buyer people")
        return
    _zones(reading, item, ("deliver", "quota"), settings.quota)
    if settings.offer is None:
        return
    for path, step in (("deliver", "offer"), settings.offer), *_later(settings.offer):
        if (team := getattr(step, "team", None)) is not None:
            _team(reading, item, [*path, "team"], team, people)
        else:
            _onward(reading, item, [*path, "to"], step.to, contracts)


def _later(offer: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    return [(("deliver", "offer", "then", i), step) for i, step in enumerate(offer.then)]


def _team(
    reading: Reading, item: Item, path: list[str | int], team: str, people: Sequence[PersonDoc]
) -> None:
    known = sorted({one.team for one in people if one.team})
    if team != ALL and team not in known:
        hint = suggestion(team, [*known, ALL])
        reading.say(item, path, f'"{team}" is no team of its buyer', hint)


def _onward(reading: Reading, item: Item, path: list[str | int], to: str, contracts: dict[str, Any]) -> None:
    campaign = item.doc.campaign
    known = [name for name, one in contracts.items() if one.campaign == campaign and name != item.id]
    if to != _NEXT and to not in known:
        hint = suggestion(to, [*known, _NEXT])
        reading.say(item, path, f'"{to}" is no other contract of campaign {campaign}', hint)


def _pull(
    reading: Reading, item: Item, doc: ContractDoc, people: Sequence[PersonDoc], mine: dict[str, Any]
) -> None:
    pull = doc.pull_after
    if pull is None:
        return
    pools = [
        name for name, one in mine.items()
        if one is not None and one.deliver.get("adapter") == POOL and one.campaign == doc.campaign
    ]  # fmt: skip
    if pull.to not in pools:
        hint = suggestion(pull.to, pools) if pools else f"it needs a contract with adapter: {POOL}"
        reading.say(item, ["pull_after", "to"], f'"{pull.to}" is no pool of its buyer in this campaign', hint)
    if pull.person is not None and pull.person not in [one.id for one in people]:
        hint = suggestion(pull.person, [one.id for one in people])
        reading.say(item, ["pull_after", "person"], f'"{pull.person}" does not work for its buyer', hint)
    if pull.team is not None:
        _team(reading, item, ["pull_after", "team"], pull.team, people)
    if pull.no_action is not None and doc.price:
        hint = "only what costs its buyer nothing is pulled back: leave price out"
        reading.say(item, ["pull_after", "no_action"], "would take back what was paid for", hint)
