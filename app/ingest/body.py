"""What every format needs before it reads: the header's parameters, the charset, a position, the bounds."""

import codecs
import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache

from app.core.charsets import charset_named as charset_named
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, Unreadable
from app.model import Raw, Record

LONGEST_NAME = 500
"""Nested names are joined, so a long name over many leaves would grow far beyond the body."""

LEAST, MOST = -(2**63), 2**63 - 1

_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_QUOTED = re.compile(r"\\(.)")
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@lru_cache(maxsize=512)
def parameters(content_type: str) -> Mapping[str, str]:
    """The parameters of a Content-Type header, names in lower case; the first of two equal ones holds."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(content_type):
        quoted, plain = match[2], match[3]
        value = plain if quoted is None else _QUOTED.sub(r"\1", quoted)
        found.setdefault(match[1].lower(), value)
    return found


def charset_of(content_type: str) -> str:
    """What the header says, else UTF-8."""
    named = parameters(content_type).get("charset")
    return charset_named(named) if named else "utf-8"


def as_utf8(body: bytes, charset: str) -> bytes:
    """The body in UTF-8 without a byte order mark, which outranks the header. Never replaces a byte."""
    for mark, marked in BOMS:
        if body.startswith(mark):
            body, charset = body[len(mark) :], marked
            break
    return body if charset == "utf-8" else decoded(body, charset).encode()


def decoded(data: bytes, charset: str = "utf-8", start: int = 0) -> str:
    """Text, or Unreadable that says at which byte (from 1; `start` lies before `data`)."""
    try:
        return data.decode(charset)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"a byte is not {charset}; the Content-Type names the charset (charset=...), else it is UTF-8",
            code="charset",
            where=f"byte {start + error.start + 1}",
        ) from None


def place(text: str, at: int) -> str:
    """`line 3, column 14` of an offset in text, both from 1."""
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def refuse_empty(body: bytes) -> None:
    if not body or body.isspace():
        raise Unreadable("the body is empty", code="empty")


def refuse_nul(name: str, text: str) -> None:
    if "\0" in text:
        raise Unreadable("a NUL character stands in a value", code="nul", where=shown(name))


def too_many_fields() -> Unreadable:
    return Unreadable(f"more than {MOST_FIELDS} fields in one lead", code="fields")


def too_deep(where: str) -> Unreadable:
    return Unreadable(f"nested deeper than {MOST_DEPTH}", code="depth", where=shown(where) or None)


def no_fields(where: str | None = None) -> Unreadable:
    return Unreadable("there is no field in it", code="empty", where=where)


def shown(name: str) -> str:
    """A name as an error shows it: not without end."""
    printable = "".join(c if c.isprintable() else "�" for c in name[:101])
    return printable if len(printable) <= 100 else printable[:100] + "…"


def joined(path: str, name: str) -> str:
    whole = f"{path}.{name}" if path else name
    if len(whole) > LONGEST_NAME:
        raise Unreadable(f"a name is longer than {LONGEST_NAME}", code="name", where=shown(whole))
    return whole


def listed(pairs: list[tuple[str, Raw]]) -> Record:
    """Pairs as a record; a name that comes several times also stands as `name.0`, `name.1`; plain is the first.

    A name that ends in `[]` is a list even if it comes once.
    """
    record: Record = {}
    again: MutableMapping[str, int] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            name = name[:-2]
            again.setdefault(name, 0)
        elif name in record and name not in again:
            record[f"{name}.0"] = record[name]
            again[name] = 1
        if name in again:
            record[f"{name}.{again[name]}"] = value
            again[name] += 1
        record.setdefault(name, value)
    return record
