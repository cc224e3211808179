"""Reads a file of entries, plain or gzipped, of any size: a line an entry, in the one column that holds it."""

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from app.ingest.entry import Keys, Refusal
from app.ingest.format import Unreadable
from app.ingest.layout import SAMPLE, Text, encoding_of

LONGEST_LINE = 1 << 16
DELIMITERS = "\t|;,"
_GZIP = b"\x1f\x8b"
_LOOKED_AT = 50
_AREA, _REST = re.compile(r"[2-9][0-9]{2}"), re.compile(r"[2-9][0-9]{6}")
_NAME = re.compile(r"(?:[^\W\d][\w .#()-]{0,99})?")
_HASH = re.compile(r"(?i)[^a-z]*(hash|md5|sha-?1|sha-?256)")

Read = Callable[[str], Keys | Refusal]


class Columns(Struct, frozen=True, kw_only=True):
    """Where the entries stand. Several columns are one entry: the area code and the rest of a number."""

    delimiter: str = ""
    at: tuple[int, ...] = (0,)
    name: str = ""
    header: bool = False

    def of(self, line: str) -> str:
        """The entry in a line. A quotation mark never holds more than its line: one that is not closed takes no
        other entry with it."""
        if not self.delimiter and '"' not in line:
            return line
        cells = cells_of(line, self.delimiter)
        return "".join(cells[at].strip() for at in self.at if at < len(cells))


def cells_of(line: str, delimiter: str) -> Sequence[str]:
    if '"' not in line:
        return line.split(delimiter) if delimiter else (line,)
    try:
        return next(csv.reader((line,), delimiter=delimiter or ",", skipinitialspace=True), [])
    except csv.Error:
        return line.split(delimiter) if delimiter else (line,)


class EntryFile:
    """`lines` gives blocks of lines and how many bytes of the file were read for them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size

    def sample(self) -> list[str]:
        """Its first lines. Refuses a file without any."""
        with self.path.open("rb") as file:
            head = opened(file).read(SAMPLE)
        lines = [line for line in _text(head, final=len(head) < SAMPLE).splitlines() if line.strip()]
        if not lines:
            raise Unreadable("the file is empty", code="empty")
        return lines[:_LOOKED_AT]

    def blocks(self) -> Iterator[tuple[Sequence[str], int]]:
        """Lines without their ends; a line that has none within 65,536 characters is given cut, and refused as it is."""
        with self.path.open("rb") as file:
            stream = opened(file)
            data = _taken(stream)
            text, tail = Text(data, encoding_of(data)), ""
            while data:
                following = _taken(stream)
                whole = tail + text.take(data, final=not following)
                lines = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
                tail = lines.pop() if following or not lines[-1] else ""
                if whole.endswith("\r") and following:
                    tail, lines = lines.pop() + "\r" if lines else "\r", lines
                if len(tail) > LONGEST_LINE:
                    raise Unreadable(f"a line is longer than {LONGEST_LINE:,} characters", code="syntax")
                yield lines, file.tell()
                data = following


def opened(file: BinaryIO) -> BinaryIO:
    """What a file holds, whether it is gzipped or not."""
    head = file.read(2)
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if head == _GZIP else file  # type: ignore[return-value]  # reads alike


def _taken(stream: BinaryIO) -> bytes:
    try:
        return stream.read(1 << 20)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unreadable("the file is cut off, or no gzip file", code="truncated") from None


def _text(data: bytes, *, final: bool) -> str:
    return Text(data, encoding_of(data)).take(data, final=final)


# which column -----------------------------------------------------------------------------------------


def columns_of(lines: Sequence[str], read: Read, said: str | None, words: Sequence[str]) -> Columns:
    """As `said` (a name, a number from 1, `1+2`), else by its header (`words`), else by which cells are entries."""
    delimiter = _delimiter(lines)
    rows = [cells_of(line, delimiter) for line in lines]
    width = max(map(len, rows))
    good = [_share(rows[1:] or rows, at, read) for at in range(width)]
    header = (
        len(rows) > 1 and _is_header(rows[0]) and not any(_entry(rows[0], at, read) for at in range(width))
    )
    names = [cell.strip() for cell in rows[0]] if header else []
    if said:
        return _said(said, names, delimiter, width, header)
    if width == 1:
        return Columns(delimiter="", name=names[0] if names else "", header=header)
    if _is_split(rows[1:] or rows):
        return Columns(
            delimiter=delimiter, at=(0, 1), header=header and not _AREA.fullmatch(rows[0][0].strip())
        )
    at = _named(names, words, good)
    if at is None:
        fits = [at for at, share in enumerate(good) if share >= 0.5]
        if len(fits) != 1:
            found = ", ".join(names) if names else f"{width} columns"
            raise Unreadable(
                f"which column holds the entries? Say --column NAME or its number ({found})", code="header"
            )
        (at,) = fits
    return Columns(delimiter=delimiter, at=(at,), name=names[at] if names else "", header=header)


def _delimiter(lines: Sequence[str]) -> str:
    """The one that cuts all lines alike, and into the most; none where there is one column."""
    best, width = "", 1
    for one in DELIMITERS:
        widths = {len(cells_of(line, one)) for line in lines}
        if len(widths) == 1 and (found := widths.pop()) > width:
            best, width = one, found
    if not best:
        counts = {one: sum(one in line for line in lines) for one in DELIMITERS}
        likely = max(counts, key=lambda one: counts[one])
        best = likely if counts[likely] * 2 > len(lines) else ""
    return best


def _is_header(cells: Sequence[str]) -> bool:
    """Words and nothing else: a first entry that is none must be told of like any other."""
    return any(map(str.strip, cells)) and all(_NAME.fullmatch(cell.strip()) for cell in cells)


def _entry(cells: Sequence[str], at: int, read: Read) -> bool:
    return at < len(cells) and not isinstance(read(cells[at]), str)


def _share(rows: Sequence[Sequence[str]], at: int, read: Read) -> float:
    return sum(_entry(cells, at, read) for cells in rows) / len(rows)


def _is_split(rows: Sequence[Sequence[str]]) -> bool:
    """Area code and number in two columns, as registries of numbers are handed out."""
    return all(
        len(cells) > 1 and _AREA.fullmatch(cells[0].strip()) and _REST.fullmatch(cells[1].strip())
        for cells in rows
    )


def _named(names: Sequence[str], words: Sequence[str], good: Sequence[float]) -> int | None:
    """The first column with entries whose name has one of the words."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    for word in words:
        for at, name in enumerate(plain):
            if (name == word or word in name or _HASH.match(name)) and good[at] > 0:
                return at
    return None


def _said(said: str, names: Sequence[str], delimiter: str, width: int, header: bool) -> Columns:
    plain = [name.lower() for name in names]
    at = []
    for part in [said] if said.lower() in plain else said.split("+"):
        if part.strip().lower() in plain:
            at.append(plain.index(part.strip().lower()))
        elif part.strip().isdecimal() and 0 < int(part) <= width:
            at.append(int(part) - 1)
        else:
            known = f"it has {', '.join(names)}" if names else f"it has {width}, and no header"
            raise Unreadable(f"there is no column {part.strip()!r}; {known}", code="header")
    return Columns(delimiter=delimiter, at=tuple(at), name=said, header=header)
