"""`callbacks`: what sources were to be told and were not, and its next turn."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from app.commands.completing import OfThisSource
from app.commands.desk import USAGE, AsJson, DataDir, DryRun, at_database, fail, say, settings_beside, tell
from app.commands.words import counted, short, tail
from app.store import callbacks as rows
from app.store.database import Database
from app.store.trial import transaction

STATES = ("dead", "gone", "waiting", "sending", "promised")
Row = dict[str, Any]


def callbacks(
    source: OfThisSource = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is still waited for.")] = False,
    again: Annotated[
        str | None, typer.Option(help="Tell this one anew, by the end of its id; `all` for every one shown.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what sources could not be told of their leads, and tell them anew."""
    if dry_run and again is None:
        raise fail("--dry-run goes with --again", USAGE)

    async def work(database: Database) -> tuple[list[Row], list[UUID]]:
        async with database.acquire() as conn:
            found = await rows.listed(conn, STATES if every else STATES[:2], source, limit)
        if again is None:
            return found, []
        which = None if again == "all" else _meant(found, again)
        async with database.acquire() as conn, transaction(conn, dry=dry_run):
            return found, await rows.again(conn, which, source)

    found, told = at_database(settings_beside(data_dir), work)
    if again is not None:
        say(
            f"{counted(len(told), 'callback')} {'would be' if dry_run else 'is' if len(told) == 1 else 'are'} told anew"
        )
        for id_ in told:
            tell({"id": id_, "again": True, "dry_run": dry_run}, as_json=as_json)
        return
    for row in found:
        tell(row, _line(row), as_json=as_json)
    if not found:
        say("every source was told")


def _line(row: Row) -> str:
    tries = counted(row["attempts"], "try").replace("trys", "tries")
    told = (
        f"{tail(row['id'])}  {row['source']}  lead {short(row['lead_id'])}  {row['outcome'] or 'open'}  {row['state']}"
        f"  {tries}  {row['reason']}"
    )
    return told.rstrip()


def _meant(found: Sequence[Row], wanted: str) -> UUID:
    mine = [row["id"] for row in found if str(row["id"]).endswith(wanted.lstrip("…").lower())]
    if not mine:
        raise fail(f"no callback ends in {wanted!r}; `leadgate callbacks --all` shows them")
    if len(mine) > 1:
        raise fail(f"several callbacks end in {wanted!r}: {', '.join(map(str, mine[:3]))}; give more of it")
    one: UUID = mine[0]
    return one
