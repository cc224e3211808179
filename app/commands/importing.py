"""How `import` speaks: the plan, the bar, the end."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.commands.desk import say
from app.commands.voice import quiet
from app.commands.words import columns, counted, size, span
from app.ingest.mapping import FieldMap
from app.ingest.raw import written
from app.model import Record
from app.pipeline.batches import Given, Preview
from app.store.batches import Batch

_SHOWN, _ROWS = 30, 5
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BY = {
    "said": "as you said", "mapping": "the source's mapping", "name": "the name is alike", "values": "its values",
    "": "kept aside",
}  # fmt: skip


def plan_of(given: Given, shown: Preview) -> Iterator[str]:
    """How the file is read: its shape, and each column's way."""
    shape = shown.look.shape
    kind = (
        f"{shape.encoding}, {_DELIMITERS.get(shape.delimiter, 'csv')}" if shape.kind == "csv" else shape.kind
    )
    led = sum(one.field is not None for one in shown.guesses)
    yield f"{given.name}  {kind}, {size(given.size)}, {led} of {counted(len(shown.guesses), 'column')} are fields"
    told = [
        (_short(one.column), f"→ {one.field}" if one.field else "·", _BY[one.by]) for one in shown.guesses
    ]
    yield from (f"  {line}" for line in columns(told))
    for field in shown.lacking:
        yield f"  ! {field} is required, and none of the first rows has it: --map 'column={field}' says which column it is"


def first_rows(shown: Preview, fields: FieldMap) -> Iterator[str]:
    """As leads, before anything is begun."""
    for line, record in shown.look.first[:_ROWS]:
        yield ""
        yield f"  row at line {line}"
        yield from (
            f"    {text}" for text in _lead({shown.names.get(k, k): v for k, v in record.items()}, fields)
        )
    yield ""
    yield "Nothing was changed. --map 'column=field' corrects; without --dry-run it begins."


def _lead(record: Record, fields: FieldMap) -> list[str]:
    """Each field as it would be: its normal value, or why it has none."""
    found, _ = fields.apply(record)
    return columns(
        [
            (
                name,
                _short(written(value.normal))
                if value.valid
                else f"! {_short(written(value.raw))} {value.note}",
            )
            for name, value in found.items()
        ]
    )


def _short(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "�" for sign in text[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


class Bar:
    """Rows, rate, time left, and what became of them; on a terminal it moves, else a line now and then."""

    EVERY = 10.0

    def __init__(self, drawn: Progress | None, task: TaskID | None) -> None:
        self._drawn, self._task = drawn, task
        self._began = self._told = time.monotonic()
        self._done = 0.0
        self._first: int | None = None
        self._rows = 0
        self._counts = ""

    def read(self, done: float, rows: int) -> None:
        """`done` between 0 and 1; `rows` that are durable."""
        self._first = rows if self._first is None else self._first
        self._done, self._rows = min(1.0, done), rows
        self._show()

    def told(self, counts: str, *, done: float, rows: int) -> None:
        """What became of the rows, in a line of the caller's own."""
        self._counts = counts
        self.read(done, rows)

    def decided(self, batch: Batch, done: float | None = None) -> None:
        self._counts = (
            f"accepted {batch.accepted:,}  rejected {batch.rejected:,}  unreadable {batch.refused:,}"
        )
        if done is not None:
            self._done, self._rows = done, batch.rows
        self._show()

    @property
    def text(self) -> str:
        took = time.monotonic() - self._began
        rate = (self._rows - (self._first or 0)) / took if took > 0 and self._first is not None else 0
        speed = f"   {rate:,.0f}/s" if rate else ""
        return f"{self._rows:,} rows{speed}   {self._counts}".rstrip()

    def _show(self) -> None:
        if self._drawn is not None and self._task is not None:
            self._drawn.update(self._task, completed=self._done, told=self.text)
        elif time.monotonic() - self._told >= self.EVERY:
            self._told = time.monotonic()
            say(f"{self._done:4.0%}  {self.text}")


@contextmanager
def progress() -> Iterator[Bar]:
    """On standard error."""
    if quiet() or not sys.stderr.isatty():
        yield Bar(None, None)
        return
    drawn = Progress(
        TaskProgressColumn(), BarColumn(bar_width=24), TextColumn("{task.fields[told]}"), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with drawn:
        yield Bar(drawn, drawn.add_task("", total=1.0, told=""))


def ended(batch: Batch, errors: Path | None) -> Iterator[str]:
    """What came of it, and where the rest is."""
    until = batch.ended_at or batch.read_at or batch.created_at
    took = span((until - batch.created_at).total_seconds() * 1000)
    wrong = f" → {errors} (each with its reason)" if errors else ""
    counts = f"accepted {batch.accepted:,}, rejected {batch.rejected:,}, unreadable {batch.refused:,}"
    counts += "".join(
        f", {word} {n:,}" for word, n in (("held", batch.held), ("put aside", batch.parked)) if n
    )
    if batch.state == "failed" and batch.problem is not None:
        where = f" at {batch.problem['where']}" if batch.problem.get("where") else ""
        yield f"error: the rest of the file can't be read{where}: {batch.problem['detail']}"
        yield f"{counted(batch.rows, 'row')} before it came in: {counts}{wrong}"
        return
    if batch.state == "cancelled":
        yield f"cancelled behind {counted(batch.rows, 'row')}: {counts}, undecided {batch.undecided:,}{wrong}"
        yield "rows that came in stay leads; no more of the file is read"
        return
    if batch.state == "done":
        yield f"done   {counted(batch.rows, 'row')} in {took}: {counts}{wrong}"
        return
    yield f"durable   {counted(batch.rows, 'row')}: {counts}, undecided {batch.undecided:,}{wrong}"
    yield "the rest is decided by the running service, or by the next `leadgate serve`"
