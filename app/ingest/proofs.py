"""Whether a sender is who it says: compared over the bytes as they came, in constant time."""

import hmac
from collections.abc import Iterable
from typing import NoReturn

from app.core.errors import Forged


def same(given: str, expected: str) -> bool:
    """Takes as long for a near miss as for noise; an empty secret is nobody's."""
    return bool(expected) and hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def same_as_any(given: str, expected: Iterable[str]) -> bool:
    """For secrets in rotation: every one is compared, whichever fits."""
    fits = [same(given, one) for one in expected]
    return any(fits)


def hex_sha256(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def refuse(detail: str) -> NoReturn:
    """`detail` says what to set right where; never what was sent or expected."""
    raise Forged(detail)
