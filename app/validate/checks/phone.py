"""Who may only call mobiles, or only numbers of a country, says so here; and numbers that were only typed are told."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Evidence, checks
from app.validate.lines import carrier_of, fictional, repeated, sequential, states_of, zones_of
from app.validate.postcodes import US_STATES, place_of, state_of

EITHER, BOTH = "fixed_or_mobile", ("fixed", "mobile")
"""What numbering plans such as North America's can't tell apart."""

LineType = Literal[
    "fixed",
    "mobile",
    "fixed_or_mobile",
    "toll_free",
    "premium",
    "shared_cost",
    "voip",
    "personal",
    "pager",
    "uan",
    "voicemail",
    "unknown",
]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")]
Number = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{1,15}\*?$")]
Told = Action | Literal["allow"]


class PhoneSettings(CheckSettings):
    """`action` is for what the campaign lists; what it need not list has actions of its own.

    Line types are those of the phone field type. A number of unknown type passes unless `unknown` is denied.
    """

    allow: tuple[LineType, ...] = Field((), description="Line types that pass; empty: all.")
    deny: tuple[LineType, ...] = Field((), description="Line types that don't pass.")
    regions: tuple[Region, ...] = Field((), description="Regions that pass, as US; empty: all.")
    numbers: tuple[Number, ...] = Field(
        (), description="Numbers that don't pass; +1900* is all that begin so."
    )
    repeated: Told = Field("flag", description="One digit seven times, as 222-2222.")
    sequential: Told = Field("flag", description="Seven digits in a row, as 234-5678.")
    fictional: Told = Field("flag", description="Ranges kept for films and manuals, as 555-0100.")
    toll_free: Told = Field("flag", description="Toll-free numbers: no person is called on one.")
    premium: Told = Field("flag", description="Premium-rate numbers.")
    match: tuple[FieldName, ...] = Field(
        (), description="State and postal code fields that the area code is held against."
    )
    elsewhere: Told = Field("flag", description="An area code of none of the states that `match` names.")
    abroad: Told = Field(
        "flag", description="A number of another country than that of the states in `match`."
    )
    facts: bool = Field(
        False, description="Note line type, states and time zones where nothing is wrong too."
    )
    fields: tuple[FieldName, ...] = Field((), description="Names of fields; empty: every phone field.")
    known: ClassVar[Action] = "flag"

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(n[:-1] for n in self.numbers if n.endswith("*"))

    def passes(self, line_type: str) -> bool:
        """A type that stands for two passes when either of them would."""
        kinds = (line_type, *BOTH) if line_type == EITHER else (line_type,)
        if line_type in self.deny or (line_type == EITHER and set(self.deny).issuperset(BOTH)):
            return False
        return not self.allow or line_type == "unknown" or any(k in self.allow for k in kinds)


def _phones(lead: Lead, to: PhoneSettings) -> Iterator[tuple[str, Value]]:
    fields = lead.fields
    for name in to.fields or fields:
        value = fields.get(name)
        if value is not None and value.valid and "line_type" in value.parts:
            yield name, value


def _stated(lead: Lead, to: PhoneSettings) -> tuple[frozenset[str], frozenset[str]]:
    """The states in which the lead says that it lives, and their countries."""
    stated: set[str] = set()
    countries: set[str] = set()
    for name in to.match:
        value = lead.fields.get(name)
        if value is None or not value.valid:
            continue
        if (state := state_of(value)) is not None:
            countries.add(state[0])
            stated.add(state[1])
        elif (place := place_of(value)) is not None:
            countries.add(place.country)
            stated |= place.states
    return frozenset(stated), frozenset(countries)


def _facts(value: Value) -> dict[str, Any]:
    number, parts = str(value.normal), value.parts
    facts: dict[str, Any] = {
        "phone.line_type": str(parts.get("line_type") or "unknown"),
        "phone.region": str(parts.get("region") or ""),
        "phone.states": sorted(states_of(number)),
        "phone.zones": list(zones_of(number)),
    }
    if carrier := carrier_of(number):
        facts["phone.carrier"] = carrier
    return facts


@checks.register
class Phone(Check[PhoneSettings]):
    """Looks at what kind of line a valid number is; whether it is a number is the field type's.

    Facts: `phone.line_type`, `phone.region`, `phone.states`, `phone.zones` (tz names: several where the
    numbering plan can't tell, none for a number of no place) and `phone.carrier` (whom the range was given to, of
    mobiles outside of +1). People take their number along when they move, and when they change carriers.
    """

    name = "phone"
    settings = PhoneSettings
    order = 40
    codes = {
        "line_type": "The number is of a line type that the campaign does not take.",
        "region": "The number is of a region that the campaign does not take.",
        "denied": "The number is on the campaign's list of denied numbers.",
        "toll_free": "The number is toll-free: a firm's, not a person's.",
        "premium": "The number is a premium-rate one: calling it costs, and no person is there.",
        "repeated": "The number ends in one digit seven times.",
        "sequential": "The number ends in seven digits in a row.",
        "fictional": "The number is of a range that is kept for films and manuals.",
        "elsewhere": "The area code is of another state than the lead's state or postal code.",
        "abroad": "The number is of another country than the lead's state or postal code.",
        "known": "Nothing is wrong with it: what is known of the number, where the campaign asks for facts.",
    }

    def run(self, lead: Lead, to: PhoneSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, value in _phones(lead, to):
            for code, says in (*_listed(value, to), *_typed(value, to), *_elsewhere(lead, value, to)):
                action = getattr(to, code, to.action)
                if action != "allow":
                    yield self._finding(field, code, says, action, to)
            if to.facts:
                says = f"{field} is known"
                yield Finding(check="phone", code="known", message=says, field=field, facts=_facts(value))

    def _finding(self, field: str, code: str, says: str, action: Action, to: PhoneSettings) -> Finding:
        return Finding(
            check="phone",
            code=code,
            message=f"{field} {says}",
            field=field,
            action=action,
            points=to.points,
        )


def _listed(value: Value, to: PhoneSettings) -> Iterator[tuple[str, str]]:
    """(code, what it says) of what the campaign itself has named."""
    line_type = str(value.parts["line_type"] or "unknown")
    if (to.allow or to.deny) and not to.passes(line_type):
        yield "line_type", f"is of line type {line_type}"
    region = value.parts.get("region")
    if to.regions and region not in to.regions:
        yield "region", f"is of region {region or 'unknown'}"
    number = str(value.normal)
    if to.numbers and (number in to.numbers or number.startswith(to.prefixes)):
        yield "denied", "is on the list of denied numbers"


def _typed(value: Value, to: PhoneSettings) -> Iterator[tuple[str, str]]:
    """(code, what it says) of numbers on which nobody is met. A line type that is denied has been told."""
    line_type = value.parts["line_type"]
    if line_type == "toll_free" and to.passes("toll_free"):
        yield "toll_free", "is toll-free"
    elif line_type == "premium" and to.passes("premium"):
        yield "premium", "is a premium-rate number"
    number = str(value.normal)
    if repeated(number):
        yield "repeated", "is one digit again and again"
    elif sequential(number):
        yield "sequential", "is digits in a row"
    if fictional(number):
        yield "fictional", "is of a range that is kept for films"


def _elsewhere(lead: Lead, value: Value, to: PhoneSettings) -> Iterator[tuple[str, str]]:
    """Of one state that the address may lie in is enough: a ZIP code may lie in two."""
    if not to.match:
        return
    states, (stated, countries) = states_of(str(value.normal)), _stated(lead, to)
    region = value.parts.get("region")
    if states and stated and not states & stated:
        yield "elsewhere", "is of another state than the address"
    elif not states and region and countries and not _of(str(region), value, countries):
        yield "abroad", "is of another country than the address"


def _of(region: str, value: Value, countries: frozenset[str]) -> bool:
    """Territories have states' codes: a number of PR is one of US. One that is toll-free is of no place."""
    if value.parts["line_type"] in ("toll_free", "premium"):
        return True
    return region in countries or ("US" in countries and region in US_STATES)
