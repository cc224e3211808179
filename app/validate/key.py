"""What claims and counts are kept under: digests that say nothing of the lead they were made from."""

from collections.abc import Iterable
from hashlib import blake2b

from app.model import Lead, Scalar


def digest(*parts: str | int | bool | Iterable[Scalar]) -> bytes:
    """Sixteen bytes; different parts, different bytes, in every process and version.

    `ascii` keeps the borders between parts and never fails, whatever the text holds.
    """
    return blake2b(ascii(parts).encode("ascii"), digest_size=16).digest()


def identity(lead: Lead, field: str) -> Scalar:
    """The valid value that two leads of one person share, in one case; None where the lead has none.

    A masked value (512*******) is shared by a thousand people.
    """
    value = lead.fields.get(field)
    if value is None or not value.valid or value.parts.get("masked"):
        return None
    return value.normal.casefold() if isinstance(value.normal, str) else value.normal
