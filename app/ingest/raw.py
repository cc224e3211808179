"""A raw value as text, and the two ways a field type ends: it has a normal value, or it says why not."""

from collections.abc import Mapping
from typing import Any

from app.model import Raw, Scalar, Value

_NONE: Mapping[str, Any] = {}


def written(raw: Raw) -> str:
    """As its sender would write it, trimmed. A whole float is a number that a spreadsheet widened."""
    if type(raw) is str:
        return raw.strip()
    if raw is None:
        return ""
    if raw is True or raw is False:
        return "true" if raw else "false"
    if type(raw) is float and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    return str(raw)


def is_blank(raw: Raw) -> bool:
    """Blank is absent, whatever the field."""
    return raw is None or (type(raw) is str and (not raw or raw.isspace()))


def invalid(raw: Raw, note: str, parts: Mapping[str, Any] = _NONE) -> Value:
    """Kept as it came, without a normal value. `note` never repeats it."""
    return Value(raw, None, False, parts, note)


def valid(raw: Raw, normal: Scalar, parts: Mapping[str, Any] = _NONE, note: str = "") -> Value:
    return Value(raw, normal, True, parts, note)
