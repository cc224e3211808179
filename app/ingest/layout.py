"""Finds out how a table in text is written: its charset, its delimiter, its header; or says why that can't be known."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from typing import TYPE_CHECKING

from app.ingest.body import (
    BOMS,
    LONGEST_NAME,
    charset_named,
    no_fields,
    refuse_empty,
    refuse_nul,
    shown,
    too_many_fields,
)
from app.ingest.format import MOST_FIELDS, Unreadable

if TYPE_CHECKING:
    from _csv import Reader

SAMPLE = 1 << 17
DELIMITERS = "\t|;,"
"""The rarer in prose first: of two that fit equally the first is meant."""

_ROWS_LOOKED_AT = 20
_LINES_LOOKED_AT = 400
_LEAST_DIGITS_OF_DATA = 7


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written. `header` holds the names that its records have, `line` is where the header ends."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    quoted: bool
    spaced: bool = False
    """A blank stands between delimiter and quotation mark."""
    line: int = 1
    repeats: tuple[tuple[str, str], ...] = ()
    """`(phone.0, phone)` where the header has `phone` several times."""


def encoding_of(data: bytes) -> str:
    """By mark, else UTF-8 where every byte is (a last character may be cut off), else windows-1252."""
    for mark, marked in BOMS:
        if data.startswith(mark):
            return marked
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def look(sample: bytes, *, encoding: str | None = None, delimiter: str | None = None) -> Layout:
    """What the first bytes of a file (SAMPLE of them) say about all of it. Refuses what has no header."""
    refuse_empty(sample)
    marked = any(sample.startswith(mark) for mark, _ in BOMS)
    encoding = encoding_of(sample) if marked or encoding is None else charset_named(encoding)
    text = Text(sample, encoding).take(sample, final=False)
    lines = list(islice(StringIO(text, newline=""), _LINES_LOOKED_AT))
    if len(sample) >= SAMPLE and len(lines) < _LINES_LOOKED_AT:
        lines.pop()  # it may be cut
        if not lines:
            raise Unreadable("the first row is too long for a header", code="header", where="line 1")
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise no_fields()
    if said := _said(lines[first]):
        delimiter, first = said, first + 1
    delimiter = delimiter or max(DELIMITERS, key=lambda one: _fit(lines[first:], one))
    spaced = f'{delimiter} "' in "".join(lines[:_ROWS_LOOKED_AT])
    cells, length = _top(lines[first:], delimiter, spaced, first + 1)
    header, repeats = names_of(cells)
    return Layout(encoding, delimiter, header, '"' in text, spaced, first + length, repeats)


def reader_of(lines: Iterable[str], delimiter: str, spaced: bool) -> "Reader":
    """Strict: a quotation mark that is never closed would swallow the rows below it in silence."""
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=spaced)


def broken(error: csv.Error, line: int, last: int) -> Unreadable:
    """In our words: the module's own name its internals."""
    until = f" to {last}" if last > line else ""
    said = "a quotation mark is not closed, or one inside a cell is not doubled"
    if "limit" in str(error):
        said = f"a cell is longer than {csv.field_size_limit()} characters; perhaps {said}"
    return Unreadable(said, code="syntax", where=f"line {line}{until}")


def names_of(cells: Sequence[object]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """A header's names, trimmed. A name that comes again is `name.1`; the pairs say that `name.0` is the first."""
    if len(cells) > MOST_FIELDS:
        raise too_many_fields()
    plain = [" ".join(str(cell).split()) or f"column_{at}" for at, cell in enumerate(cells, 1)]
    for name in plain:
        refuse_nul(name, name)
        if len(name) > LONGEST_NAME:
            raise Unreadable(f"a name is longer than {LONGEST_NAME}", code="name", where=shown(name))
    times, used = Counter(plain), set(plain)
    seen: Counter[str] = Counter()
    names: list[str] = []
    for name in plain:
        number, final = seen[name], name
        while number and (final := f"{name}.{number}") in used:
            number += 1
        seen[name] = number + 1
        used.add(final)
        names.append(final)
    repeats = ((f"{name}.0", name) for name, count in times.items() if count > 1)
    return tuple(names), tuple((again, name) for again, name in repeats if again not in used)


def refuse_data_as_header(cells: Sequence[object], where: str) -> None:
    """A first row that is a lead already would name the columns after a person, and lose that person."""
    named = [str(cell).strip() for cell in cells if str(cell).strip()]
    without_letters = sum(not any(map(str.isalpha, name)) for name in named)
    if not named or any(map(_is_data, named)) or without_letters * 2 > len(named):
        raise Unreadable(
            "the first row names the columns, and this one holds data; put a header above it",
            code="header",
            where=where,
        )


def _is_data(cell: str) -> bool:
    address = "@" in cell and "." in cell.rpartition("@")[2]
    many_digits = sum(map(str.isdigit, cell)) >= _LEAST_DIGITS_OF_DATA
    return address or "://" in cell or (many_digits and sum(map(str.isalpha, cell)) <= 2)


def _top(lines: list[str], delimiter: str, spaced: bool, line: int) -> tuple[list[str], int]:
    """The header, and how many lines it takes."""
    reader = reader_of(lines, delimiter, spaced)
    try:
        cells = next((row for row in reader if any(map(str.strip, row))), [])
    except csv.Error as error:
        raise broken(error, line, line + reader.line_num - 1) from None
    length = reader.line_num
    under: list[str] = []
    with suppress(csv.Error):  # a row's own fault
        under = next(filter(any, reader), under)
    refuse_data_as_header(cells, f"line {line}")
    if len(cells) == 1 and len(under) > 1:
        raise Unreadable(
            "the first row names the columns, and this one has one cell where the next has several",
            code="header",
            where=f"line {line}",
        )
    return cells, length


def _said(line: str) -> str | None:
    """`sep=;`, by which spreadsheets tell one another the delimiter."""
    line = line.strip("\r\n")
    return line[4:] if len(line) == 5 and line[:4].lower() == "sep=" and line[4] in DELIMITERS else None


def _fit(lines: list[str], delimiter: str) -> tuple[float, int]:
    """How well it cuts: the share of rows that have as many cells as the header, then how many those are."""
    found: list[list[str]] = []
    try:
        found.extend(islice(filter(None, reader_of(lines, delimiter, True)), _ROWS_LOOKED_AT))
    except csv.Error:  # what came before it was kept
        if not found:
            return -1, 0
    width = len(found[0]) if found else 0
    if width < 2:
        return 0, max(map(len, found), default=0)
    alike = sum(len(row) == width for row in found)
    return (alike / len(found) if alike > 1 or len(found) == 1 else 0.01), width


class Text:
    """Bytes to text. Without an encoding it waits for the first byte beyond ASCII and decides by its surroundings."""

    def __init__(self, sample: bytes, encoding: str | None) -> None:
        mark, marked = next(((mark, name) for mark, name in BOMS if sample.startswith(mark)), (b"", encoding))
        self.at, self.skip = 0, len(mark)
        self.encoding = marked
        self.codec = codecs.getincrementaldecoder(marked)() if marked else None

    def take(self, data: bytes, *, final: bool) -> str:
        if self.skip:
            data, self.at, self.skip = data[self.skip :], self.skip, 0
        if self.codec is None:
            if data.isascii():
                self.at += len(data)
                return data.decode("ascii")
            self.encoding = encoding_of(data)
            self.codec = codecs.getincrementaldecoder(self.encoding)()
        return self._decoded(self.codec, data, final)

    def _decoded(self, codec: codecs.IncrementalDecoder, data: bytes, final: bool) -> str:
        held = len(codec.getstate()[0])
        try:
            text = codec.decode(data, final)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            raise Unreadable(
                f"a byte is not {self.encoding}; say the charset of the file, or send UTF-8",
                code="charset",
                where=f"byte {self.at - held + start + 1}",
            ) from None
        self.at += len(data)
        return text
