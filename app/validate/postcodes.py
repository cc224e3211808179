"""Where a postal code of the United States or Canada lies, without asking anybody."""

from array import array
from bisect import bisect_left, bisect_right
from functools import cache
from typing import NamedTuple

from app.model import Value
from app.validate.data import own_places, zip_places, zip_ranges

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
    """`states` are those that it may lie in, none of a code of no state; city and county only an operator's file knows."""

    country: str
    states: frozenset[str]
    lat: float | None = None
    lon: float | None = None
    city: str = ""
    county: str = ""


class _Zips(NamedTuple):
    """Four arrays of equal length, of which `codes` is in order, take a tenth of what a dict would."""

    codes: "array[int]"
    lat: "array[int]"
    lon: "array[int]"
    also: dict[int, frozenset[str]]


def place_of(value: Value) -> Place | None:
    """Of a valid value of the field type `postal_code`; None of what lies elsewhere."""
    parts = value.parts
    if (zip5 := parts.get("zip5")) is not None:
        return place_of_zip(zip5) if isinstance(zip5, str) else None
    outward, inward = parts.get("outward"), parts.get("inward")
    if isinstance(outward, str) and isinstance(inward, str) and _is_canadian(outward, inward):
        place = Place("CA", _APART.get(outward) or _PROVINCES.get(outward[0], _NONE))
        return _with_own(place, f"{outward} {inward}", outward)
    return None


def place_of_zip(zip5: str) -> Place | None:
    state = _state(zip5)
    if state is None or not zip5.isdecimal() or len(zip5) != 5:
        return None
    zips, number = _zips(), int(zip5)
    at = bisect_left(zips.codes, number)
    if at == len(zips.codes) or zips.codes[at] != number:
        return _with_own(Place("US", frozenset((state,)) if state else _NONE), zip5)
    states = zips.also.get(number, _NONE) | {state}
    return _with_own(Place("US", states, zips.lat[at] / 1000, zips.lon[at] / 1000), zip5)


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


def _is_canadian(outward: str, inward: str) -> bool:
    """British ones end in two letters."""
    return len(outward) == 3 and outward[1:2].isdecimal() and inward[-1:].isdecimal()


def _state(zip5: str) -> str | None:
    """Empty where no state has such codes."""
    ranges = zip_ranges()
    at = bisect_right(ranges, zip5, key=lambda one: one[0]) - 1
    if at < 0:
        return ""
    _, last, state = ranges[at]
    return state if zip5 <= last else ""


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
