"""Reads leads from a table in text, as spreadsheets and other systems export it: CSV, TSV, by semicolon or bar."""

import re
from io import BytesIO
from itertools import islice
from typing import ClassVar

from app.ingest.body import charset_named, parameters
from app.ingest.format import MOST_RECORDS, Format, Unreadable, formats
from app.ingest.tabular import encoding_of, look, rows
from app.model import Record

_SNIFFED = 1_024
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_NO_NAME = (b"{", b"[", b"<", b"-", b"")
_NO_HEADER = re.compile(r":|\Acolumn_\d+\Z|(?:\S+ ){5}")


@formats.register
class Csv(Format):
    """The first row names the columns. Charset and delimiter are found out; more cells than names are refused.

    Without a charset in the Content-Type it is the byte order mark's, else UTF-8, else windows-1252.
    """

    name = "csv"
    content_types: ClassVar[tuple[str, ...]] = ("text/csv", "application/csv", "text/tab-separated-values")
    examples = (
        (
            b'first_name,email,comment\r\nAnn,ann@example.com,"roof, south\nno shade"\r\nBob,bob@example.com,\r\n',
            "text/csv",
            [
                {"first_name": "Ann", "email": "ann@example.com", "comment": "roof, south\nno shade"},
                {"first_name": "Bob", "email": "bob@example.com", "comment": ""},
            ],
        ),
        (
            "\ufeffname;phone;phone\nZoë;5125550100;5125550101\n".encode(),
            "text/csv; charset=utf-8",
            [
                {
                    "name": "Zoë",
                    "phone": "5125550100",
                    "phone.0": "5125550100",
                    "phone.1": "5125550101",
                }
            ],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        said = parameters(content_type)
        if said.get("header", "").lower() == "absent":
            raise Unreadable("a table without a header has no names for its columns; send one", code="header")
        tabs = content_type.partition(";")[0].strip().lower() == "text/tab-separated-values"
        encoding = charset_named(said["charset"]) if said.get("charset") else encoding_of(body)
        found = rows(BytesIO(body), encoding=encoding, delimiter="\t" if tabs else None)
        records = [record for _, record in islice(found, MOST_RECORDS + 1)]
        if len(records) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        if not records:
            raise Unreadable("there is a header and no lead below it", code="empty")
        return records

    def sniffs(self, body: bytes) -> bool:
        """Several columns under names, and a first row that fills them."""
        start = body[:_SNIFFED]
        if len(body) > _SNIFFED and start[:2] not in _WIDE:
            start = start[: start.rfind(b"\n") + 1]
        if start.lstrip()[:1] in _NO_NAME:
            return False
        try:
            layout = look(start)
            first = next(rows(BytesIO(start)), None)
        except Unreadable:
            return False
        names = layout.header
        filled = first is not None and len(names) > 1 and set(names) <= first[1].keys()
        return filled and not any(_NO_HEADER.search(name) for name in names)
