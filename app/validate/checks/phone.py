"""Who may only call mobiles, or only numbers of a country, says so here."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.catalog.documents import FieldName
from app.model import Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Evidence, checks

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


class PhoneSettings(CheckSettings):
    """Line types are those of the phone field type. A number of unknown type passes unless `unknown` is denied."""

    allow: tuple[LineType, ...] = Field((), description="Line types that pass; empty: all.")
    deny: tuple[LineType, ...] = Field((), description="Line types that don't pass.")
    regions: tuple[Region, ...] = Field((), description="Regions that pass, as US; empty: all.")
    numbers: tuple[Number, ...] = Field(
        (), description="Numbers that don't pass; +1900* is all that begin so."
    )
    fields: tuple[FieldName, ...] = Field((), description="Names of fields; empty: every phone field.")

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


@checks.register
class Phone(Check[PhoneSettings]):
    """Looks at what kind of line a valid number is; whether it is a number is the field type's."""

    name = "phone"
    settings = PhoneSettings
    order = 40
    codes = {
        "line_type": "The number is of a line type that the campaign does not take.",
        "region": "The number is of a region that the campaign does not take.",
        "denied": "The number is on the campaign's list of denied numbers.",
    }

    def run(self, lead: Lead, to: PhoneSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, value in _phones(lead, to):
            line_type = str(value.parts["line_type"] or "unknown")
            if (to.allow or to.deny) and not to.passes(line_type):
                yield self._finding(field, "line_type", f"is of line type {line_type}", to)
            region = value.parts.get("region")
            if to.regions and region not in to.regions:
                yield self._finding(field, "region", f"is of region {region or 'unknown'}", to)
            number = str(value.normal)
            if to.numbers and (number in to.numbers or number.startswith(to.prefixes)):
                yield self._finding(field, "denied", "is on the list of denied numbers", to)

    def _finding(self, field: str, code: str, says: str, to: PhoneSettings) -> Finding:
        return Finding(
            check="phone",
            code=code,
            message=f"{field} {says}",
            field=field,
            action=to.action,
            points=to.points,
        )
