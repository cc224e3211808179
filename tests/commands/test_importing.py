"""How `import` tells where it is and how it ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, TextColumn

from app.commands.importing import Bar, ended
from app.store.batches import Batch

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BATCH = Batch(
    id=UUID(int=7), source="acme", fingerprint=b"", name="october.csv", size=1000, shape=b"{}", mapping={}, test=False,
    remote="", key_hint="", state="done", position=132, read_bytes=1000, kept=131, refused=1, accepted=120, rejected=11,
    held=0, parked=0, problem=None, lease_id=None, created_at=AT, read_at=AT + timedelta(seconds=1),
    ended_at=AT + timedelta(minutes=2, seconds=51),
)  # fmt: skip


def test_the_bar_has_rows_rate_time_left_and_what_became_of_the_rows() -> None:
    drawn = Progress(TextColumn("{task.fields[told]}"), console=Console(quiet=True))
    task = drawn.add_task("", total=1.0, told="")
    bar = Bar(drawn, task)
    bar.read(0.1, 1_000)
    bar.read(0.41, 430_112)
    bar.decided(replace(BATCH, accepted=381_004, rejected=48_871, refused=237))
    told = drawn.tasks[0].fields["told"]
    assert drawn.tasks[0].completed == 0.41
    assert told.startswith("430,112 rows   ")
    assert told.endswith("/s   accepted 381,004  rejected 48,871  unreadable 237")


def test_the_end_says_what_became_of_the_rows_and_where_the_others_are() -> None:
    assert list(ended(BATCH, Path("october.errors.csv"))) == [
        "done   132 rows in 2 min 51 s: accepted 120, rejected 11, unreadable 1"
        " → october.errors.csv (each with its reason)"
    ]


def test_a_file_that_breaks_off_ends_with_where_and_why() -> None:
    problem: Any = {"code": "nul", "detail": "a NUL character stands in the file", "where": "line 133"}
    first, then = ended(replace(BATCH, state="failed", problem=problem), None)
    assert (
        first == "error: the rest of the file can't be read at line 133: a NUL character stands in the file"
    )
    assert then == "132 rows before it came in: accepted 120, rejected 11, unreadable 1"


def test_what_nobody_has_decided_yet_is_said() -> None:
    first, then = ended(replace(BATCH, state="deciding", accepted=20), None)
    assert first == "durable   132 rows: accepted 20, rejected 11, unreadable 1, undecided 100"
    assert then == "the rest is decided by the running service, or by the next `leadgate serve`"
