"""Where the leads of a campaign say that they are, for contracts that take only some places."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from app.catalog.derived import CITY
from app.catalog.documents import CampaignDoc
from app.catalog.routing import Near
from app.catalog.snapshot import Contract
from app.distribute.area import NOWHERE, Atlas
from app.validate.data import OWN_PLACES, own_places, reread_with, zip_places, zip_towns
from app.validate.postcodes import place_of_code, place_of_zip, with_town
from app.validate.towns import kilometres, town_of

_DEGREE = 111.0  # no degree of latitude is shorter


class CampaignAtlas:
    """The first field of each kind is where a lead says that it is."""

    def __init__(self, doc: CampaignDoc) -> None:
        self.country, self.state, self.postal_code = (
            next((name for name, field in doc.fields.items() if field.type == kind), "")
            for kind in ("country", "state", "postal_code")
        )
        self.city = CITY if CITY in doc.fields else ""
        settings = doc.fields[self.postal_code].model_extra or {} if self.postal_code else {}
        self._coded = str(settings.get("country", "US"))

    def within(self, near: Near) -> Iterable[str]:
        """Nothing where the circle's middle is not known: `apply` has refused that, unless it was forgotten since."""
        if near.postal_code is None:
            middle = (near.latitude or 0.0, near.longitude or 0.0)
        else:
            place = middle_of(near.postal_code)
            if place is None:
                return ()
            middle = place
        return _codes_within(self._coded, *middle, near.radius)

    def parts_of(self, code: str) -> tuple[str, Iterable[str]]:
        place = place_of_code(self._coded, code)
        return self._coded, place.states if place is not None else ()

    def codes_of(self, city: str, state: str) -> Iterable[str]:
        town = town_of(city, self._coded, state)
        return town.codes if town is not None else ()


def atlas_of(doc: CampaignDoc | None, contracts: Iterable[Contract]) -> Atlas:
    """Nothing is read of the world where no contract asks for a place."""
    if doc is None or all(one.doc.area is None for one in contracts):
        return NOWHERE
    return CampaignAtlas(doc)


def middle_of(code: str) -> tuple[float, float] | None:
    """The coordinates of a postal code of the United States or Canada, as far as they are known."""
    code = code.strip().upper()
    found = place_of_zip(code[:5]) if code[:1].isdecimal() else None
    place = with_town(found) if found is not None else None
    if place is not None and place.lat is not None and place.lon is not None:
        return place.lat, place.lon
    own = own_places()
    for known in (f"CA {code}", f"CA {code[:3]}"):
        if code[:1].isalpha() and known in own:
            return own[known].lat, own[known].lon
    return None


class _Points(NamedTuple):
    """In order of latitude."""

    lats: "array[float]"
    lons: "array[float]"
    codes: list[str]


def _codes_within(country: str, lat: float, lon: float, km: float) -> Iterator[str]:
    kept = _points()
    points = kept.get(country) or kept.setdefault(country, _points_of(country))
    reach = km / _DEGREE
    for at in range(bisect_left(points.lats, lat - reach), bisect_right(points.lats, lat + reach)):
        if kilometres(lat, lon, points.lats[at], points.lons[at]) <= km:
            yield points.codes[at]


@reread_with(OWN_PLACES)
@cache
def _points() -> dict[str, _Points]:
    return {}


def _points_of(country: str) -> _Points:
    found = sorted(dict(_known(country)).items(), key=lambda one: one[1])
    return _Points(
        array("d", (at[0] for _, at in found)),
        array("d", (at[1] for _, at in found)),
        [code for code, _ in found],
    )


def _known(country: str) -> Iterator[tuple[str, tuple[float, float]]]:
    """An operator's own file goes before; of Canada it has the first halves of codes."""
    if country == "US":
        for code, north, east, _ in zip_places():
            yield code, (int(north) / 1000, int(east) / 1000)
        for code, _, _, north, east in zip_towns():
            if north:
                yield code, (int(north) / 1000, int(east) / 1000)
    for name, own in own_places().items():
        where, _, code = name.partition(" ")
        if where == country:
            yield code if len(code) > 3 else f"{code}*", (own.lat, own.lon)
