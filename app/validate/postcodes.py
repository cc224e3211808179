"""Where a postal code of the United States or Canada lies, without asking anybody."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from app.model import Value
from app.validate.data import own_places, zip_places, zip_ranges, zip_towns

US_STATES = frozenset(state for _, _, state in zip_ranges())
_NONE: frozenset[str] = frozenset()

_PROVINCES = {
    letter: frozenset(province.split())
    for letters, province in (
        ("A", "NL"), ("B", "NS"), ("C", "PE"), ("E", "NB"), ("GHJ", "QC"), ("KLMNP", "ON"), ("R", "MB"),
        ("S", "SK"), ("T", "AB"), ("V", "BC"), ("X", "NT NU"), ("Y", "YT"),
    )
    for letter in letters
}  # fmt: skip
_APART = {
    "K1A": frozenset(("ON", "QC")),  # the federal government, on both banks
    "R8A": frozenset(("MB", "SK")),  # Flin Flon and Creighton
    "S9V": frozenset(("SK", "AB")), "T9V": frozenset(("AB", "SK")),  # Lloydminster
    **dict.fromkeys(("X0A", "X0B", "X0C"), frozenset(("NU",))),
    **dict.fromkeys(("X0E", "X0G", "X1A"), frozenset(("NT",))),
}  # fmt: skip
PROVINCES = frozenset(one for provinces in _PROVINCES.values() for one in provinces)


class Place(NamedTuple):
    """`states` are those that it may lie in, none of a code of no state; `homes`: the census has met people there.
    City and county are an operator's here; `with_town` knows those that ship."""

    country: str
    states: frozenset[str]
    lat: float | None = None
    lon: float | None = None
    city: str = ""
    county: str = ""
    homes: bool = False
    code: str = ""


class _Zips(NamedTuple):
    """Four arrays of equal length, of which `codes` is in order, take a tenth of what a dict would."""

    codes: "array[int]"
    lat: "array[int]"
    lon: "array[int]"
    also: dict[int, frozenset[str]]


class _Towns(NamedTuple):
    """As `_Zips`; city and county are where in `names` they stand."""

    codes: "array[int]"
    city: "array[int]"
    county: "array[int]"
    names: list[str]
    at: dict[int, tuple[float, float]]


def place_of(value: Value) -> Place | None:
    """Of a valid value of the field type `postal_code`; None of what lies elsewhere."""
    parts = value.parts
    if (zip5 := parts.get("zip5")) is not None:
        return place_of_zip(zip5) if isinstance(zip5, str) else None
    outward, inward = parts.get("outward"), parts.get("inward")
    if isinstance(outward, str) and isinstance(inward, str) and inward:
        return _canadian(outward, inward)
    return None


def place_of_code(country: str, code: str) -> Place | None:
    """Of a normal value, with or without what comes after its first half."""
    if country == "US":
        return place_of_zip(code[:5])
    outward, _, inward = code.partition(" ")
    return _canadian(outward, inward) if country == "CA" else None


def place_of_zip(zip5: str) -> Place | None:
    state = state_of_zip(zip5)
    if state is None or not zip5.isdecimal() or len(zip5) != 5:
        return None
    zips, number = _zips(), int(zip5)
    at = _index(zips.codes, number)
    if at is None:
        return _with_own(Place("US", frozenset((state,)) if state else _NONE, code=zip5), zip5)
    states = zips.also.get(number, _NONE) | {state}
    place = Place("US", states, zips.lat[at] / 1000, zips.lon[at] / 1000, homes=True, code=zip5)
    return _with_own(place, zip5)


def with_town(place: Place) -> Place:
    """With the city that its post office is called by (others may be right, too) and its county, and where it lies
    though nobody lives there: from a longer list, that is read when first asked for. An operator's file goes before."""
    towns = _towns() if place.country == "US" and place.states and not place.city else None
    at = _index(towns.codes, int(place.code)) if towns else None
    if towns is None or at is None:
        return place
    city, county = towns.names[towns.city[at]], towns.names[towns.county[at]]
    if place.lat is not None:
        return place._replace(city=city, county=county)
    lat, lon = towns.at.get(int(place.code), (None, None))
    return place._replace(city=city, county=county, lat=lat, lon=lon)


def zip_cities() -> Iterator[tuple[int, str]]:
    """(ZIP code, the city that its post office is called by) of all that ship, in order."""
    towns = _towns()
    return ((code, towns.names[city]) for code, city in zip(towns.codes, towns.city, strict=True))


def state_of_zip(zip5: str) -> str | None:
    """The state that its post is sorted in; empty where no state has such codes."""
    ranges = zip_ranges()
    at = bisect_right(ranges, zip5, key=lambda one: one[0]) - 1
    if at < 0:
        return ""
    _, last, state = ranges[at]
    return state if zip5 <= last else ""


def state_of(value: Value) -> tuple[str, str] | None:
    """(country, code) of a valid value of the field type `state`; None of what is only text."""
    code = value.normal
    if not isinstance(code, str) or "name" not in value.parts:
        return None
    if code in US_STATES:
        return "US", code
    return ("CA", code) if code in PROVINCES else None


def _with_own(place: Place, *codes: str) -> Place:
    known = own_places()
    for code in codes if known else ():
        if (own := known.get(f"{place.country} {code}")) is not None:
            return place._replace(city=own.city, county=own.county, lat=own.lat, lon=own.lon)
    return place


def _index(codes: "array[int]", number: int) -> int | None:
    at = bisect_left(codes, number)
    return at if at < len(codes) and codes[at] == number else None


def _canadian(outward: str, inward: str) -> Place | None:
    """British ones end in two letters."""
    if len(outward) != 3 or not outward[1].isdecimal() or (inward and not inward[-1].isdecimal()):
        return None
    place = Place("CA", _APART.get(outward) or _PROVINCES.get(outward[0], _NONE))
    return _with_own(place, f"{outward} {inward}", outward)


@cache
def _zips() -> _Zips:
    codes, lat, lon = array("l"), array("l"), array("l")
    also: dict[int, frozenset[str]] = {}
    for code, north, east, others in zip_places():
        codes.append(int(code))
        lat.append(int(north))
        lon.append(int(east))
        if others:
            also[int(code)] = frozenset(others.split())
    return _Zips(codes, lat, lon, also)


@cache
def _towns() -> _Towns:
    codes, city, county = array("l"), array("H"), array("H")
    names: dict[str, int] = {}
    at: dict[int, tuple[float, float]] = {}
    for code, of_city, of_county, north, east in zip_towns():
        codes.append(int(code))
        city.append(names.setdefault(of_city, len(names)))
        county.append(names.setdefault(of_county, len(names)))
        if north:
            at[int(code)] = int(north) / 1000, int(east) / 1000
    return _Towns(codes, city, county, list(names), at)
