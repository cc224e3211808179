"""A ZIP code of one state beside the name of another is a slip, or somebody who makes addresses up."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Evidence, checks
from app.validate.postcodes import Place, place_of, state_of, with_town
from app.validate.towns import is_elsewhere

Told = Action | Literal["allow"]

_UP, _DOWN = "0123456789", "9876543210"


class PostalSettings(CheckSettings):
    """Each kind of contradiction has an action of its own; `action` is for none of them."""

    unassigned: Told = Field("flag", description="ZIP codes that no state has.")
    placeholder: Told = Field("flag", description="Digits in a row where nobody lives, as 12345.")
    other_state: Told = Field("flag", description="A postal code of another state than `state` says.")
    other_country: Told = Field(
        "flag", description="A postal code of another country than `state` or `country` says."
    )
    other_city: Told = Field(
        "flag",
        description="A postal code far from the city of its state that `city` says, and of another county.",
    )
    city: FieldName = Field("city", description="The field that has the city.")
    state: FieldName = Field("state", description="The field that has the state.")
    country: FieldName = Field("country", description="The field that has the country.")
    facts: bool = Field(False, description="Note state and coordinates where nothing is wrong too.")
    fields: tuple[FieldName, ...] = Field((), description="Names of fields; empty: every postal code field.")
    known: ClassVar[Action] = "flag"


def _places(lead: Lead, to: PostalSettings) -> Iterator[tuple[str, Value, Place]]:
    fields = lead.fields
    for name in to.fields or fields:
        value = fields.get(name)
        if value is not None and value.valid and value.parts and (place := place_of(value)) is not None:
            yield name, value, place


@checks.register
class Postal(Check[PostalSettings]):
    """Holds postal codes of the United States and Canada against state and country; their shape is the field type's.

    A ZIP code near a border may lie in either state, and one city's goes by the name of the next: a city is held against
    it only where its own state has one of that name, far away, and no township may be meant. Area codes are the `phone` check's (`match`). Facts:
    `geo.country`, `geo.states`, and where they are known `geo.lat`, `geo.lon` (of the ZIP code's middle, or its post office),
    `geo.city`, `geo.county`. What is of no state or another country has no coordinates.
    """

    name = "postal"
    settings = PostalSettings
    order = 43
    codes = {
        "unassigned": "No state has such ZIP codes.",
        "placeholder": "The ZIP code is digits in a row, and nobody lives there.",
        "other_state": "The postal code is of another state or province than the lead's.",
        "other_country": "The postal code is of another country than the lead's state or country.",
        "other_city": "The state has a city by the name of the lead's, and the postal code is far from it.",
        "known": "Nothing is wrong with it: what is known of the place, where the campaign asks for facts.",
    }

    def run(self, lead: Lead, to: PostalSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, value, place in _places(lead, to):
            said = _said(lead, value, place, to)
            if said is not None and (action := getattr(to, said[0])) != "allow":
                yield self._finding(field, said, place, action, to.points)
            elif to.facts and place.states:
                yield self._finding(field, ("known", "is known"), place, "flag", 0)

    def _finding(
        self, field: str, said: tuple[str, str], place: Place, action: Action, points: int
    ) -> Finding:
        code, says = said
        return Finding(
            check="postal",
            code=code,
            message=f"{field} {says}",
            field=field,
            action=action,
            points=points,
            facts=_facts(place) if place.states else {},
        )


def _said(lead: Lead, value: Value, place: Place, to: PostalSettings) -> tuple[str, str] | None:
    """(code, what it says) of the first thing that is wrong: the others would follow from it."""
    if not place.states:
        return "unassigned", "is a ZIP code that no state has"
    if not place.homes and _in_a_row(value.parts.get("zip5")):
        return "placeholder", "is digits in a row"
    stated = lead.fields.get(to.state)
    state = state_of(stated) if stated is not None and stated.valid else None
    if state is not None and state[0] != place.country:
        return "other_country", f"is of {place.country}, the state is not"
    if state is not None and state[1] not in place.states:
        return "other_state", f"is of {' or '.join(sorted(place.states))}, the state is another"
    country = lead.normal(to.country)
    if isinstance(country, str) and country != place.country and country not in place.states:
        return "other_country", f"is of {place.country}, the country is another"
    city = lead.normal(to.city) if to.other_city != "allow" else None
    if isinstance(city, str) and is_elsewhere(place, city):
        return "other_city", "is far from the city"
    return None


def _in_a_row(zip5: object) -> bool:
    return isinstance(zip5, str) and (zip5 == zip5[:1] * 5 or zip5 in _UP or zip5 in _DOWN)


def _facts(place: Place) -> dict[str, Any]:
    place = with_town(place)
    facts: dict[str, Any] = {"geo.country": place.country, "geo.states": sorted(place.states)}
    if place.lat is not None:
        facts |= {"geo.lat": place.lat, "geo.lon": place.lon}
    if place.city:
        facts["geo.city"] = place.city
    if place.county:
        facts["geo.county"] = place.county
    return facts
