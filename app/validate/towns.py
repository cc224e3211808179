"""Which postal codes a city has: the way back from its name to where its people may live."""

import re
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from app.validate.data import OWN_PLACES, own_places, reread_with
from app.validate.naming import words_of
from app.validate.postcodes import Place, place_of_code, state_of_zip, with_town, zip_cities

NEAR = 30.0
"""Kilometres that an address may be from the next code of its city, in another county: nobody's post office is farther."""
SPREAD = 50.0
"""A city whose codes lie farther than this from their middle has none."""
_REMEMBERED = 4_096
_LONGEST = 80
_EARTH = 6_371.0088  # kilometres
_WITHIN = re.compile(r"\([^()]*\)?")
_SPELT = {
    "st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount", "mtn": "mountain", "pt": "point", "n": "north",
    "s": "south", "e": "east", "w": "west", "hts": "heights", "hgts": "heights", "spgs": "springs", "spg": "spring",
    "bch": "beach", "jct": "junction", "vly": "valley", "vlg": "village", "nyc": "newyork",
}  # fmt: skip
_BEFORE = frozenset(("city", "town", "township", "village", "borough"))
_AFTER = _BEFORE | {"twp", "boro"}
_LESSER = _AFTER - {"city"}
_TOWNSHIPS = frozenset((
    "CT", "IL", "IN", "KS", "MA", "ME", "MI", "MN", "MO", "ND", "NE", "NH", "NJ", "NY", "OH", "PA", "RI", "SD", "VT", "WI",
))  # fmt: skip
"""States that are divided into towns or townships, of which most have no post office of that name."""
_SHARED = 4
"""States that have a post office of that name: enough for a township to have it too."""


class Town(NamedTuple):
    """A city of one state by its codes, in order: of those the ones where people live, if there are any; of Canada the first
    halves. County and middle are known where they are one and the same for all."""

    country: str
    codes: tuple[str, ...]
    county: str = ""
    lat: float | None = None
    lon: float | None = None
    beyond: bool = False
    """Its post comes from the state next to it: in this one there may be another by that name."""


class _Index(NamedTuple):
    """`groups` says of a name's key which stretch of `codes` it has; a tenth of what lists in a dict would take."""

    groups: dict[str, int]
    first: "array[int]"
    codes: "array[int]"


def town_of(city: str, country: str, state: str) -> Town | None:
    """None of what no post office of that state is called by, though people may well call their home so."""
    if not city or len(city) > _LONGEST or country not in ("US", "CA"):
        return None
    known, asked = _known(), (city, country, state)
    if asked not in known:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[asked] = _town(city, country, state)
    return known[asked]


def is_elsewhere(place: Place, city: str) -> bool:
    """Whether the code's own state has such a city, and the code is none of it: of another county, and far from every
    code that the city has. A city that the state has not, or that nobody knows where it is, is nowhere else; nor is
    what may be a township of that name. Cities of a state next to it may be meant, and are held against no code."""
    home = _home(place)
    its = town_of(city, place.country, home)
    if its is None or its.beyond or place.code in its.codes:
        return False
    towns = (town_of(city, place.country, state) for state in place.states)
    place = with_town(place)
    if place.lat is None or any(_touches(place, town) for town in towns if town is not None):
        return False
    return not _may_be_a_township(city, its, home)


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Along a great circle."""
    one, two = radians(lat), radians(other_lat)
    half = sin((two - one) / 2) ** 2 + cos(one) * cos(two) * sin(radians(other_lon - lon) / 2) ** 2
    return 2 * _EARTH * asin(min(1.0, sqrt(half)))


def _home(place: Place) -> str:
    if place.code:
        return state_of_zip(place.code) or ""
    return next(iter(place.states)) if len(place.states) == 1 else ""


def _may_be_a_township(city: str, town: Town, state: str) -> bool:
    """It says so, and no post office does; or its name is a common one, and the post office of that name a small one."""
    words = words_of(_WITHIN.sub(" ", city))
    says = words[-1] in _LESSER or (words[0] in _LESSER and "of" in words[1:2])
    if says and not any(_codes(_key(words), town.country)):
        return True
    if town.country != "US" or state not in _TOWNSHIPS or len(town.codes) > 1:
        return False
    named = ({state_of_zip(code) for code in _codes(key, "US")} for key in _keys(city, state))
    return len(next((states for states in named if state in states), ())) >= _SHARED


def _touches(place: Place, town: Town) -> bool:
    for code in town.codes:
        if (found := place_of_code(town.country, code)) is None:
            continue
        other = with_town(found)
        if other.lat is None or other.lon is None or (place.county and place.county == other.county):
            return True
        if kilometres(place.lat or 0.0, place.lon or 0.0, other.lat, other.lon) <= NEAR:
            return True
    return False


def _town(city: str, country: str, state: str) -> Town | None:
    for key in _keys(city, state):
        found = {code: place for code in _codes(key, country) if (place := place_of_code(country, code))}
        its = {
            code: place for code, place in found.items() if place.code and state_of_zip(place.code) == state
        }
        also = {code: place for code, place in found.items() if state in place.states}
        if also:
            return _made(country, its or also)._replace(beyond=country == "US" and not its)
    return None


def _made(country: str, found: dict[str, Place]) -> Town:
    found = {code: place for code, place in found.items() if place.homes} or found
    places = [with_town(place) for place in found.values()]
    counties = {place.county for place in places}
    county = counties.pop() if len(counties) == 1 else ""
    return Town(country, tuple(sorted(found)), county, *_middle(places))


def _middle(places: list[Place]) -> tuple[float | None, float | None]:
    at = [(place.lat, place.lon) for place in places if place.lat is not None and place.lon is not None]
    if not at or len(at) < len(places):
        return None, None
    lat, lon = (round(sum(one) / len(at), 3) for one in zip(*at, strict=True))
    return (lat, lon) if all(kilometres(lat, lon, *one) <= SPREAD for one in at) else (None, None)


def _keys(city: str, state: str) -> Iterator[str]:
    """As it is written; then without what people add: `Austin TX`, `City of York`, `New York City`."""
    words = words_of(_WITHIN.sub(" ", city))
    yield _key(words)
    if len(words) > 1 and words[-1] == state.lower():
        words = words[:-1]
        yield _key(words)
    if len(words) > 2 and words[0] in _BEFORE and words[1] == "of":
        yield _key(words[2:])
    elif len(words) > 1 and words[-1] in _AFTER:
        yield _key(words[:-1])


def _key(words: Iterable[str]) -> str:
    """Without spaces: McKinney and Mc Kinney are one."""
    return "".join(_SPELT.get(word, word) for word in words)


def _codes(key: str, country: str) -> Iterator[str]:
    if country == "US":
        yield from _shipped_codes(key)
    yield from _own().get(f"{country} {key}", ())


def _shipped_codes(key: str) -> Iterator[str]:
    index = _shipped()
    group = index.groups.get(key)
    if group is not None:
        for at in range(index.first[group], index.first[group + 1]):
            yield f"{index.codes[at]:05d}"


@cache
def _shipped() -> _Index:
    groups: dict[str, int] = {}
    of_name: dict[str, int] = {}
    codes, group = array("l"), array("l")
    for code, name in zip_cities():
        if name not in of_name:
            of_name[name] = groups.setdefault(_key(words_of(name)), len(groups))
        codes.append(code)
        group.append(of_name[name])
    order = sorted(range(len(codes)), key=group.__getitem__)
    first = array("l", [0]) * (len(groups) + 1)
    for one in group:
        first[one + 1] += 1
    for at in range(len(groups)):
        first[at + 1] += first[at]
    return _Index(groups, first, array("l", (codes[at] for at in order)))


@reread_with(OWN_PLACES)
@cache
def _own() -> dict[str, tuple[str, ...]]:
    """`CA vancouver` → codes, of the operator's file; of Canada first halves, however long the file is."""
    found: dict[str, set[str]] = {}
    for name, own in own_places().items():
        country, _, code = name.partition(" ")
        key = _key(words_of(_WITHIN.sub(" ", own.city))) if country in ("US", "CA") else ""
        if key:
            found.setdefault(f"{country} {key}", set()).add(code[:3] if country == "CA" else code)
    return {key: tuple(codes) for key, codes in found.items()}


@reread_with(OWN_PLACES)
@cache
def _known() -> dict[tuple[str, str, str], Town | None]:
    """What was asked for of late."""
    return {}
