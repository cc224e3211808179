"""A person fills in one form; a script fills in hundreds."""

from collections.abc import Iterable
from functools import cached_property

from pydantic import Field

from app.core.duration import Duration
from app.model import Finding, Lead, Scalar
from app.validate.check import Check, CheckSettings, Evidence, Seen, checks
from app.validate.key import digest, identity

KIND = {"ip": "version", "email": "domain", "phone": "line_type"}
"""What `per` may call by kind → a part that only values of that kind have."""


class VelocitySettings(CheckSettings):
    """More than `most` leads with the same `per` in `within`. A field name is taken before a kind."""

    per: str = Field(min_length=1, description="source, ip, email, phone, or a field name.")
    most: int = Field(ge=1, description="How many pass.")
    within: Duration = Field(description="In how long.")

    @cached_property
    def seconds(self) -> int:
        return max(1, int(self.within.seconds))


def _counted(lead: Lead, per: str) -> tuple[str, Scalar]:
    """(field, value) that leads are counted by; the value is None where the lead has none."""
    if per == "source":
        return "", lead.source
    if per in lead.fields:
        return per, identity(lead, per)
    if part := KIND.get(per):
        for name, value in lead.fields.items():
            if value.valid and part in value.parts:
                return name, identity(lead, name)
    return "", None


@checks.register
class Velocity(Check[VelocitySettings]):
    """Counts leads that share a source, an address or a contact, this one included."""

    name = "velocity"
    settings = VelocitySettings
    order = 60
    codes = {"velocity": "More leads than allowed came in a short time."}

    def asks(self, lead: Lead, to: VelocitySettings) -> Iterable[Seen]:
        _, value = _counted(lead, to.per)
        return () if value is None else (self._seen(lead, to, value),)

    def run(self, lead: Lead, to: VelocitySettings, evidence: Evidence) -> Iterable[Finding]:
        field, value = _counted(lead, to.per)
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

    def _seen(self, lead: Lead, to: VelocitySettings, value: Scalar) -> Seen:
        """Each window counts under a key of its own, so that two rules never count one lead twice."""
        key = digest("velocity", lead.campaign, lead.test, to.per, to.seconds, (value,))
        return Seen(key, to.seconds)
