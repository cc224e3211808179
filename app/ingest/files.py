"""Reads the rows of a file of any size and any kind, one after the other, as a batch takes them in."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
from msgspec import Struct

from app.core.errors import UnknownType
from app.ingest.body import BOMS, charset_named, parameters
from app.ingest.format import Unreadable
from app.ingest.layout import SAMPLE, encoding_of, look
from app.ingest.named import WORKBOOK, type_of
from app.ingest.objects import BROKEN, DECODE, explained, record_of
from app.ingest.reading import Reader
from app.ingest.tabular import LONGEST_ROW, rows
from app.ingest.workbook import is_workbook, sheet_rows
from app.model import Record

Kind = Literal["csv", "sheet", "ndjson", "whole"]
Refusal = Callable[[int, Sequence[str], Unreadable], None]

MOST_WHOLE = 10_000_000
"""Bytes of a file that can only be read as one body, such as a feed."""

MOST_WORKBOOK = 100_000_000
_SHOWN = 20
_OF_KIND: dict[str, Kind] = {"csv": "csv", "sheet": "sheet", "ndjson": "ndjson"}
_UNTYPED = frozenset(
    ("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded")
)
"""Says nothing of a file; the last is what curl says when it is told nothing."""


class Shape(Struct, frozen=True, kw_only=True):
    """How a file is read: found out once and kept, so that whoever goes on reads it in the same way."""

    kind: Kind
    content_type: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"


class Look(Struct, frozen=True):
    """What was found out about a file before it is taken in; `first` rows with their lines."""

    shape: Shape
    first: Sequence[tuple[int, Record]]


def look_at(file: Path, content_type: str, reader: Reader, *, name: str = "") -> Look:
    """How a file is to be read, and its first rows. Refuses what is empty, of no kind, or holds no row."""
    with file.open("rb") as stream:
        head = stream.read(SAMPLE)
    if not head or head.isspace():
        raise Unreadable("the file is empty", code="empty")
    shape = _shape(head, content_type, reader, name)
    skipped: list[Unreadable] = []
    with file.open("rb") as stream:
        found = rows_of(stream, shape, reader, refused=lambda *told: _note(skipped, told[2]))
        first = list(islice(found, _SHOWN))
    if not first and skipped:
        raise skipped[0]
    if not first:
        raise Unreadable("there is a header and no lead below it", code="empty")
    if not shape.columns:
        seen = dict.fromkeys(column for _, record in first for column in record)
        shape = msgspec.structs.replace(shape, columns=tuple(seen))
    return Look(shape, first)


def is_held_whole(file: Path) -> bool:
    """Whether its rows can only be read with all of it in memory: a workbook."""
    with file.open("rb") as stream:
        return is_workbook(stream.read(8))


def sheet_named(sheet: str | None) -> str:
    """What a Content-Type says of a sheet."""
    escaped = (sheet or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'; sheet="{escaped}"' if sheet else ""


def _note(skipped: list[Unreadable], why: Unreadable) -> None:
    """A file without one readable row is refused after a thousand, not after all of them."""
    skipped.append(why)
    if len(skipped) > 1_000:
        raise skipped[0]


def rows_of(
    stream: BinaryIO, shape: Shape, reader: Reader, *, refused: Refusal
) -> Iterator[tuple[int, Record]]:
    """Each row with its line (from 1), in order; what can't be read of a row goes to `refused`, and reading goes on.

    Unreadable where the rest of the file can't be read.
    """
    if shape.kind == "csv":
        delimiter = "\t" if shape.content_type.startswith("text/tab") else None
        charset = parameters(shape.content_type).get("charset")
        return rows(stream, encoding=charset or None, delimiter=delimiter, refused=refused)
    if shape.kind == "ndjson":
        return _lines(stream, refused)
    if shape.kind == "sheet":
        data = _whole(stream, MOST_WORKBOOK, "send it as CSV")
        return sheet_rows(data, parameters(shape.content_type).get("sheet"), refused=refused)
    body = _whole(stream, MOST_WHOLE, "send CSV, XLSX or one JSON object a line")
    return iter(enumerate(reader.read(body, shape.content_type, sniff_untyped=True), 1))


def _shape(head: bytes, content_type: str, reader: Reader, name: str) -> Shape:
    said = content_type.strip()
    if said.partition(";")[0].strip().lower() in _UNTYPED:
        said = (type_of(name) or _text(name)) + "".join(said.partition(";")[1:])
    if said.partition(";")[0] == "":
        said = _sniffed(head, reader)
    if is_workbook(head):  # whatever it is called
        return Shape(kind="sheet", content_type=WORKBOOK + sheet_named(parameters(said).get("sheet")))
    kind = _OF_KIND.get(reader.format_of(said, head).name, "whole")
    if kind == "csv":
        return _table(head, said)
    if kind == "ndjson":
        _refuse_other_charsets(head, said)
    return Shape(kind=kind, content_type=said)


def _text(name: str) -> str:
    """A text that is sent as a batch is a table; lying in a folder it may be anything."""
    return "text/csv" if name.lower().endswith(".txt") else ""


def _sniffed(head: bytes, reader: Reader) -> str:
    if is_workbook(head):
        return WORKBOOK
    try:
        return reader.format_of("", head, sniff_untyped=True).content_types[0]
    except UnknownType:
        return "text/csv"


def _table(head: bytes, content_type: str) -> Shape:
    said = parameters(content_type)
    if said.get("header", "").lower() == "absent":
        raise Unreadable("a table without a header has no names for its columns; send one", code="header")
    encoding = charset_named(said["charset"]) if said.get("charset") else None
    layout = look(
        head, encoding=encoding, delimiter="\t" if content_type.lower().startswith("text/tab") else None
    )
    return Shape(
        kind="csv",
        content_type=content_type,
        columns=layout.header,
        delimiter=layout.delimiter,
        encoding=encoding or encoding_of(head),
    )


def _refuse_other_charsets(head: bytes, content_type: str) -> None:
    named = parameters(content_type).get("charset", "utf-8")
    marked = any(head.startswith(mark) for mark, _ in BOMS[1:])
    if marked or charset_named(named) not in ("utf-8", "ascii"):
        raise Unreadable("a batch of JSON lines is UTF-8", code="charset", where="byte 1")


def _whole(stream: BinaryIO, most: int, instead: str) -> bytes:
    body = stream.read(most + 1)
    if len(body) > most:
        raise Unreadable(f"a file of this kind has at most {most // 1_000_000} MB; {instead}", code="records")
    return body


def _lines(stream: BinaryIO, refused: Refusal) -> Iterator[tuple[int, Record]]:
    """JSON, one object a line. A line without end is no line, and ends the reading."""
    for line in range(1, 1 << 62):
        text = stream.readline(LONGEST_ROW + 1)
        if not text:
            return
        if len(text) > LONGEST_ROW:
            raise Unreadable(
                f"a line is longer than {LONGEST_ROW} bytes", code="syntax", where=f"line {line}"
            )
        text = text.removeprefix(b"\xef\xbb\xbf" if line == 1 else b"\x1e").strip(b"\x1e \t\r\n")
        if not text:
            continue
        try:
            yield line, _object(text)
        except Unreadable as why:
            refused(line, (text.decode("utf-8", "replace"),), why)


def _object(text: bytes) -> Record:
    try:
        data = DECODE(text)
    except BROKEN:
        raise explained(text) from None
    return record_of(data, None, b"\\u0000" in text)
