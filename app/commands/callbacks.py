"""`callbacks`: what sources were to be told and were not, and its next turn."""

from typing import Annotated
from uuid import UUID

import typer

from app.commands.desk import DataDir, at_database, fail, say, settings_beside
from app.commands.words import counted, short, tail
from app.store import callbacks as rows
from app.store.database import Database

STATES = ("dead", "gone", "waiting", "sending", "promised")


def callbacks(
    source: Annotated[str | None, typer.Option(help="Of this source only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is still waited for.")] = False,
    again: Annotated[
        str | None, typer.Option(help="Tell this one anew, by the end of its id; `all` for every one shown.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    data_dir: DataDir = None,
) -> None:
    """Show what sources could not be told of their leads, and tell them anew."""

    async def work(database: Database) -> None:
        async with database.acquire() as conn:
            found = await rows.listed(conn, STATES if every else STATES[:2], source, limit)
            if again is not None:
                await _again(conn, found, again, source)
                return
        for row in found:
            tries = counted(row["attempts"], "try").replace("trys", "tries")
            outcome = row["outcome"] or "open"
            typer.echo(
                f"{tail(row['id'])}  {row['source']}  lead {short(row['lead_id'])}  {outcome}  {row['state']}"
                f"  {tries}  {row['reason']}".rstrip()
            )
        if not found:
            say("every source was told")

    at_database(settings_beside(data_dir), work)


async def _again(conn: object, found: list[dict[str, object]], wanted: str, source: str | None) -> None:
    if wanted == "all":
        say(f"{await rows.again(conn, None, source)} to be told anew")
        return
    mine = [row["id"] for row in found if str(row["id"]).endswith(wanted.lstrip("…").lower())]
    if len(mine) != 1 or not isinstance(mine[0], UUID):
        raise fail(f"{'no' if not mine else 'more than one'} callback ends in {wanted}")
    await rows.again(conn, mine[0], None)
    say("to be told anew")
