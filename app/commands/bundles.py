"""Files of many leads: what went in each, what became of it, and its leads back into another where it failed."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from msgspec.structs import asdict

from app.catalog.rows import catalogue_of
from app.catalog.snapshot import Snapshot
from app.commands.answering import troubles
from app.commands.beside import Beside, beside, snapshot_of
from app.commands.completing import OfThisContract, contracts
from app.commands.desk import (
    REFUSED,
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    object_line,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.recalling import one_id
from app.commands.words import ICONS, coloured, columns, counted, moment, short, span, tail
from app.core.errors import Refused
from app.core.redaction import scrub
from app.distribute.batching import gathering
from app.store import bundle_book as book
from app.store import resting
from app.store.bundle_book import Answer, Member, Shown
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.trial import transaction

STATES = {
    "sending": "begun, and not ended",
    "sent": "it is there",
    "unsent": "certainly not there",
    "unclear": "perhaps there",
}
_ICONS = {"sending": "→", "sent": "✓", "unsent": "◷", "unclear": "?"}
_PLACE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ROWS = 20
_A_SECOND = 100
"""So many leads are put back at least."""

Named = Annotated[
    str, typer.Argument(metavar="FILE", help="A file's id, its last 6 characters or more, or its name.")
]
Utc = Annotated[bool, typer.Option("--utc", help="Times in UTC instead of the local zone.")]

bundles = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


@bundles.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    contract: OfThisContract = None,
    state: Annotated[list[str] | None, typer.Option(help=f"{', '.join(STATES)}; all unless said.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 30,
    utc: Utc = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Without a command: the newest files, each with what its leads are by now, and how many wait for the next."""
    if context.invoked_subcommand is not None:
        return
    states = [word.strip() for given in state or [] for word in given.replace("|", ",").split(",")]
    for word in states:
        if word not in STATES:
            raise fail(f"--state {word!r} is not one of {', '.join(STATES)}", 2)

    settings = settings_beside(data_dir)

    async def work(database: Database) -> tuple[list[Shown], list[str], list[tuple[str, int, datetime]]]:
        gather = await _gathering(database, contract)
        async with database.acquire() as conn:
            found = await book.listed(conn, contract=contract, states=states or None, limit=limit)
            lined_up = await book.lined_up(conn, gather)
        return found, await troubles(database, settings, {one.contract for one in found}), lined_up

    (found, unheard, lined_up), zone = at_database(settings, work), UTC if utc else None
    for line in (
        [object_line(_document(one)) for one in found]
        if as_json
        else columns([_line(o, zone) for o in found])
    ):
        typer.echo(coloured(line))
    if not found:
        say("there is no such file yet; contracts with `batch` make them, see docs/files.md")
    elif not as_json:
        say(
            "leadgate bundles show FILE · leadgate bundles again FILE --dry-run · leadgate bundles now CONTRACT"
        )
    for name, n, due in lined_up:
        wait = "lead of it waits" if n == 1 else "leads of it wait"
        say(
            f"{name}: {n:,} {wait} for the next file, which leaves {moment(due, zone, world().now())} at the latest"
        )
    for trouble in unheard:
        warn(trouble)


async def _gathering(database: Database, contract: str | None) -> list[str]:
    """The contracts that make files, or this one of them."""
    found = catalogue_of((await CatalogueStore(database).load())[1])
    named = [one for buyer in found.buyers for one in buyer.contracts if one.deliver.get("batch")]
    return [one.id for one in named if contract in (None, one.id)]


@bundles.command("show")
def show(
    file: Named,
    everything: Annotated[bool, typer.Option("--all", help="Every row.")] = False,
    utc: Utc = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """One file: where it lies, who answered for it, and what became of the lead in each row."""

    settings = settings_beside(data_dir)

    async def work(database: Database) -> tuple[Shown, list[Member], list[Answer], list[str]]:
        async with database.acquire() as conn:
            one = await _one(conn, file)
            rows, answers = await book.rows(conn, one.id), await book.answered(conn, one.id)
        return one, rows, answers, await troubles(database, settings, {one.contract})

    one, rows, answers, unheard = at_database(settings, work)
    zone = UTC if utc else None
    document = {**_document(one), "answers": [asdict(a) for a in answers], "rows": [_row(r) for r in rows]}
    shown = rows if everything else rows[:_ROWS]
    lines = [*_head(one, answers, zone), *columns([_cells(row) for row in shown], right=(0,))]
    tell(document, *map(coloured, lines), as_json=as_json)
    if len(shown) < len(rows) and not as_json:
        say(f"and {counted(len(rows) - len(shown), 'row')} more: --all")
    for trouble in unheard:
        warn(trouble)


@bundles.command("again")
def again(
    file: Named,
    not_there: Annotated[
        bool, typer.Option("--not-there", help="You have looked: the buyer does not have this file.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put the leads of a file that did not arrive into a new one; the running service sends it."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        parts = await beside(database, settings)
        async with database.acquire() as conn:
            one = await _one(conn, file)
            rows = await book.rows(conn, one.id)
        if one.state != "unsent" and not not_there:
            raise fail(_perhaps(one))
        if one.state != "unsent" and not dry_run:
            await _believed(database, one)
        back, refused = await _put_back(parts, rows, dry_run)
        document = {
            "id": one.id,
            "contract": one.contract,
            "name": one.name,
            "again": back,
            "refused": refused,
        }
        tell(document, _came_to(one, len(back), dry_run), as_json=as_json)
        for why, n in Counter(refused.values()).most_common():
            warn(f"not {n:,}: {why}")
        return 0 if back else REFUSED

    raise typer.Exit(at_database(settings, work))


@bundles.command("now")
def now(
    contract: Annotated[
        str, typer.Argument(metavar="CONTRACT", help="One with `batch`.", autocompletion=contracts)
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Send what waits for the next file of a contract without waiting for its time; the running service does."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        _makes_files(await snapshot_of(database, settings), contract)
        async with database.acquire() as conn, transaction(conn, dry=dry_run):
            n, due = await book.early(conn, contract)
            rests = any(one.contract == contract for one in await resting.everything(conn))
        text = f"nothing waits for a file of {contract}"
        if due is not None:
            when = moment(due, None, world().now())
            text = f"{counted(n, 'lead')} of {contract} {'would leave' if dry_run else 'leave'} now instead of {when}"
        tell({"contract": contract, "leads": n, "instead_of": due, "dry_run": dry_run}, text, as_json=as_json)
        if n and rests:
            warn(f"{contract} rests, for its buyer fails: they leave as soon as it has recovered")
        return 0 if n else REFUSED

    raise typer.Exit(at_database(settings, work))


def _makes_files(snapshot: Snapshot, contract: str) -> None:
    """Ends the command where no file of this contract would leave."""
    found = snapshot.contracts.get(contract)
    if found is None:
        raise fail(f"there is no contract {contract!r} (known: {', '.join(sorted(snapshot.contracts))})")
    if gathering(found.settings) is None:
        raise fail(f"{contract} has no `batch`: each of its leads leaves by itself, as soon as it can")
    if found.paused:
        raise fail(f"{contract} is paused: nothing leaves before it is not")


async def _one(conn: Any, text: str) -> Shown:
    """Its name has its id in it."""
    named = _PLACE.search(text)
    id_ = UUID(named[0]) if named else await one_id(conn, text, book.ending, "file")
    found = await book.one(conn, id_)
    if found is None:
        raise fail(f"there is no file {id_}")
    return found


# again ---------------------------------------------------------------------------------------------


def _perhaps(one: Shown) -> str:
    if one.state == "sending":
        return "this file is on its way at this moment"
    return (
        f"this file {'is' if one.state == 'sent' else 'is perhaps'} there, and what is in it goes into no other\n"
        f"→ look at {one.place or 'the buyer'}; if it is not there: leadgate bundles again {short(one.id)} --not-there\n"
        f"→ leadgate replay --contract {one.contract} --outcome unclear --even-unclear puts the same file there again"
    )


async def _believed(database: Database, one: Shown) -> None:
    """Where this dies the word stays, and saying it again goes on from there."""
    async with database.acquire() as conn, conn.transaction():
        if not await book.not_there(conn, one.id, one.contract):
            raise fail(
                "this file, or another of its contract, is being sent at this moment; try again in a while"
            )


async def _put_back(parts: Beside, rows: Sequence[Member], dry: bool) -> tuple[list[UUID], dict[str, str]]:
    """Who is asked again; who is not (delivery → why). They are due when the last of them is back, to leave together."""
    together = len(rows) / _A_SECOND
    back: list[UUID] = []
    refused: dict[str, str] = {}
    for row in rows:
        if row.later is not None:
            refused[str(row.delivery_id)] = f"in the file {tail(row.later)} since"
            continue
        try:
            await parts.replayer.ask(
                row.delivery_id, by=parts.by, in_seconds=together, even_unclear=True, dry=dry
            )
            back.append(row.delivery_id)
        except Refused as error:
            refused[str(row.delivery_id)] = error.detail
    return back, refused


def _came_to(one: Shown, n: int, dry: bool) -> str:
    if not n:
        return f"nothing of {one.name} is to be sent again"
    return f"{counted(n, 'lead')} of {one.name} {'would go' if dry else 'go'} into a new file"


# shown ---------------------------------------------------------------------------------------------


def _line(one: Shown, zone: tzinfo | None) -> list[str]:
    ended = f"{one.outcome} {scrub(one.reason or '')}".strip() if one.outcome else STATES[one.state]
    return [
        f"{_ICONS[one.state]} {one.state}", short(one.id), _at(one.begun_at, zone), one.contract,
        counted(one.size, "lead"), ended, _standing(one), one.name,
    ]  # fmt: skip


def _head(one: Shown, answers: Sequence[Answer], zone: tzinfo | None) -> list[str]:
    took = f", took {span(one.ms)}" if one.ms is not None else ""
    lines = [
        f"{_ICONS[one.state]} file {one.id}   {one.state}: {STATES[one.state]}   {one.contract}",
        f"  name      {one.name}",
        f"  begun     {_at(one.begun_at, zone)}{took}",
    ]
    if one.outcome:
        lines.append(f"  ended     {one.outcome} {scrub(one.reason or '')}".rstrip())
    if one.place and one.state != "unsent":
        lines.append(f"  {'mailed by' if one.place.startswith('smtp:') else 'lies     '} {one.place}")
    for answer in answers:
        lines.append(
            f"  answered  {answer.settled:,} of {one.size:,} by {answer.name}, {_at(answer.at, zone)}"
        )
    return [*lines, f"  leads     {one.size:,}: {_standing(one) or 'dropped with their days'}"]


def _standing(one: Shown) -> str:
    found = orjson.loads(one.standing)
    return ", ".join(f"{found[state]:,} {state}" for state in sorted(found, key=lambda s: (-found[s], s)))


def _cells(row: Member) -> list[str]:
    said = row.reference if row.state == "accepted" else scrub(row.reason or "")
    later = f"then in {tail(row.later)}" if row.later is not None else ""
    icon = ICONS.get(row.state.capitalize(), "·")
    return [
        f"{row.n:,}",
        icon,
        short(row.delivery_id),
        f"lead {short(row.lead_id)}",
        row.state,
        said or "",
        later,
    ]


def _at(at: datetime, zone: tzinfo | None) -> str:
    return moment(at, zone, world().now())


def _document(one: Shown) -> dict[str, Any]:
    return {**asdict(one), "reason": scrub(one.reason or ""), "standing": orjson.loads(one.standing)}


def _row(row: Member) -> dict[str, Any]:
    return {**asdict(row), "reason": scrub(row.reason or "")}
