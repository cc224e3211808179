"""Reads leads posted as JSON Lines, one lead a line, as exports and streams send them."""

import re
from collections.abc import Iterator
from typing import ClassVar

from app.ingest.body import as_utf8, charset_of, no_fields, refuse_empty
from app.ingest.format import MOST_RECORDS, Format, Unreadable, formats
from app.ingest.objects import record_of, value_of
from app.model import Record

_RECORD_SEPARATOR = b"\x1e"  # RFC 7464: stands before each lead, which may then span lines
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\x1e|(?:\xef\xbb\xbf)?\s*\{[^\n]*\}[ \t\r]*\n\s*\{")
_MOST_LINES = 100 * MOST_RECORDS  # empty ones and those of a lead that spans several count too
_POSITION = re.compile(r"line (\d+)(, column \d+)\Z")


@formats.register
class Ndjson(Format):
    """A line is an object; empty lines are passed over. What is wrong is told with its line in the body."""

    name = "ndjson"
    content_types: ClassVar[tuple[str, ...]] = (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
        "application/json-seq",
    )
    examples = (
        (
            b'{"email": "ann@example.com", "bill": 120}\n{"email": "bob@example.com", "home": {"zip": "78701"}}\n',
            "application/x-ndjson",
            [{"email": "ann@example.com", "bill": 120}, {"email": "bob@example.com", "home.zip": "78701"}],
        ),
        (
            b'\x1e{"email": "ann@example.com"}\n\x1e{\n"email": "bob@example.com"}\n',
            "application/json-seq",
            [{"email": "ann@example.com"}, {"email": "bob@example.com"}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        refuse_empty(body)
        body = as_utf8(body, charset_of(content_type))
        if body.count(b"\n") + body.count(_RECORD_SEPARATOR) > _MOST_LINES:
            raise Unreadable(f"more than {_MOST_LINES} lines in one body", code="records")
        records: list[Record] = []
        for line, text in _texts(body):
            if text.isspace() or not text:
                continue
            if len(records) == MOST_RECORDS:
                raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
            records.append(_record(text, line))
        if not records:
            raise no_fields()
        return records

    def sniffs(self, body: bytes) -> bool:
        return bool(_BEGINS.match(body[:1024]))


def _texts(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(line at which it begins, JSON text of one lead)"""
    if _RECORD_SEPARATOR not in body:
        yield from enumerate(body.split(b"\n"), 1)
        return
    line = 1
    for text in body.split(_RECORD_SEPARATOR):
        yield line, text
        line += text.count(b"\n")


def _record(text: bytes, line: int) -> Record:
    try:
        return record_of(value_of(text), None, b"\\u0000" in text)
    except Unreadable as refused:
        raise Unreadable(refused.detail, code=refused.reason, where=_where(refused.where, line)) from None


def _where(where: str | None, line: int) -> str:
    """A position within the line as one in the body; a field by its path behind the line."""
    if position := _POSITION.match(where or ""):
        return f"line {line + int(position[1]) - 1}{position[2]}"
    return f"line {line}, {where}" if where else f"line {line}"
