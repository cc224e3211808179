"""Reads leads that come as e-mail: ADF or other data as a part, files attached, or labelled lines and tables."""

import re
from functools import lru_cache
from typing import ClassVar

from app.core.errors import UnknownType
from app.ingest.body import joined, listed, too_many_fields
from app.ingest.format import MOST_FIELDS, MOST_RECORDS, Format, Unreadable, formats
from app.ingest.letter import Letter, Part, opened
from app.ingest.mailed import Facts, facts_of_html, facts_of_text
from app.ingest.reading import Reader
from app.model import Record

_FIRST_HEADER = re.compile(
    rb"(?:From |(?:Return-Path|Received|Delivered-To|Message-ID|MIME-Version|From|To|Subject|Date):)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<\?(?:xml|adf)\b|<(?:adf|leads?|prospect|contact|customer)[\s>]", re.IGNORECASE)
_NO_WORD = re.compile(r"\W+")
_XML, _ADF = "application/xml", "application/x-adf+xml"
_DATA = ("csv", "json", "tab-separated-values", "ms-excel", "spreadsheet", "spreadsheetml.sheet")


@formats.register
class Mail(Format):
    """One source of leads per mail, the first of: a part in XML (ADF is known by its root), the text itself if it is
    XML, attached tables (CSV, XLSX, XLS, ODS, JSON), labelled facts of the text or of the HTML, whichever has more.

    A fact's name is its label in lower case, other characters as `_`. Every record has `mail.from`, `mail.from_name`,
    `mail.reply_to`, `mail.subject`, `mail.message_id` and `mail.date` where the mail has them. Quoted replies are
    left out. A part of data that can't be read makes the mail unreadable, whatever else stands in it.
    """

    name = "mail"
    content_types: ClassVar[tuple[str, ...]] = ("message/rfc822", "message/global")
    examples = (
        (
            b"From: Portal <leads@portal.example>\r\nSubject: New lead\r\nMessage-ID: <1@portal.example>\r\n"
            b"Date: Mon, 30 Mar 2026 15:30:20 -0800\r\n\r\n"
            b"First Name: Ann\r\nE-mail: ann@example.com\r\nPhone = 512-555-0100\r\nMessage:\r\nCall me,\r\nplease.\r\n",
            "message/rfc822",
            [
                {
                    "first_name": "Ann",
                    "e_mail": "ann@example.com",
                    "phone": "512-555-0100",
                    "message": "Call me,\nplease.",
                    "mail.from": "leads@portal.example",
                    "mail.from_name": "Portal",
                    "mail.subject": "New lead",
                    "mail.message_id": "<1@portal.example>",
                    "mail.date": "2026-03-30T15:30:20-08:00",
                }
            ],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        letter = opened(body)
        records = _records(letter)
        if not records:
            raise Unreadable(
                "there is no data part, no table and no `label: value` line in the mail", code="empty"
            )
        if len(records) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        for record in records:
            record.update(letter.headers)
        return records

    def sniffs(self, body: bytes) -> bool:
        return _FIRST_HEADER.match(body) is not None


@lru_cache(maxsize=1)
def _reader() -> Reader:
    """A part is read as a body of its type would be, by whichever format that is."""
    return Reader(formats.discover())


def _records(letter: Letter) -> list[Record]:
    markup = [part for part in letter.files if part.kind in (_XML, "text/xml") or part.kind.endswith("+xml")]
    tables = [part for part in letter.files if part.kind.endswith(_DATA)]
    if adf := [part for part in markup if _is_adf(part)]:
        return _read(adf)
    texts = [Part(_XML, "utf-8", found.encode()) for text in letter.plain if (found := _markup_in(text))]
    return _read(markup) or _read(texts) or _read(tables) or _labelled(letter)


def _is_adf(part: Part) -> bool:
    return _reader().format_of(part.content_type, part.data).name == "adf"


def _read(parts: list[Part]) -> list[Record]:
    records: list[Record] = []
    for part in parts:
        try:
            records += _reader().read(part.data, part.content_type)
        except UnknownType:
            continue
        if len(records) > MOST_RECORDS:
            break
    return records


def _markup_in(text: str) -> str:
    """XML sent as plain text, perhaps with a greeting before it and a signature behind."""
    start = _MARKUP.search(text)
    end = text.rfind(">")
    return text[start.start() : end + 1] if start and end > start.start() else ""


def _labelled(letter: Letter) -> list[Record]:
    plain = [fact for text in letter.plain for fact in facts_of_text(text)]
    html = [fact for text in letter.html for fact in facts_of_html(text)]
    found = html if len(html) > len(plain) else plain
    return [_record(found)] if found else []


def _record(found: Facts) -> Record:
    if len(found) > MOST_FIELDS:
        raise too_many_fields()
    named = [(joined("", _NO_WORD.sub("_", label.lower()).strip("_")), value) for label, value in found]
    return listed([(name, value) for name, value in named if name])
