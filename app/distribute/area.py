"""Which contracts take leads from where a lead is: states, countries, postal codes and circles around them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from app.catalog.routing import Area, Near, Territory
from app.core.conditions import Facts

_SPARSE = 24  # a code that fewer contracts name is kept as their numbers, not as a bitset of all
_SHOWN = 5


class Atlas(Protocol):
    """Where a campaign's leads say that they are, and what is known of their postal codes."""

    country: str
    """The field that says it; empty where the campaign has none."""
    state: str
    postal_code: str
    city: str

    def within(self, near: Near) -> Iterable[str]:
        """Postal codes, or beginnings that end in `*`, of what lies in a circle."""
        ...

    def parts_of(self, code: str) -> tuple[str, Iterable[str]]:
        """The country of a postal code, and the states that it may lie in; empty where nobody knows."""
        ...

    def codes_of(self, city: str, state: str) -> Iterable[str]:
        """The postal codes of a city, or first halves of them; empty where nobody knows."""
        ...


class _Nowhere:
    country = state = postal_code = city = ""

    def within(self, near: Near) -> Iterable[str]:
        return ()

    def parts_of(self, code: str) -> tuple[str, Iterable[str]]:
        return "", ()

    def codes_of(self, city: str, state: str) -> Iterable[str]:
        return ()


NOWHERE: Atlas = _Nowhere()


class Areas:
    """The areas of a campaign's contracts, by the places that they name. A lead that does not say where it is fits
    only those that ask for no place."""

    def __init__(
        self,
        areas: Sequence[Area | None],
        territories: Mapping[str, Territory] = {},
        atlas: Atlas = NOWHERE,
    ) -> None:
        self._areas, self._atlas = areas, atlas
        self._every = (1 << len(areas)) - 1
        self.minding = _bits([i for i, area in enumerate(areas) if area is not None])
        self._free = self._every & ~self.minding
        self._countries: dict[str, int] = {}
        self._states: dict[str, int] = {}
        codes: defaultdict[str, list[int]] = defaultdict(list)
        circles: dict[str, tuple[str, ...]] = {}
        for i, area in enumerate(areas):
            for place in _places(area, territories):
                self._add(i, place, codes, circles)
        self._codes = {code: self._kept(found) for code, found in codes.items() if code[-1] != "*"}
        self._starts = {code[:-1]: self._kept(found) for code, found in codes.items() if code[-1] == "*"}
        self._lengths = sorted({len(start) for start in self._starts})

    def passing(self, lead: Facts) -> int:
        """The contracts that this lead is in the right place for."""
        atlas, bits = self._atlas, self._free
        code = lead.get(atlas.postal_code)
        state, country = lead.get(atlas.state), lead.get(atlas.country)
        if isinstance(code, str):
            code = code[:5] if code[5:6] == "-" and len(code) == 10 else code
            bits |= self._at(code)
            if (state is None and self._states) or (country is None and self._countries):
                its_country, states = atlas.parts_of(code)
                country = its_country if country is None else country
                for one in states if state is None else ():
                    bits |= self._states.get(one, 0)
        elif self._codes or self._starts:
            bits |= self._wherever_in(lead.get(atlas.city), state)
        if isinstance(state, str):
            bits |= self._states.get(state, 0)
        if isinstance(country, str):
            bits |= self._countries.get(country, 0)
        return bits

    def told(self, i: int) -> str:
        """The area of contract number `i`, in words."""
        area = self._areas[i]
        return "" if area is None else " or ".join(_words(area))

    def seen(self, lead: Facts) -> str:
        """Where the lead says that it is."""
        atlas = self._atlas
        city = "" if atlas.postal_code in lead else atlas.city
        fields = (city, atlas.postal_code, atlas.state, atlas.country)
        said = [f'lead.{name} == "{lead[name]}"' for name in fields if name and name in lead]
        return "; ".join(said) or "the lead does not say where it is"

    def _add(
        self, i: int, place: Territory, codes: dict[str, list[int]], circles: dict[str, tuple[str, ...]]
    ) -> None:
        for country in place.countries:
            self._countries[country] = self._countries.get(country, 0) | 1 << i
        for state in place.states:
            self._states[state] = self._states.get(state, 0) | 1 << i
        named = set(place.postal_codes)
        for near in place.near:
            circle = near.model_dump_json()
            if circle not in circles:
                circles[circle] = tuple(self._atlas.within(near))
            named.update(circles[circle])
        for code in named:
            codes[code].append(i)

    def _at(self, code: str) -> int:
        bits = self._found(self._codes, code)
        for length in self._lengths:
            bits |= self._found(self._starts, code[:length])
        return bits

    def _wherever_in(self, city: object, state: object) -> int:
        """A city without its code is in a place if all of it is."""
        if not isinstance(city, str) or not isinstance(state, str):
            return 0
        codes = tuple(self._atlas.codes_of(city, state))
        bits = self._every if codes else 0
        for code in codes:
            bits &= self._at(code)
        return bits

    @staticmethod
    def _found(kept: Mapping[str, int | tuple[int, ...]], code: str) -> int:
        found = kept.get(code, 0)
        return found if isinstance(found, int) else _bits(found)

    def _kept(self, numbers: list[int]) -> int | tuple[int, ...]:
        return tuple(numbers) if len(numbers) < _SPARSE else _bits(numbers)


def _places(area: Area | None, territories: Mapping[str, Territory]) -> Iterable[Territory]:
    if area is not None:
        yield area
        yield from (territories[name] for name in area.territories if name in territories)


def _bits(ascending: Sequence[int]) -> int:
    bits = bytearray((ascending[-1] >> 3) + 1 if ascending else 0)
    for i in ascending:
        bits[i >> 3] |= 1 << (i & 7)
    return int.from_bytes(bits, "little")


def _words(area: Area) -> Iterable[str]:
    for name in ("countries", "states", "postal_codes", "near", "territories"):
        said = [str(one) for one in getattr(area, name)]
        if said:
            more = f" … ({len(said):,})" if len(said) > _SHOWN else ""
            yield f"{name} {', '.join(said[:_SHOWN])}{more}"
