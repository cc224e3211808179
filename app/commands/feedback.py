"""What buyers tell of their leads: files of it taken in, and words that have no meaning yet."""

import csv
import getpass
import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import typer

from app.catalog.alone import read_alone
from app.catalog.documents import BuyerDoc
from app.catalog.hearing import FeedbackMapping, FileMapping
from app.catalog.problems import CatalogueErrors, render
from app.commands import completing
from app.commands.beside import beside
from app.commands.desk import (
    REFUSED,
    USAGE,
    AsJson,
    DataDir,
    at_database,
    fail,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.importing import progress
from app.commands.words import columns, counted
from app.core.metrics import Metrics
from app.followup.feedback import Result
from app.ingest.fieldtype import fieldtypes
from app.pipeline.faults import Retrying
from app.pipeline.feedback import AT_ONCE, Feedback
from app.pipeline.feedback_mapping import mapped_file
from app.pipeline.feedback_reading import Read, chunks, file_items
from app.pipeline.returning import Returns
from app.store import feedback as rows
from app.store.database import Database

_SHOWN = 20
_PASSED = "passed_over"
_MATCHED = ("accepted", "pending", "duplicate")

feedback = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)


@feedback.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSON or JSON Lines, also gzipped; by a mapping XML too.")
    ],
    buyer: Annotated[str, typer.Option(help="Whose feedback it is.", autocompletion=completing.buyers)],
    mapping: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ID", help="How it is read: a YAML file with a mapping, or one of the buyer's own."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of it, and keep nothing.")
    ] = False,
    errors: Annotated[Path | None, typer.Option(help="Where rows go that were not taken, with why.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take a file in as if its buyer had sent it. The same file again changes nothing."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        parts = await beside(database, settings)
        if buyer not in parts.snapshot.buyers:
            raise fail(f"there is no buyer {buyer!r} (known: {', '.join(parts.snapshot.buyers) or 'none'})")
        by_mapping = None if mapping is None else _mapping(parts.snapshot.buyers[buyer], mapping)
        clock, metrics = world(), Metrics()
        retrying = Retrying(clock, metrics)
        desk = Returns(database, parts.recorder, parts.tracker, clock, retrying, plans=lambda: parts.plans)
        taker = Feedback(database, desk, fieldtypes, clock, metrics, retrying, plans=lambda: parts.plans)
        counts: Counter[str] = Counter()
        left: list[tuple[int, Result]] = []
        with _opened(file) as (opened, raw, size), progress() as bar:
            number = 0
            for part in chunks(_items(opened, file.name, by_mapping), AT_ONCE):
                told = [(row, item) for row, item in part if item is not None]
                results = await taker.take(
                    [item for _, item in told], buyer, by=f"{getpass.getuser()} for {buyer}", dry=dry_run
                )
                for (row, _), result in zip(told, results, strict=True):
                    counts[_word(result)] += 1
                    if result.outcome not in _MATCHED:
                        left.append((row, result))
                counts[_PASSED] += len(part) - len(told)
                number += len(part)
                bar.told(_counts(counts), done=raw.tell() / max(1, size), rows=number)
        _say_left(left, errors)
        would = "would be: " if dry_run else ""
        line = f"{counted(sum(counts.values()), 'row')}, {would}{_counts(counts) or 'nothing in it'}"
        found = {word: n for word, n in counts.items() if n}
        tell(
            {"buyer": buyer, "rows": sum(counts.values()), **found, "dry_run": dry_run}, line, as_json=as_json
        )
        return REFUSED if left else 0

    raise typer.Exit(at_database(settings, work))


@feedback.command("words")
def words(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Words of buyers that nobody has given a meaning, the commonest first; `feedback: {words: …}` of a buyer does."""

    async def work(database: Database) -> Sequence[tuple[str, str, int]]:
        async with database.acquire() as conn:
            return await rows.unmapped(conn, limit)

    found = at_database(settings_beside(data_dir), work)
    if as_json:
        import orjson

        for buyer, word, n in found:
            typer.echo(orjson.dumps({"buyer": buyer, "word": word, "count": n}))
        return
    for line in columns([(buyer, f"{n:,}", word) for buyer, word, n in found], right=(1,)):
        typer.echo(line)
    if not found:
        say("every word has a meaning")


def _mapping(buyer: BuyerDoc, said: str) -> FeedbackMapping:
    """One that is configured goes before a file of that name."""
    if (own := buyer.feedback.mapping(said)) is not None:
        return own
    try:
        text = Path(said).read_text("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        known = ", ".join(one.id for one in buyer.feedback.mappings) or "none"
        raise fail(
            f"{said} can't be read as a mapping: {why} (mappings of {buyer.id}: {known})", USAGE
        ) from None
    try:
        return read_alone(said, text, FileMapping)
    except CatalogueErrors as errors:
        warn(render(errors.problems))
        raise typer.Exit(REFUSED) from None


def _items(opened: BinaryIO, name: str, mapping: FeedbackMapping | None) -> Iterator[tuple[int, Read | None]]:
    """(row, what it says), None where it is passed over."""
    return enumerate(file_items(opened, name), 1) if mapping is None else mapped_file(opened, name, mapping)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, BinaryIO, int]]:
    """(what is in it, the file as it lies there, its size)"""
    try:
        raw = file.open("rb")
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}") from None
    with raw:
        packed = file.suffix.lower() == ".gz"
        opened: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        yield cast("BinaryIO", opened), raw, file.stat().st_size


def _word(result: Result) -> str:
    return "late" if result.code == "too_late" else result.outcome


def _counts(counts: Counter[str]) -> str:
    order = ("accepted", "pending", "duplicate", "unmatched", "ambiguous", "late", "rejected", _PASSED)
    return "  ".join(f"{word.replace('_', ' ')} {counts[word]:,}" for word in order if counts[word])


def _say_left(left: Sequence[tuple[int, Result]], errors: Path | None) -> None:
    """What was not taken, and why."""
    if errors is not None and left:
        with errors.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(("row", "outcome", "code", "message", "deliveries"))
            writer.writerows(
                (n, one.outcome, one.code, one.message, " ".join(map(str, one.ids))) for n, one in left
            )
        warn(f"{counted(len(left), 'row')} not taken → {errors}")
        return
    for n, one in left[:_SHOWN]:
        why = one.outcome if one.code == one.outcome else f"{one.outcome}, {one.code}"
        warn(f"row {n}: {why}: {one.message}")
    if len(left) > _SHOWN:
        warn(f"… and {len(left) - _SHOWN:,} more; --errors FILE keeps them all")
