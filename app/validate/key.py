"""What claims and counts are kept under: digests that say nothing of the lead they were made from."""

from collections.abc import Iterable
from hashlib import blake2b

from app.model import Scalar


def digest(*parts: str | int | bool | Iterable[Scalar]) -> bytes:
    """Sixteen bytes; different parts, different bytes, in every process and version.

    `ascii` keeps the borders between parts and never fails, whatever the text holds.
    """
    return blake2b(ascii(parts).encode("ascii"), digest_size=16).digest()


def folded(value: Scalar) -> Scalar:
    """Text compared as people compare it: ANNA is Anna."""
    return value.casefold() if isinstance(value, str) else value
