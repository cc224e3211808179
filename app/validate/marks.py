"""What leads have in common by which they are counted: a contact, a device, a network, a person at an address."""

from app.core.addresses import network, plain
from app.model import Lead, Scalar
from app.validate.key import identity
from app.validate.persons import FIRST, FULL, LAST, POSTCODES, STREETS

KIND = {"ip": "version", "email": "domain", "phone": "line_type"}
"""What `per` may call by kind → a part that only values of that kind have."""
Mark = Scalar | tuple[Scalar, ...]


def mark_of(lead: Lead, per: str) -> tuple[str, Mark]:
    """(field, value) that leads are counted by; the value is None where the lead lacks any of it.

    `per` is source, ip, network (/24, /48), device, email, phone, name, address, or a field, several joined by +. A
    field's name is taken before a kind, but for a name or an address that is there whole.
    """
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
