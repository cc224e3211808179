"""Reads the rows of one sheet of a workbook (XLSX, XLS, ODS) as the records that its CSV export would be."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from app.ingest.body import refuse_empty, refuse_nul
from app.ingest.compound import refuse_what_spreads
from app.ingest.extent import OF_A_FILE, Extent, encrypted, not_a_workbook, refuse_what_unfolds
from app.ingest.format import Unreadable
from app.ingest.layout import names_of, refuse_data_as_header
from app.model import Raw, Record

__all__ = ["is_workbook", "sheet_rows"]

Cell = int | float | str | bool | time | date | datetime | timedelta
Refusal = Callable[[int, Sequence[str], Unreadable], None]

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXACT = 2**53
_MIDNIGHT = time(0)


def is_workbook(data: bytes) -> bool:
    """By its first bytes: a zip file or an OLE container."""
    return data.startswith((_ZIP, _OLE))


def sheet_rows(
    data: bytes, sheet: str | None = None, *, refused: Refusal | None = None, most: Extent = OF_A_FILE
) -> Iterator[tuple[int, Record]]:
    """Each row below the header of the named sheet, else the first, with its row number (from 1).

    Dates as ISO 8601, whole numbers without `.0`, empty cells as empty text; blank rows are left out.
    A row that can't be read goes to `refused(row, cells, why)`, if given, and reading goes on; else it is raised.
    """
    refuse_empty(data)
    cells = _opened(data, sheet, most).iter_rows()
    names: tuple[str, ...] = ()
    repeats: tuple[tuple[str, str], ...] = ()
    for line, row in enumerate(cells, 1):
        try:
            values = [_raw(cell) for cell in row]
        except Unreadable as why:
            if refused is None or not names:
                raise
            refused(line, (), why)
            continue
        if all(value == "" for value in values):
            continue
        if not names:
            values = _trimmed(values)
            refuse_data_as_header(values, f"row {line}")
            names, repeats = names_of(values)
            continue
        try:
            record = _record(names, repeats, values, line)
        except Unreadable as why:
            if refused is None:
                raise
            refused(line, [str(value) for value in values], why)
            continue
        yield line, record


def _opened(data: bytes, sheet: str | None, most: Extent) -> CalamineSheet:
    if data.startswith(_ZIP):
        refuse_what_unfolds(data, most)
    elif data.startswith(_OLE):
        refuse_what_spreads(data, most)
    else:
        raise not_a_workbook()
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        if not book.sheet_names:
            raise Unreadable("the workbook has no sheet", code="empty")
        if sheet is not None and sheet not in book.sheet_names:
            raise Unreadable("the workbook has no sheet of that name", code="sheet", where="sheet")
        return book.get_sheet_by_name(sheet if sheet is not None else book.sheet_names[0])
    except PasswordError:
        raise encrypted() from None
    except (Unreadable, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except (CalamineError, BaseException):  # a panic of the library is no Exception
        raise not_a_workbook() from None


def _record(
    names: tuple[str, ...], repeats: tuple[tuple[str, str], ...], values: list[Raw], line: int
) -> Record:
    if any(value != "" for value in values[len(names) :]):
        raise Unreadable(
            f"a cell stands beside a header of {len(names)} columns; name its column",
            code="columns",
            where=f"row {line}",
        )
    record: Record = dict(zip(names, values, strict=False))
    for again, name in repeats:
        record[again] = record[name]
    return record


def _trimmed(values: list[Raw]) -> list[Raw]:
    while values and values[-1] == "":
        values.pop()
    return values


def _raw(cell: Cell) -> Raw:
    if isinstance(cell, str):
        refuse_nul("a cell", cell)
        return cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return int(cell)
    if isinstance(cell, datetime) and cell.time() == _MIDNIGHT:  # a sheet can't tell a date from its midnight
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell
