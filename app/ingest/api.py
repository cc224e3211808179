"""What the answers of platforms' own APIs have in common: when to come again, and what is no answer at all."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator

from app.core.errors import Unreadable
from app.ingest.platform import Got, Later
from app.ingest.webhook import json_in

_LIMITED, _DENIED = frozenset((420, 429)), frozenset((401, 403))


def _base(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise ValueError("is no address of an API; write https://api.example.com")
    return text.rstrip("/")


ApiUrl = Annotated[str, AfterValidator(_base)]


def object_of(got: Got) -> dict[str, Any]:
    """The JSON object of an answer. Raises Later: whoever answers otherwise is not the platform, or not well."""
    try:
        found = json_in(got.body)
    except Unreadable:
        found = None
    if type(found) is not dict:
        raise Later("garbled")
    return found


def refuse_unless_ok(got: Got) -> None:
    """Raises Later for whatever is not 200, with the wait that the platform asks for."""
    if got.status == 200:
        return
    if got.status in _LIMITED:
        raise Later("limited", after_of(got) or 60.0)
    raise Later("denied" if got.status in _DENIED else "failed", after_of(got))


def after_of(got: Got) -> float | None:
    """Retry-After in seconds; a date is not worth reading."""
    text = got.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
