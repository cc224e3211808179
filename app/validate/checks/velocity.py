"""A person fills in one form; a script fills in hundreds."""

from collections.abc import Iterable
from functools import cached_property

from pydantic import Field

from app.core.addresses import network, plain
from app.core.duration import Duration
from app.model import Finding, Lead, Scalar
from app.validate.check import Check, CheckSettings, Evidence, Seen, checks
from app.validate.key import digest, identity
from app.validate.persons import FIRST, FULL, LAST, POSTCODES, STREETS

KIND = {"ip": "version", "email": "domain", "phone": "line_type"}
"""What `per` may call by kind → a part that only values of that kind have."""


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


Value = Scalar | tuple[Scalar, ...]


def _counted(lead: Lead, per: str) -> tuple[str, Value]:
    """(field, value) that leads are counted by; the value is None where the lead lacks any of it."""
    if "+" not in per or per in lead.fields:
        return _one(lead, per)
    parts = [_one(lead, part.strip()) for part in per.split("+")]
    values = tuple(value for _, value in parts)
    return "", None if None in values else values


def _one(lead: Lead, per: str) -> tuple[str, Scalar]:
    if per == "source":
        return "", lead.source
    if whole := _whole(lead, per):
        return "", whole
    if per in lead.fields:
        return per, identity(lead, per)
    if part := KIND.get(per):
        for name, value in lead.fields.items():
            if value.valid and part in value.parts:
                return name, identity(lead, name)
    return "", _of_kind(lead, per)


def _of_kind(lead: Lead, per: str) -> Scalar:
    """What no single field is: of the hosted form, or put together."""
    said = lead.extra.get("device.fingerprint" if per == "device" else "ip")
    match per:
        case "ip":
            return plain(said) or None if isinstance(said, str) else None
        case "device":
            return said if isinstance(said, str) and said else None
        case "network":
            return network(str(_one(lead, "ip")[1])) or None
    return None


def _whole(lead: Lead, per: str) -> str:
    """A name or an address that is there whole, however many fields it is in; a street alone is anywhere."""
    if per == "name":
        first, last = _folded(lead, FIRST), _folded(lead, LAST)
        return _folded(lead, FULL) or (first + last if first and last else "")
    if per == "address":
        street, place = _folded(lead, STREETS), _folded(lead, POSTCODES)
        return f"{street} {place}" if street and place else ""
    return ""


def _folded(lead: Lead, names: tuple[str, ...]) -> str:
    """Its letters and digits; empty where none of the fields came."""
    for name in names:
        value = identity(lead, name)
        if isinstance(value, str) and (text := "".join(c for c in value if c.isalnum())):
            return text
    return ""


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

    def _seen(self, lead: Lead, to: VelocitySettings, value: Value) -> Seen:
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
