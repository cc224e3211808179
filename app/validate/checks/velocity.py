"""A person fills in one form; a script fills in hundreds."""

from collections.abc import Iterable
from functools import cached_property

from pydantic import Field

from app.core.duration import Duration
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, Seen, checks
from app.validate.key import digest
from app.validate.marks import Mark, mark_of


class VelocitySettings(CheckSettings):
    """More than `most` leads with the same `per` in `within`. A field name is taken before a kind, but for a
    name or an address that is there whole."""

    per: str = Field(
        min_length=1,
        description="source, ip, network (/24, /48), device, email, phone, name, address, or a field name; several joined by +.",
    )
    most: int = Field(ge=1, description="How many pass.")
    within: Duration = Field(description="In how long.")

    @cached_property
    def seconds(self) -> int:
        return max(1, int(self.within.seconds))


@checks.register
class Velocity(Check[VelocitySettings]):
    """Counts leads that share a source, an address or a contact, this one included."""

    name = "velocity"
    settings = VelocitySettings
    order = 60
    codes = {"velocity": "More leads than allowed came in a short time."}

    def asks(self, lead: Lead, to: VelocitySettings) -> Iterable[Seen]:
        _, value = mark_of(lead, to.per)
        return () if value is None else (self._seen(lead, to, value),)

    def run(self, lead: Lead, to: VelocitySettings, evidence: Evidence) -> Iterable[Finding]:
        field, value = mark_of(lead, to.per)
        count = None if value is None else evidence.get(self._seen(lead, to, value))
        if count is None or count <= to.most:
            return ()
        finding = Finding(
            check="velocity",
            code="velocity",
            message=f"more than {to.most} leads of the same {to.per} in {to.within}",
            field=field,
            action=to.action,
            points=to.points,
            facts={"count": count, "per": to.per},
        )
        return (finding,)

    def _seen(self, lead: Lead, to: VelocitySettings, value: Mark) -> Seen:
        """Each window counts under a key of its own, so that two rules never count one lead twice."""
        key = digest(
            "velocity",
            lead.campaign,
            lead.test,
            to.per,
            to.seconds,
            value if isinstance(value, tuple) else (value,),
        )
        return Seen(key, to.seconds)
