"""What `apply` says of caps, money and hours that would not do what they say."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from app.catalog.documents import BuyerDoc, CampaignDoc, ContractDoc
from app.catalog.found import Item, Reading
from app.catalog.holiday_list import countries, looked_up, names
from app.catalog.hours import HoursError, week
from app.catalog.limits import Cap
from app.catalog.opening import Holidays, Hours
from app.catalog.problems import nearest, suggestion

Path = tuple[str | int, ...]

_YEARS = range(2024, 2031)
"""In which a holiday that is taken out must have been one."""


def check_caps(reading: Reading, item: Item, caps: Iterable[Cap], at: Path = ("caps",)) -> None:
    seen: set[tuple[Any, ...]] = set()
    for i, cap in enumerate(caps):
        if cap.zone is not None:
            check_zone(reading, item, [*at, i, "zone"], cap.zone)
        what = (cap.per, cap.zone, cap.when, cap.window, cap.amount is None)
        if what in seen:
            reading.say(item, [*at, i], f"counts the same per {cap.per} as a cap above", "keep one")
        seen.add(what)


def check_money(reading: Reading, item: Item, campaign: Callable[[str], CampaignDoc | None]) -> None:
    """An account is in one currency, and so are the prices that are held against it."""
    buyer = item.doc
    if not isinstance(buyer, BuyerDoc) or buyer.money is None:
        return
    for contract in (one for one in reading.of("contract") if one.owner is item and one.doc is not None):
        doc = campaign(contract.doc.campaign)
        if doc is not None and doc.currency != buyer.money.currency:
            hint = f"{contract.id} sells leads of {doc.id}, whose prices are in {doc.currency}"
            reading.say(item, ["money", "currency"], "is not the currency of all its contracts", hint)


def check_endpoint(reading: Reading, item: Item, contract: ContractDoc) -> None:
    """What a contract shares with others stands where they have it in common, and nowhere else."""
    buyer = item.owner.doc if item.owner is not None else None
    if contract.endpoint is None or not isinstance(buyer, BuyerDoc):
        return
    said = buyer.endpoints.get(contract.endpoint)
    if said is None:
        hint = suggestion(contract.endpoint, buyer.endpoints, otherwise=f"{buyer.id} has")
        reading.say(item, ["endpoint"], f'"{contract.endpoint}" is no endpoint of {buyer.id}', hint)
        return
    for name in ("rate", "concurrency"):
        if getattr(contract, name) is not None:
            reading.say(item, [name], f"is that of endpoint {contract.endpoint}", "leave it out here")


def check_endpoints(reading: Reading, item: Item) -> None:
    """One that nobody hands over to bears nothing."""
    if not isinstance(item.doc, BuyerDoc):
        return
    used = {one.doc.endpoint for one in reading.of("contract") if one.owner is item and one.doc is not None}
    for name in item.doc.endpoints:
        if name not in used:
            hint = f"write endpoint: {name} at each contract that hands over there"
            reading.say(item, ["endpoints", name], "is named by no contract", hint)


def check_hours(reading: Reading, item: Item, hours: Hours, at: Path = ("hours",)) -> None:
    check_zone(reading, item, [*at, "zone"], hours.zone)
    check_open(reading, item, hours.open, (*at, "open"))
    for day, value in hours.special.items():
        check_open(reading, item, {"daily": value}, (*at, "special"), key=day.isoformat())
    if hours.holidays is not None:
        _holidays(reading, item, hours.holidays, (*at, "holidays"))


def check_open(reading: Reading, item: Item, opened: Any, at: Path, *, key: str = "") -> None:
    """`key`: what the whole of it stands under, where that is no weekday."""
    for day, value in opened.items():
        for i, text in enumerate([value] if isinstance(value, str) else value):
            step = [] if isinstance(value, str) else [i]
            try:
                week({day: text})
            except HoursError as error:
                message, _, hint = str(error).partition("; ")
                path = [*at] if error.in_key else [*at, key or day, *step]
                if not error.in_key or step in ([], [0]):
                    reading.say(item, path, message, hint, key=day if error.in_key else "")


def check_zone(reading: Reading, item: Item, path: list[str | int], zone: str) -> None:
    if zone not in _zones():
        hint = nearest(zone, _zones()) or "write it as America/Los_Angeles"
        reading.say(item, path, f'"{zone}" is no time zone', hint)


def _holidays(reading: Reading, item: Item, doc: Holidays, at: Path) -> None:
    parts = countries().get(doc.country)
    if parts is None:
        hint = nearest(doc.country, countries()) or "write it as US"
        reading.say(item, [*at, "country"], f'the holidays of "{doc.country}" are not known', hint)
        return
    if doc.subdiv is not None and doc.subdiv not in parts:
        hint = suggestion(doc.subdiv, parts) if parts else f"{doc.country} has no parts; leave it out"
        reading.say(item, [*at, "subdiv"], f'"{doc.subdiv}" is no part of {doc.country}', hint)
        return
    try:
        days = looked_up(doc, _YEARS)
    except ValueError:
        hint = "leave out what the country has no holidays of"
        reading.say(item, [*at, "categories"], f"are not all known of {doc.country}", hint)
        return
    known = {name.casefold(): name for day in days.values() for name in names(day)}
    for i, name in enumerate(doc.remove):
        if name.casefold() not in known:
            where = f"{doc.country}-{doc.subdiv}" if doc.subdiv else doc.country
            hint = suggestion(name, sorted(known.values()))
            reading.say(item, [*at, "remove", i], f'"{name}" is no holiday of {where}', hint)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
