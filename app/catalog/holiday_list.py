"""Which days holidays are: looked up when they are applied, and kept from then on."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from typing import TypeVar

from app.catalog.documents import BuyerDoc, Catalogue, ContractDoc
from app.catalog.opening import Holidays, Hours
from app.catalog.people import PersonDoc

AHEAD = 2
"""So many years after the current one are looked up; they are looked up again where less than one is left."""

_Working = TypeVar("_Working", ContractDoc, PersonDoc)
Subdivisions = Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def countries() -> Subdivisions:
    """Country → its parts, as the library names them."""
    import holidays

    return {code: tuple(parts) for code, parts in holidays.list_supported_countries().items()}


@lru_cache(maxsize=512)
def _known(
    country: str, subdiv: str | None, observed: bool, categories: tuple[str, ...], years: tuple[int, ...]
) -> dict[date, str]:
    import holidays

    found = holidays.country_holidays(
        country, subdiv=subdiv, years=years, observed=observed, expand=False, categories=categories or None
    )
    return dict(sorted(found.items()))


def looked_up(doc: Holidays, years: Iterable[int]) -> dict[date, str]:
    """As the library has them now, without what the document adds or removes. Raises ValueError, NotImplementedError."""
    return _known(doc.country, doc.subdiv, doc.observed, doc.categories, tuple(years))


def names(day: str) -> list[str]:
    """Two holidays on one day are one text of the library's."""
    return [name.strip() for name in day.split(";")]


def kept(wanted: Catalogue, current: Catalogue, today: date) -> Catalogue:
    """The same catalogue, with the days of all holidays: those that are kept stay as they are."""
    before = {whose: hours for buyer in current.buyers for whose, hours in hours_of(buyer)}
    buyers = tuple(_buyer(buyer, before, today) for buyer in wanted.buyers)
    return wanted.model_copy(update={"buyers": buyers})


def hours_of(buyer: BuyerDoc) -> Iterator[tuple[str, Hours]]:
    """(whose, hours) of its contracts and of those who work for it."""
    yield from ((one.id, one.hours) for one in buyer.contracts if one.hours is not None)
    yield from ((f"{buyer.id}/{one.id}", one.hours) for one in buyer.people if one.hours is not None)


def _buyer(buyer: BuyerDoc, before: Mapping[str, Hours], today: date) -> BuyerDoc:
    if not any(hours.holidays for _, hours in hours_of(buyer)):
        return buyer
    contracts = tuple(_with_days(one, before.get(one.id), today) for one in buyer.contracts)
    people = tuple(_with_days(one, before.get(f"{buyer.id}/{one.id}"), today) for one in buyer.people)
    return buyer.model_copy(update={"contracts": contracts, "people": people})


def _with_days(doc: _Working, before: Hours | None, today: date) -> _Working:
    if doc.hours is None or doc.hours.holidays is None:
        return doc
    was = before.holidays if before is not None else None
    holidays = resolved(doc.hours.holidays, was, today)
    return doc.model_copy(update={"hours": doc.hours.model_copy(update={"holidays": holidays})})


def resolved(doc: Holidays, was: Holidays | None, today: date) -> Holidays:
    """`was` are those that are kept: what they know stays, whatever the library says by now."""
    same = was is not None and _asks_the_same(doc, was)
    known = doc if doc.known_to and (same or was is None) else was if same else None
    if known is not None and known.known_to > today.year:
        return known
    first = known.known_to + 1 if known is not None else today.year
    gone = {name.casefold() for name in doc.remove}
    days = dict(known.days) if known is not None else dict(doc.add)
    for day, name in looked_up(doc, range(max(first, today.year), today.year + AHEAD + 1)).items():
        if left := [one for one in names(name) if one.casefold() not in gone]:
            days.setdefault(day, "; ".join(left))
    told = {"days": dict(sorted(days.items())), "known_to": today.year + AHEAD, "by": _library()}
    return doc.model_copy(update=told)


def _asks_the_same(one: Holidays, other: Holidays) -> bool:
    nothing = {"days": {}, "known_to": 0, "by": ""}
    return one.model_copy(update=nothing) == other.model_copy(update=nothing)


def _library() -> str:
    return f"holidays {version('holidays')}"
