"""Measures a workbook before it is opened: a sheet of two cells can unfold to gigabytes, a small zip file too."""

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import NamedTuple
from xml.parsers import expat

from app.ingest.format import Unreadable


class Extent(NamedTuple):
    """`cells` of the rectangle that holds all of them: the library allocates all of it, at 40 bytes each."""

    bytes: int
    cells: int


OF_A_FILE = Extent(100_000_000, 2_000_000)
OF_A_BODY = Extent(10_000_000, 1_000_000)
"""A thousand leads take a tenth of it, and to measure more than that takes too long to be waited for."""

_MOST_DEPTH = 256
_LONGEST_TOKEN = 1_000_000
_MOST_FILES = 2_000
_CHUNK = 1 << 16
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_REPEATS = re.compile(r"\d{1,7}")
_REFERENCE = re.compile(r"([A-Za-z]{1,4})(\d{1,8})")


def refuse_what_unfolds(data: bytes, most: Extent = OF_A_FILE) -> None:
    """Of a zipped workbook (XLSX, ODS) every byte is counted; what its directory says is only a first guess."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            files = archive.infolist()
            if len(files) > _MOST_FILES or sum(file.file_size for file in files) > most.bytes:
                raise too_large(most)
            left = most.bytes
            for file in files:
                left -= _measured(archive, file, left, most)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if "encrypted" in str(error):
            raise encrypted() from None
        raise not_a_workbook() from None
    except Exception as error:
        if type(error).__module__ in ("zlib", "lzma"):
            raise not_a_workbook() from None
        raise


def encrypted() -> Unreadable:
    return Unreadable("the workbook is protected by a password; send it without", code="encrypted")


def not_a_workbook() -> Unreadable:
    return Unreadable("it is no workbook, or a damaged one; send XLSX, XLS or ODS", code="syntax")


def too_large(most: Extent) -> Unreadable:
    return Unreadable(
        f"the workbook unfolds to more than {most.bytes // 1_000_000} MB or {most.cells} cells; send it as "
        + ("CSV" if most is OF_A_FILE else "a batch"),
        code="records",
    )


def _measured(archive: zipfile.ZipFile, file: zipfile.ZipInfo, left: int, most: Extent) -> int:
    """The file's true size. Its cells are looked at whatever its name: a sheet may have any."""
    file.file_size = left + 1  # what is said here is where reading stops
    del file.CRC
    name, size, parse = file.filename.lower(), 0, None
    if name.endswith("workbook.bin"):
        raise not_a_workbook()
    with archive.open(file) as opened:
        while chunk := opened.read(_CHUNK):
            if not size and chunk.lstrip(_BEFORE_XML).startswith((b"<", b"\0<")):
                parse = _Parse(name, most).take
            size += len(chunk)
            if size > left:
                raise too_large(most)
            if parse:
                parse(chunk)
    return size


class _Parse:
    """One file of XML. The parser keeps what is open, and begins a token that has no end yet anew with every chunk."""

    def __init__(self, name: str, most: Extent) -> None:
        self.started = [_XlsxExtent(most).started]
        if name == "content.xml":
            self.started.append(_OdsExtent(most).started)
        self.depth = self.given = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def take(self, chunk: bytes) -> None:
        self.given += len(chunk)
        try:
            self.parser.Parse(chunk, False)
        except expat.ExpatError:
            raise not_a_workbook() from None
        if self.given - self.parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise not_a_workbook()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise not_a_workbook()
        for started in self.started:
            started(tag, attributes)

    def end(self, tag: str) -> None:
        self.depth -= 1


def _refuse_doctype(*_: object) -> None:
    raise Unreadable("a DOCTYPE and its entities are not read", code="doctype")


class _XlsxExtent:
    """The furthest row and column that a worksheet names, by reference or by counting on."""

    def __init__(self, most: Extent) -> None:
        self.most = most
        self.row = self.column = self.rows = self.columns = 0

    def started(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            said = attributes.get("r", "")
            self.row = int(said) if _REPEATS.fullmatch(said) else self.row + 1
            self.column = 0
        elif kind == "c":
            self._cell(attributes.get("r"))
            self.rows, self.columns = max(self.rows, self.row), max(self.columns, self.column)
            if self.rows * self.columns > self.most.cells:
                raise too_large(self.most)

    def _cell(self, said: str | None) -> None:
        if said is None:
            self.column += 1
            return
        found = _REFERENCE.fullmatch(said)
        if not found:
            raise not_a_workbook()
        self.column = 0
        for letter in found[1].upper():
            self.column = self.column * 26 + ord(letter) - 64
        self.row = int(found[2])


class _OdsExtent:
    """Rows and cells are written once with the number of their repetitions; those behind the last value don't count."""

    def __init__(self, most: Extent) -> None:
        self.most = most
        self.row = self.repeated = self.column = self.columns = 0

    def started(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "table":
            self.row = self.repeated = self.columns = 0
        elif kind == "table-row":
            self.row, self.column = self.row + self.repeated, 0
            self.repeated = _repeats(attributes, "rows")
        elif kind in ("table-cell", "covered-table-cell"):
            self.column += _repeats(attributes, "columns")
            if any(key.rpartition(":")[2] in ("value-type", "formula") for key in attributes):
                self._filled()
        elif kind == "p":
            self._filled()

    def _filled(self) -> None:
        self.columns = max(self.columns, self.column)
        if (self.row + self.repeated) * self.columns > self.most.cells:
            raise too_large(self.most)


def _repeats(attributes: Mapping[str, str], of: str) -> int:
    said = next((v for k, v in attributes.items() if k.endswith(f"number-{of}-repeated")), "1")
    if not _REPEATS.fullmatch(said):
        raise not_a_workbook()
    return int(said)
