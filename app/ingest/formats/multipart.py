"""Reads leads posted as multipart/form-data, as browsers send forms that can carry files."""

import logging
import re
from typing import TYPE_CHECKING, ClassVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import (
    MultipartParser,
    MultipartState,
    parse_options_header,
)

from app.ingest.body import (
    charset_of,
    decoded,
    listed,
    no_fields,
    parameters,
    refuse_empty,
    refuse_nul,
    too_many_fields,
)
from app.ingest.format import MOST_FIELDS, Format, Unreadable, formats
from app.model import Raw, Record

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

logging.getLogger("python_multipart.multipart").disabled = True  # it logs what it reads: leads

_BEGINS = re.compile(
    rb"--([0-9A-Za-z'()+_,./:=?-]{1,70})\r\n(?:[\w-]+:[^\r\n]*\r\n){0,7}?content-disposition:\s*form-data",
    re.IGNORECASE,
)
_MOST_HEADERS = 8
_LONGEST_HEADER = 4_096


@formats.register
class Multipart(Format):
    """A file's content is not read: `NAME.name` and `NAME.size` stand for it."""

    name = "multipart"
    content_types: ClassVar[tuple[str, ...]] = ("multipart/form-data",)
    examples = (
        (
            b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nann@example.com\r\n'
            b'--x\r\nContent-Disposition: form-data; name="bill"; filename="bill.pdf"\r\n'
            b"Content-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
            [{"email": "ann@example.com", "bill.name": "bill.pdf", "bill.size": 4}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        refuse_empty(body)
        boundary = parameters(content_type).get("boundary")
        if not boundary:
            raise Unreadable("the Content-Type names no boundary", code="boundary", where="boundary")
        parts = _Parts(charset_of(content_type))
        parts.take(body, boundary)
        record = listed(parts.pairs)
        if not record:
            raise no_fields()
        return [record]

    def sniffs(self, body: bytes) -> bool:
        return _BEGINS.match(body[:1024]) is not None

    def told(self, body: bytes, content_type: str) -> str:
        """With the boundary that the body has: a script that sets the Content-Type by hand leaves it out."""
        found = _BEGINS.match(body[:1024])
        return f'{self.content_types[0]}; boundary="{found[1].decode()}"' if found else content_type


class _Parts:
    """What the parser calls back, part by part."""

    def __init__(self, charset: str) -> None:
        self.charset = charset
        self.pairs: list[tuple[str, Raw]] = []
        self.count = 0
        self._begin()

    def take(self, body: bytes, boundary: str) -> None:
        calls: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
        }
        try:
            parser = MultipartParser(
                boundary.encode("latin-1", "replace"),
                calls,
                max_header_count=_MOST_HEADERS,
                max_header_size=_LONGEST_HEADER,
            )
            parser.write(body)
        except FormParserError as error:
            at = getattr(error, "offset", -1)
            raise Unreadable(
                "the parts are not as multipart/form-data has them, or the boundary is another one",
                code="syntax",
                where=f"byte {at + 1}" if at >= 0 else None,
            ) from None
        if parser.state != MultipartState.END:
            raise Unreadable(
                "the body ends before its last boundary", code="truncated", where=f"byte {len(body)}"
            )

    def _begin(self) -> None:
        self.header, self.value, self.disposition = b"", b"", b""
        self.data: list[tuple[int, bytes]] = []
        self.count += 1
        if self.count > MOST_FIELDS + 1:  # the first call is our own
            raise too_many_fields()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.value
        self.header, self.value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self.data.append((start, data[start:end]))

    def _part_end(self) -> None:
        options = parse_options_header(self.disposition)[1]
        if b"name" not in options:
            raise Unreadable(
                "a part has no name in its Content-Disposition", code="syntax", where=f"part {self.count - 1}"
            )
        start = self.data[0][0] if self.data else 0
        name = decoded(options[b"name"], self.charset)
        data = b"".join(piece for _, piece in self.data)
        refuse_nul(name, name)
        if b"filename" in options:
            file_name = decoded(options[b"filename"], self.charset)
            refuse_nul(name, file_name)
            self.pairs += [(f"{name}.name", file_name), (f"{name}.size", len(data))]
        else:
            text = decoded(data, self.charset, start)
            refuse_nul(name, text)
            self.pairs.append((name, text))
