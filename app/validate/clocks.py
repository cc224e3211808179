"""Which clocks may be a person's: by all that a lead says of where the person is, in the words of its campaign's fields."""

from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo

from app.catalog.documents import FieldDoc
from app.model import Scalar
from app.validate.data import state_zones
from app.validate.lines import zones_of
from app.validate.postcodes import place_of_code
from app.validate.zones import zones_of_country

_NOWHERE: tuple[str, ...] = ()
_MOST_OF_A_COUNTRY = 3
"""A country of more clocks than these tells too little: no hour of the day would suit them all."""


class Clocks:
    """Compiled from a campaign's fields. `zones` are all that may be: state, else postal code, else country; and the
    number, which people take along when they move, and which is therefore never believed alone."""

    def __init__(self, fields: Mapping[str, FieldDoc]) -> None:
        kinds = {"state": _of_state, "postal_code": _of_code, "country": _of_country, "phone": _of_phone}
        told = [
            (name, kinds[doc.type], str((doc.model_extra or {}).get("country", "US")), doc.type)
            for name, doc in fields.items()
            if doc.type in kinds
        ]
        self._places = [
            (name, read, country) for name, read, country, kind in told if kind in ("state", "postal_code")
        ]
        self._phones = [(name, read, country) for name, read, country, kind in told if kind == "phone"]
        self._countries = [(name, read, country) for name, read, country, kind in told if kind == "country"]

    def zones(self, lead: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Names of time zones, in order; none where nothing tells. `lead` holds valid normal values by field."""
        places = _all(self._places, lead)
        found = places | _all(self._phones, lead)
        if not places:
            found |= _all(self._countries, lead)
        return tuple(sorted(zone for zone in found if _is_known(zone)))


Reading = Callable[[str, str], tuple[str, ...]]


def _all(places: list[tuple[str, Reading, str]], lead: Mapping[str, Scalar]) -> set[str]:
    found: set[str] = set()
    for name, read, country in places:
        value = lead.get(name)
        if isinstance(value, str):
            found.update(read(value, country))
    return found


def _of_state(code: str, country: str) -> tuple[str, ...]:
    return state_zones().get(f"{country} {code}", _NOWHERE)


def _of_code(code: str, country: str) -> tuple[str, ...]:
    place = place_of_code(country, code)
    if place is None:
        return _NOWHERE
    return tuple(zone for state in place.states for zone in _of_state(state, country))


def _of_country(code: str, _: str) -> tuple[str, ...]:
    zones = zones_of_country(code)
    return zones if len(zones) <= _MOST_OF_A_COUNTRY else _NOWHERE


def _of_phone(number: str, _: str) -> tuple[str, ...]:
    return zones_of(number)


@cache
def _is_known(zone: str) -> bool:
    """To the clocks of this machine."""
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        return False
    return True
