"""`retention`: drops days of history that nobody need keep."""

from datetime import timedelta
from typing import Annotated

import typer

from app.commands.desk import AsJson, DataDir, at_database, say, settings_beside, tell, world
from app.commands.moments import whole_days
from app.commands.words import columns, counted, size
from app.store import batches, upkeep
from app.store.database import Database

_OVER = {
    "callback": "callback",
    "partial": "partial lead",
    "amendment": "correction",
    "platform_lead": "named lead",
}


def retention(
    keep: Annotated[str | None, typer.Option(help="Days that stay: 90d (LEADGATE_KEEP_DAYS).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Drop whole days of history that are older than LEADGATE_KEEP_DAYS.

    Bytes as they came, fields, findings, attempts, events, refused bodies, batches, and callbacks, partial leads,
    corrections and named leads that are over. What a lead became and what its deliveries made stays; of its person nothing does.
    """
    settings = settings_beside(data_dir)
    days = settings.keep_days if keep is None else whole_days(keep)

    async def work(database: Database) -> None:
        before = world().now() - timedelta(days=days)
        async with database.acquire() as conn:
            found = await upkeep.days_before(conn, world().now().date(), days)
            old = await batches.begun_before(conn, before)
            over = await upkeep.over_before(conn, before)
        if not found and not old and not over:
            say(f"nothing is older than {days} days")
            return
        told = {
            "tables": [{"table": name, "bytes": n} for name, n in found],
            "batches": len(old), **over, "dry_run": dry_run,
        }  # fmt: skip
        for line in () if as_json else _listed(found):
            typer.echo(line)
        total = f"{len({name[-8:] for name, _ in found})} days, {size(sum(n for _, n in found))}"
        total += f", {len(old):,} {'batch' if len(old) == 1 else 'batches'}" if old else ""
        total += "".join(f", {counted(n, _OVER[table])}" for table, n in over.items())
        if dry_run:
            say(f"{total} would be dropped. Run without --dry-run to drop them.")
            tell(told, as_json=as_json)
            return
        if not yes:
            typer.confirm(f"Drop {total}? There is no way back but a backup.", abort=True, err=True)
        async with database.acquire() as conn:
            await upkeep.drop_days(conn, [name for name, _ in found])
            for batch_id in old:
                await batches.forget(conn, batch_id)
            await upkeep.forget_over(conn, before)
        say(f"{total} dropped")
        tell(told, as_json=as_json)

    at_database(settings, work)


def _listed(found: list[tuple[str, int]]) -> list[str]:
    """A day a line: its date, its size, the tables it is in."""
    by_day: dict[str, list[tuple[str, int]]] = {}
    for name, held in found:
        by_day.setdefault(name[-8:], []).append((name[:-9], held))
    rows = [
        (
            f"{day[:4]}-{day[4:6]}-{day[6:]}",
            size(sum(n for _, n in parts)),
            " ".join(table for table, _ in parts),
        )
        for day, parts in sorted(by_day.items())
    ]
    return columns(rows, right=(1,))
