"""The rows of a batch that did not become an accepted lead, as a file like the one they came in, with the reason."""

import csv
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from io import StringIO
from pathlib import PurePath
from typing import IO, Any
from uuid import UUID

import msgspec
import orjson
from msgspec import Struct

from app.ingest.files import Shape
from app.ingest.named import WORKBOOK
from app.model import Raw, Record
from app.store import batch_errors as store
from app.store.batch_errors import Judged
from app.store.batches import Batch, RowRefusal
from app.store.database import Database

REASON = "reason"
_PARTS, _REFUSALS = 50, 500
_BLOCK = 1 << 16
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Wrong(Struct, frozen=True):
    """One row: what it held under the file's own names, else its cells, and why it was not taken."""

    line: int
    reason: str
    record: Record = {}
    cells: Sequence[str] = ()

    def under(self, columns: Sequence[str]) -> list[Raw]:
        if self.cells:
            return [*self.cells]
        return [self.record.get(column, "") for column in columns]


class ErrorFile(Struct, frozen=True):
    """What it is called, what kind it is, and its bytes as they are made."""

    name: str
    content_type: str
    chunks: AsyncIterator[bytes]


def error_file(database: Database, batch: Batch) -> ErrorFile:
    """CSV as CSV, a workbook as XLSX, all else as one JSON object a line."""
    shape = msgspec.json.decode(batch.shape, type=Shape)
    columns = [column for column in shape.columns if not _repeats(column, shape.columns)]
    stem, rows = PurePath(batch.name or "batch").stem, _wrong(database, batch)
    if shape.kind == "csv":
        suffix, kind = (
            (".tsv", "text/tab-separated-values") if shape.delimiter == "\t" else (".csv", "text/csv")
        )
        return ErrorFile(
            f"{stem}.errors{suffix}", f"{kind}; charset=utf-8", _csv(rows, columns, shape.delimiter)
        )
    if shape.kind == "sheet":
        return ErrorFile(f"{stem}.errors.xlsx", WORKBOOK, _xlsx(rows, columns))
    return ErrorFile(f"{stem}.errors.ndjson", "application/x-ndjson", _ndjson(rows))


def _repeats(column: str, columns: Sequence[str]) -> bool:
    """`phone.0` only says again what `phone` says."""
    return column.endswith(".0") and column[:-2] in columns


# the rows, in the order of the file -----------------------------------------------------------------


async def _wrong(database: Database, batch: Batch) -> AsyncIterator[list[Wrong]]:
    """What could not be read and what was rejected, merged by line, a page at a time: never all of it."""
    unread: list[Wrong] = []
    line, after, more = 0, UUID(int=0), True
    names = {name: column for column, name in batch.mapping.items()}
    while True:
        async with database.acquire() as conn:
            parts = await store.rejected(conn, batch.id, after, _PARTS)
            until = parts[-1].lines[-1] if parts else 1 << 62
            while more and (not unread or unread[-1].line < until):
                page = await store.refusals(conn, batch.id, line, _REFUSALS)
                unread += [_unread(one) for one in page]
                line, more = (page[-1].line if page else line), len(page) == _REFUSALS
                if not parts:
                    break
        due = [one for one in unread if one.line <= until]
        unread = unread[len(due) :]
        found = due + [one for part in parts for one in _rejected(part, names)]
        yield sorted(found, key=lambda one: one.line)
        if parts:
            after = parts[-1].id
        elif not more:
            return


def _unread(one: RowRefusal) -> Wrong:
    return Wrong(one.line, f"line {one.line}: {one.detail}", cells=one.cells)


def _rejected(part: Judged, names: Mapping[str, str]) -> list[Wrong]:
    """A body that retention has dropped leaves the line and the reason."""
    texts = part.body.split(b"\n") if part.body else []
    found = []
    for position, reasons in sorted(part.rejected.items()):
        record = orjson.loads(texts[position]) if position < len(texts) else {}
        given = {names.get(name, name): raw for name, raw in record.items()}
        line = part.lines[position]
        found.append(Wrong(line, f"line {line}: {_told(reasons)}", record=given))
    return found


def _told(reasons: str | None) -> str:
    said = orjson.loads(reasons) if reasons else []
    return "; ".join(
        f"{one['field']}: {one['message']}" if one.get("field") else one["message"] for one in said
    )


# as a file ------------------------------------------------------------------------------------------


async def _csv(
    pages: AsyncIterator[list[Wrong]], columns: Sequence[str], delimiter: str
) -> AsyncIterator[bytes]:
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow([*columns, REASON])
    async for page in pages:
        for one in page:
            cells = one.under(columns)
            writer.writerow([*cells[: len(columns)], *[""] * (len(columns) - len(cells)), one.reason])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


async def _ndjson(pages: AsyncIterator[list[Wrong]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield b"".join(
            orjson.dumps((one.record or {"text": "".join(one.cells)}) | {REASON: one.reason}) + b"\n"
            for one in page
        )


async def _xlsx(pages: AsyncIterator[list[Wrong]], columns: Sequence[str]) -> AsyncIterator[bytes]:
    """Written to a temporary file by openpyxl, which keeps no row in memory."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("errors")

    def cell(raw: Raw) -> Any:
        """Text is text, whatever it begins with: a formula that came in must not run at whoever opens this."""
        made = WriteOnlyCell(sheet, _UNPRINTABLE.sub("", raw) if isinstance(raw, str) else raw)
        if isinstance(raw, str):
            made.data_type = "s"
        return made

    sheet.append([cell(name) for name in [*columns, REASON]])
    async for page in pages:
        for one in page:
            cells = one.under(columns)[: len(columns)]
            padded = [*cells, *[""] * (len(columns) - len(cells)), one.reason]
            sheet.append([cell(raw) for raw in padded])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        for block in iter(_reading(file), b""):
            yield block


def _reading(file: IO[bytes]) -> Callable[[], bytes]:
    return lambda: file.read(_BLOCK)
