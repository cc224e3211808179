"""Plain values → YAML as a person would write it, which `tree` reads back to the very same values."""

import json
import re
from collections.abc import Iterator
from typing import Any

from app.catalog.tree import resolved

_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_/.(0-9][ -~\xa1-\xff]*\Z")
_PLAIN_IN_FLOW = re.compile(r"[^,\[\]{}\"'#&*!|>%@`]*\Z")
_UNPRINTABLE = re.compile(
    r"[^\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u2028\u2029]"
)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.,-]*\Z")


def block(value: Any, indent: int = 0) -> str:
    """A map or a list as indented lines; what is small stands on one line, as `{type: name, required: true}`."""
    return "".join(f"{' ' * indent}{line}\n" for line in _lines(value))


def flow(value: Any) -> str:
    """Any value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _scalar(value, in_flow=True)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{_key(key)}:", item, nested="  ")
    else:
        for item in value:
            if isinstance(item, dict) and item and not _is_small(item):
                inner = _lines(item)
                yield f"- {next(inner)}"
                yield from (f"  {line}" if line else "" for line in inner)
            else:
                yield from _entry("-", item, nested="  ")


def _entry(head: str, item: Any, *, nested: str) -> Iterator[str]:
    if isinstance(item, str) and _fits_literal(item):
        yield f"{head} {'|' if item.endswith(chr(10)) else '|-'}"
        yield from (f"{nested}{line}" if line else "" for line in item.removesuffix("\n").split("\n"))
    elif isinstance(item, dict | list) and item and not _fits(head, item):
        yield head
        yield from (f"{nested}{line}" if line else "" for line in _lines(item))
    else:
        text = flow(item) if isinstance(item, dict | list) else _scalar(item, in_flow=False)
        yield f"{head} {text}"


def _fits(head: str, item: Any) -> bool:
    return _is_small(item) and len(head) + len(flow(item)) < _WIDTH - 20


def _is_small(item: Any) -> bool:
    """Nothing in it but scalars on one line, and lists of them; no object with an id of its own."""
    if isinstance(item, dict):
        inner = list(item.values())
        return "id" not in item and all(_is_word(v) or (isinstance(v, list) and _words(v)) for v in inner)
    return _words(item)


def _words(items: Any) -> bool:
    return isinstance(items, list) and all(_is_word(item) for item in items)


def _is_word(value: Any) -> bool:
    return not isinstance(value, dict | list) and not (isinstance(value, str) and "\n" in value)


def _key(key: str) -> str:
    return key if _KEY.match(key) else _double_quoted(key)


def _scalar(value: Any, *, in_flow: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(value)
    return value if _is_plain(value, in_flow=in_flow) else _quoted(value)


def _number(value: float) -> str:
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent and "." not in mantissa:
        text = f"{mantissa}.0e{exponent}"
    return text


def _is_plain(text: str, *, in_flow: bool) -> bool:
    return (
        bool(_PLAIN.match(text))
        and text == text.strip()
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and not text.startswith(("...", "---"))
        and (not in_flow or (bool(_PLAIN_IN_FLOW.match(text)) and ":" not in text.replace("://", "")))
        and isinstance(resolved(text), str)
    )


def _quoted(text: str) -> str:
    """JSON's string is YAML's double-quoted one; single quotes read better around double ones."""
    if '"' in text and "\n" not in text and not _UNPRINTABLE.search(text):
        return "'" + text.replace("'", "''") + "'"
    return _double_quoted(text)


def _double_quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda m: f"\\U{ord(m[0]):08x}", quoted)


def _fits_literal(text: str) -> bool:
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and not _UNPRINTABLE.search(text)
        and not text.endswith("\n\n")
        and lines[0] == lines[0].lstrip(" ")
        and lines[0] != ""
        and lines[-1] != ""
        and all(line == line.rstrip(" \xa0") or line.strip() for line in lines)
        and all(line == "" or line.strip(" ") for line in lines)
    )
