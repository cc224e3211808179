"""Reads leads posted as HTML forms and most affiliate networks post them: name=value&name=value."""

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import unquote_to_bytes

from app.ingest.body import (
    as_utf8,
    charset_of,
    decoded,
    joined,
    listed,
    no_fields,
    refuse_empty,
    refuse_nul,
    too_deep,
    too_many_fields,
)
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, Format, Unreadable, formats
from app.model import Raw, Record

_MOST_ESCAPES = 2_000_000
_PIECE = 1 << 16
_BRACKETS = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])+")
_BEGINS = re.compile(rb"\s*[\w.%+\[\]-]{1,100}=[^\s<>{}]*\s*\Z")


@formats.register
class Form(Format):
    name = "form"
    content_types: ClassVar[tuple[str, ...]] = ("application/x-www-form-urlencoded",)
    examples = (
        (
            b"email=ann%40example.com&first+name=Ann&bill=120",
            "application/x-www-form-urlencoded",
            [{"email": "ann@example.com", "first name": "Ann", "bill": "120"}],
        ),
        (
            b"phone=5125550100&phone=5125550101&home[zip]=78701",
            "application/x-www-form-urlencoded; charset=UTF-8",
            [{"phone": "5125550100", "phone.0": "5125550100", "phone.1": "5125550101", "home.zip": "78701"}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        charset = charset_of(content_type)
        refuse_empty(body)
        if charset.startswith(("utf-16", "utf-32")) or body[:1] in b"\xef\xfe\xff":
            body, charset = as_utf8(body, charset), "utf-8"
        body = body.strip()
        if body[:1] in (b"{", b"<"):
            raise Unreadable(
                "the body is no form; say what it is in Content-Type (application/json, application/xml)",
                code="syntax",
                where="byte 1",
            )
        if body.count(b"&") >= MOST_FIELDS:
            raise too_many_fields()
        if body.count(b"%") > _MOST_ESCAPES:
            raise Unreadable(f"more than {_MOST_ESCAPES} percent signs in one lead", code="fields")
        record = listed(_pairs(body, charset))
        if not record:
            raise no_fields()
        return [record]

    def sniffs(self, body: bytes) -> bool:
        return bool(_BEGINS.match(body[:1024]))


def _pairs(body: bytes, charset: str) -> list[tuple[str, Raw]]:
    pairs: list[tuple[str, Raw]] = []
    start = 0
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name:
            key = _text(name, charset, start)
            if "[" in key:
                key = _dotted(key)
            text = _text(value, charset, start + len(name) + 1)
            if "\0" in text or "\0" in key:
                refuse_nul(key, "\0")
            pairs.append((key, text))
        start += len(pair) + 1
    return pairs


def _text(data: bytes, charset: str, start: int) -> str:
    if b"+" in data:
        data = data.replace(b"+", b" ")
    if b"%" in data:
        data = unquote_to_bytes(data) if len(data) <= _PIECE else b"".join(_unquoted(data))
    return decoded(data, charset, start)


def _unquoted(data: bytes) -> Iterator[bytes]:
    """By the piece, none of which ends within an escape: each one costs seventy times its bytes for a moment."""
    at = 0
    while at < len(data):
        end = at + _PIECE
        escape = data.rfind(b"%", end - 2, end)
        end = escape if escape >= 0 else end
        yield unquote_to_bytes(data[at:end])
        at = end


def _dotted(key: str) -> str:
    """`a[b][c]` → `a.b.c`; a last `[]` stays, it says that the name is a list."""
    if key.count("[") >= MOST_DEPTH:
        raise too_deep(key)
    if not _BRACKETS.fullmatch(key):
        return key
    steps = key.replace("]", "").split("[")
    tail = "[]" if steps[-1] == "" else ""
    name = ""
    for step in steps:
        name = joined(name, step) if step else name
    return name + tail
