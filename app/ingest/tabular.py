"""Reads the rows of a CSV or TSV file, of any size, in memory that doesn't grow with it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from app.ingest.format import Unreadable
from app.ingest.layout import SAMPLE, Layout, Text, broken, encoding_of, look, reader_of
from app.model import Record

if TYPE_CHECKING:
    from _csv import Reader

__all__ = ["LONGEST_ROW", "Layout", "Refusal", "encoding_of", "look", "rows"]

LONGEST_ROW = 1 << 20
Refusal = Callable[[int, Sequence[str], Unreadable], None]


def rows(
    stream: BinaryIO,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    refused: Refusal | None = None,
) -> Iterator[tuple[int, Record]]:
    """Each row with the line (from 1) at which it begins; blank rows are left out, missing last cells are absent.

    A row that can't be read goes to `refused(line, cells, why)`, if given, and reading goes on; else it is raised.
    What spoils the rest of the file (a charset, NUL, a row without end) is always raised.
    """
    sample = _read(stream, SAMPLE)
    layout = look(sample, encoding=encoding, delimiter=delimiter)
    undecided = encoding is None and sample.isascii()
    lines = _Lines(stream, sample, Text(sample, None if undecided else layout.encoding))
    reader = reader_of(chain.from_iterable(lines.blocks()), layout.delimiter, layout.spaced)
    while True:
        try:
            yield from _records(reader, lines, layout, refused)
            return
        except csv.Error as error:
            line, lines.read = lines.read + 1, reader.line_num
            why = broken(error, line, lines.read)
            if refused is None:
                raise why from None
            refused(line, (), why)


def _records(
    reader: "Reader", lines: "_Lines", layout: Layout, refused: Refusal | None
) -> Iterator[tuple[int, Record]]:
    names, width, repeats, top = layout.header, len(layout.header), layout.repeats, layout.line
    for cells in reader:
        line, lines.read = lines.read + 1, reader.line_num
        if line <= top or not "".join(cells).strip():
            continue
        if len(cells) > width and any(cells[width:]):
            why = _too_wide(line, len(cells), width)
            if refused is None:
                raise why
            refused(line, cells, why)
            continue
        record: Record = dict(zip(names, cells, strict=False))
        for again, name in repeats:
            if name in record:
                record[again] = record[name]
        yield line, record


def _too_wide(line: int, cells: int, width: int) -> Unreadable:
    return Unreadable(
        f"{cells} cells under a header of {width}; a cell that holds the delimiter stands in quotation marks",
        code="columns",
        where=f"line {line}",
    )


def _read(stream: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes unless the file ends: what is found out must not depend on how a socket cuts."""
    pieces = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _Lines:
    """The lines of a stream, a block at a time; `read` is the last line of the row that the reader gave last."""

    def __init__(self, stream: BinaryIO, sample: bytes, text: Text) -> None:
        self.stream, self.data, self.text = stream, sample, text
        self.read = 0

    def blocks(self) -> Iterator[StringIO]:
        tail, passed, gathered, read = "", 0, 0, 0
        data = self.data
        while data:
            following = _read(self.stream, SAMPLE)
            text = tail + self.text.take(data, final=not following)
            if "\0" in text:
                line = passed + text.count("\n", 0, text.index("\0")) + 1
                raise Unreadable("a NUL character stands in the file", code="nul", where=f"line {line}")
            gathered, read = (0 if self.read > read else gathered + len(data)), self.read
            if gathered > LONGEST_ROW or len(text) > LONGEST_ROW + SAMPLE:
                raise _endless(read + 1)
            cut = _cut(text) if following else len(text)
            block, tail = text[:cut], text[cut:]
            passed += block.count("\n")
            yield StringIO(block, newline="")
            data = following


def _endless(line: int) -> Unreadable:
    return Unreadable(
        f"a row is longer than {LONGEST_ROW} characters; perhaps a quotation mark is not closed",
        code="syntax",
        where=f"line {line}",
    )


def _cut(text: str) -> int:
    """Behind the last whole line; where lines end by CR alone, a last CR may yet be half of CR LF."""
    return text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1
