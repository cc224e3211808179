"""The same person, bought twice, is paid for once."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from app.catalog.documents import FieldName
from app.core.duration import Duration
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Claim, Earlier, Evidence, checks
from app.validate.key import digest, identity


class DuplicateSettings(CheckSettings):
    """A lead is a duplicate when any entry of `on` matches; all fields of a combination must match at once."""

    on: tuple[FieldName | tuple[FieldName, ...], ...] = Field(
        description="Field names, or lists of field names that count only together."
    )
    scope: Literal["campaign", "source", "all"] = Field("campaign", description="Among whose leads.")
    within: Duration = Field(Duration("30d"), description="How far back.")

    @field_validator("on")
    @classmethod
    def _names_something(cls, on: tuple[Any, ...]) -> tuple[Any, ...]:
        if not on or not all(on):
            raise ValueError("names no field; write on: [email, phone] or on: [[last_name, postal_code]]")
        return on

    @cached_property
    def entries(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(how it is called, names in one order): [a, b] and [b, a] are the same combination."""
        sets = ((entry,) if isinstance(entry, str) else tuple(sorted(set(entry))) for entry in self.on)
        return tuple(("+".join(names), names) for names in dict.fromkeys(sets))

    @cached_property
    def seconds(self) -> int:
        return max(1, int(self.within.seconds))


def _claims(lead: Lead, to: DuplicateSettings) -> Iterator[tuple[str, Claim]]:
    """(entry, its claim); an entry of which the lead lacks a field is skipped. Test leads have keys of their own."""
    among = "" if to.scope == "all" else lead.campaign if to.scope == "campaign" else lead.source
    for label, names in to.entries:
        values = [identity(lead, name) for name in names]
        if None not in values:
            yield label, Claim(digest("duplicate", to.scope, among, lead.test, label, values), to.seconds)


@checks.register
class DuplicateCheck(Check[DuplicateSettings]):
    """Claims the lead's keys, so that of any number of equal leads at one moment one is the first."""

    name = "duplicate"
    settings = DuplicateSettings
    order = 90
    claims = True
    codes = {"duplicate": "An earlier lead has the same values."}

    def asks(self, lead: Lead, to: DuplicateSettings) -> Iterable[Claim]:
        return [claim for _, claim in _claims(lead, to)]

    def run(self, lead: Lead, to: DuplicateSettings, evidence: Evidence) -> Iterable[Finding]:
        for label, claim in _claims(lead, to):
            earlier = evidence.get(claim)
            if isinstance(earlier, Earlier) and earlier.lead_id != lead.id:
                yield self._finding(lead, label, earlier, to)

    def _finding(self, lead: Lead, label: str, earlier: Earlier, to: DuplicateSettings) -> Finding:
        """Which lead it was is named only to the source that brought both."""
        identity = str(earlier.lead_id)
        other = f"…{identity[-8:]}" if earlier.source == lead.source else "an earlier lead"
        return Finding(
            check="duplicate",
            code="duplicate",
            message=f"same {label.replace('+', ' and ')} as {other}",
            field="" if "+" in label else label,
            action=to.action,
            points=to.points,
            facts={"earlier": identity, "on": label},
        )
