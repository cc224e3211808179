"""`replay`: asks buyers again for what died or waits, at a pace that they can bear."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from msgspec import Struct

from app.catalog.snapshot import Snapshot
from app.commands import completing
from app.commands.beside import Beside, beside
from app.commands.desk import (
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.moments import per_second, since_when
from app.commands.recalling import one_id
from app.commands.words import clock, span, tail
from app.core.errors import Refused
from app.distribute.caps import counted
from app.pipeline.replaying import PerhapsTaken
from app.store import looking, replays
from app.store.database import Database

STATES = ("dead", "waiting", "unclear")
_SHOWN = 10


class Chosen(Struct):
    """What would be asked again, and what can't be, with why; `asked` is what was, once it was."""

    ids: list[UUID]
    oldest: datetime | None = None
    refused: dict[UUID, Refused] = {}
    room: int | None = None
    asked: int = 0


def replay(
    delivery: Annotated[
        list[str] | None, typer.Argument(help="Deliveries' ids, or their last characters.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option(help="All of this contract.", autocompletion=completing.contracts)
    ] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(help="dead, waiting or unclear; dead and waiting unless said.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Ended or begun since 13:40, 2h or 2026-11-20.")] = None,
    until: Annotated[str | None, typer.Option(help="And before this moment.")] = None,
    rate: Annotated[str, typer.Option(help="How many a minute, second or hour: 60/m, 2/s.")] = "60/m",
    even_unclear: Annotated[
        bool, typer.Option("--even-unclear", help="Also unclear ones of buyers who may not ignore repeats.")
    ] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Ask buyers again for what died or waits. Delivery ids stay the same; the running service sends, as many a
    minute as `--rate` says."""
    states = _states(outcome)
    if not delivery and contract is None and since is None and until is None and outcome is None:
        raise fail("name deliveries, or say which: --contract, --outcome, --since", 2)
    pace, now = per_second(rate), world().now()
    when = since_when(since, now), since_when(until, now, "--until")
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        parts = await beside(database, settings)
        if contract is not None and contract not in parts.snapshot.contracts:
            raise fail(
                f"there is no contract {contract!r} (known: {', '.join(sorted(parts.snapshot.contracts))})"
            )
        chosen = await _chosen(database, delivery or [], contract, states, when)
        await _look(parts, chosen, even_unclear)
        _say_refused(chosen)
        if chosen.ids:
            chosen.room = await _room(database, parts.snapshot, contract)
            plan = _plan(chosen, pace, rate) + (" Run without --dry-run to start." if dry_run else "")
            (say if yes or dry_run else warn)(plan) if as_json else typer.echo(plan)
        else:
            others = "nothing else to ask again; nothing was changed"
            say(others if chosen.refused else "nothing to ask again")
        code = 1 if chosen.refused and (delivery or not chosen.ids) else 0
        if chosen.ids and not dry_run:
            if len(chosen.ids) > 1 and not yes:
                typer.confirm("Ask them again?", abort=True, err=True)
            code = await _ask(parts, chosen, pace, even_unclear)
        tell(_object(chosen, pace, dry_run), as_json=as_json)
        return code

    raise typer.Exit(at_database(settings, work))


def _object(chosen: Chosen, pace: float, dry_run: bool) -> dict[str, Any]:
    return {
        "deliveries": [one for one in chosen.ids if one not in chosen.refused], "oldest": chosen.oldest,
        "room": chosen.room, "a_minute": round(pace * 60, 3), "asked": chosen.asked, "dry_run": dry_run,
        "refused": [{"delivery": id_, "code": why.reason, "detail": why.detail} for id_, why in chosen.refused.items()],
    }  # fmt: skip


def _states(outcome: list[str] | None) -> list[str]:
    states = [word for given in outcome or ["dead", "waiting"] for word in given.split("|")]
    for word in states:
        if word not in STATES:
            raise fail(f"--outcome {word!r} can't be asked again; say {', '.join(STATES)}", 2)
    return states


async def _chosen(
    database: Database,
    named: list[str],
    contract: str | None,
    states: list[str],
    when: tuple[datetime | None, datetime | None],
) -> Chosen:
    async with database.acquire() as conn:
        if named:
            return Chosen([await one_id(conn, text, looking.deliveries_ending, "delivery") for text in named])
        found = await replays.candidates(conn, states, contract=contract, since=when[0], until=when[1])
    return Chosen([one.id for one in found], min((one.since for one in found), default=None))


async def _look(parts: Beside, chosen: Chosen, even_unclear: bool) -> None:
    """Sort out what can't be asked again, before anybody is asked for a yes."""
    for delivery_id in chosen.ids:
        try:
            row = await parts.replayer.ask(delivery_id, by=parts.by, even_unclear=even_unclear, dry=True)
            since = row.ended_at or row.created_at
            chosen.oldest = since if chosen.oldest is None else min(chosen.oldest, since)
        except Refused as refused:
            chosen.refused[delivery_id] = refused
    chosen.ids = [one for one in chosen.ids if one not in chosen.refused]


def _say_refused(chosen: Chosen) -> None:
    for delivery_id, refused in list(chosen.refused.items())[:_SHOWN]:
        warn(f"not {tail(delivery_id)}: {refused.detail}")
    if len(chosen.refused) > _SHOWN:
        warn(f"and {len(chosen.refused) - _SHOWN:,} more that can't be asked again")
    if any(isinstance(refused, PerhapsTaken) for refused in chosen.refused.values()):
        warn(
            "→ ask the buyer and `leadgate settle DELIVERY sold|not-sold`; --even-unclear asks again all the same,"
        )
        warn("  which sells the lead twice to a buyer who does not ignore repeats of a delivery id")


async def _room(database: Database, snapshot: Snapshot, contract: str | None) -> int | None:
    """How many more leads the caps of this contract take now."""
    caps = counted(snapshot.contracts[contract].doc) if contract else ()
    if not caps:
        return None
    keys = {cap.key(world().now()): cap.limit for cap in caps}
    async with database.acquire() as conn:
        values = await replays.counted(conn, list(keys))
    return min(limit - values.get(key, 0) for key, limit in keys.items())


def _plan(chosen: Chosen, pace: float, rate: str) -> str:
    n = len(chosen.ids)
    text = f"{n:,} {'delivery' if n == 1 else 'deliveries'}"
    if chosen.oldest is not None:
        text += f", oldest {clock(chosen.oldest, None)[:8]}"
    if chosen.room is not None:
        text += f". Cap leaves room for {max(0, chosen.room):,}"
    if n > 1:
        text += f". At {rate}: {span(n / pace * 1000)}"
    return text + "."


async def _ask(parts: Beside, chosen: Chosen, pace: float, even_unclear: bool) -> int:
    before = len(chosen.refused)
    for delivery_id in chosen.ids:
        try:
            await parts.replayer.ask(
                delivery_id, by=parts.by, in_seconds=chosen.asked / pace, even_unclear=even_unclear
            )
            chosen.asked += 1
        except Refused as refused:
            chosen.refused[delivery_id] = refused
            warn(f"not {tail(delivery_id)}: {refused.detail}")
    say(
        f"{chosen.asked:,} will be asked again by the running service; follow with `leadgate deliveries --follow`"
    )
    return 1 if len(chosen.refused) > before else 0
