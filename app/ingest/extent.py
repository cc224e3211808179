"""Measures a workbook before it is opened: a sheet of two cells can unfold to gigabytes, a small zip file too."""

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from xml.parsers import expat

from app.ingest.format import Unreadable

MOST_BYTES = 100_000_000
MOST_CELLS = 2_000_000
"""Of the rectangle that holds all cells: the library allocates all of it, at 40 bytes each."""

_MOST_FILES = 2_000
_CHUNK = 1 << 16
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_REPEATS = re.compile(r"\d{1,7}")
_REFERENCE = re.compile(r"([A-Za-z]{1,4})(\d{1,8})")


def refuse_what_unfolds(data: bytes) -> None:
    """Of a zipped workbook (XLSX, ODS) every byte is counted; what its directory says is only a first guess."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            files = archive.infolist()
            if len(files) > _MOST_FILES or sum(file.file_size for file in files) > MOST_BYTES:
                raise too_large()
            left = MOST_BYTES
            for file in files:
                left -= _measured(archive, file, left)
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


def too_large() -> Unreadable:
    return Unreadable(
        f"the workbook unfolds to more than {MOST_BYTES // 1_000_000} MB or {MOST_CELLS} cells; send it as CSV",
        code="records",
    )


def _measured(archive: zipfile.ZipFile, file: zipfile.ZipInfo, left: int) -> int:
    """The file's true size. Its cells are looked at whatever its name: a sheet may have any."""
    file.file_size = left + 1  # what is said here is where reading stops
    del file.CRC
    name, size, parser = file.filename.lower(), 0, None
    if name.endswith("workbook.bin"):
        raise not_a_workbook()
    with archive.open(file) as opened:
        while chunk := opened.read(_CHUNK):
            if not size and chunk.lstrip(_BEFORE_XML).startswith((b"<", b"\0<")):
                parser = _parser(name)
            size += len(chunk)
            if size > left:
                raise too_large()
            if parser:
                _parsed(parser, chunk)
    return size


def _parsed(parser: expat.XMLParserType, chunk: bytes) -> None:
    try:
        parser.Parse(chunk, False)
    except expat.ExpatError:
        raise not_a_workbook() from None


def _parser(name: str) -> expat.XMLParserType:
    xlsx, ods = _XlsxExtent().started, _OdsExtent().started

    def both(tag: str, attributes: dict[str, str]) -> None:
        xlsx(tag, attributes)
        ods(tag, attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = both if name == "content.xml" else xlsx
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise Unreadable("a DOCTYPE and its entities are not read", code="doctype")


class _XlsxExtent:
    """The furthest row and column that a worksheet names, by reference or by counting on."""

    def __init__(self) -> None:
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
            if self.rows * self.columns > MOST_CELLS:
                raise too_large()

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

    def __init__(self) -> None:
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
        if (self.row + self.repeated) * self.columns > MOST_CELLS:
            raise too_large()


def _repeats(attributes: Mapping[str, str], of: str) -> int:
    said = next((v for k, v in attributes.items() if k.endswith(f"number-{of}-repeated")), "1")
    if not _REPEATS.fullmatch(said):
        raise not_a_workbook()
    return int(said)
