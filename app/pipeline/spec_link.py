"""Addresses of one source's posting instructions that can be handed on: signed, for a while, without any key."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

PURPOSE = "spec link"
"""What the key is derived for, of the installation's secret: who has a link can make no other."""
LONGEST_DAYS = 365

Standing = Literal["good", "expired", "forged"]


def path_of(key: bytes, source: str, until: datetime) -> str:
    """Below the address of the service. Whoever has it reads this source's instructions until then."""
    return f"/spec/{quote(source)}?{query_of(key, source, until)}"


def query_of(key: bytes, subject: str, until: datetime) -> str:
    """What makes an address a signed one of this subject, until then."""
    expires = int(until.timestamp())
    return f"expires={expires}&sig={_signature(key, subject, expires)}"


def standing_of(key: bytes, source: str, expires: str, sig: str, now: datetime) -> Standing:
    """Compared in constant time, and before anything else is said of the address."""
    until = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 12 else 0
    if not hmac.compare_digest(sig.encode(errors="replace"), _signature(key, source, until).encode()):
        return "forged"
    return "good" if now < datetime.fromtimestamp(until, UTC) else "expired"


def _signature(key: bytes, source: str, expires: int) -> str:
    digest = hmac.digest(key, f"{expires} {source}".encode(errors="replace"), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")
