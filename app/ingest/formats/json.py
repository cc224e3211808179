"""Reads leads posted as JSON, as most web forms, ad platforms and programs send them."""

import re
from typing import ClassVar

from app.ingest.body import as_utf8, charset_of, no_fields, refuse_empty
from app.ingest.format import MOST_RECORDS, Format, Unreadable, formats
from app.ingest.objects import record_of, value_of
from app.model import Record

_MARKS = b"\xef\xfe\xff\x00"  # how a byte order mark begins
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[)")
_LINES = re.compile(rb"[^\n]*\}[ \t\r]*\n\s*\{")


@formats.register
class Json(Format):
    name = "json"
    content_types: ClassVar[tuple[str, ...]] = ("application/json", "text/json", "+json")
    examples = (
        (
            b'{"email": "ann@example.com", "bill": 120.5, "phones": [{"number": "5125550100"}]}',
            "application/json",
            [{"email": "ann@example.com", "bill": 120.5, "phones.0.number": "5125550100"}],
        ),
        (
            b'[{"email": "ann@example.com"}, {"email": "bob@example.com", "consent": true}]',
            "application/json; charset=utf-8",
            [{"email": "ann@example.com"}, {"email": "bob@example.com", "consent": True}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        charset = charset_of(content_type)
        if charset != "utf-8" or body[:1] in _MARKS:
            refuse_empty(body)
            body = as_utf8(body, charset)
        data = value_of(body)
        has_nul = b"\\u0000" in body
        if type(data) is dict:
            return [record_of(data, None, has_nul)]
        if type(data) is not list:
            raise Unreadable("one lead is an object, several are an array of objects", code="shape")
        if len(data) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        if not data:
            raise no_fields()
        return [record_of(item, i, has_nul) for i, item in enumerate(data)]

    def sniffs(self, body: bytes) -> bool:
        """One value, not one a line."""
        start = body[:1024]
        return bool(_BEGINS.match(start)) and not _LINES.match(start)
