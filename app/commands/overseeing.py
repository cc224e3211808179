"""What `doctor` looks at in the service itself: its catalogue, its processes, its queues, what must always hold."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from app.catalog.lists import unfilled
from app.catalog.rows import catalogue_of
from app.catalog.snapshot import Builder, Snapshot, Unbuildable
from app.commands.examining import Line
from app.commands.words import counted, span, tail
from app.components import discover
from app.distribute.addresses import refuse
from app.ground import sealer
from app.settings import Settings
from app.store import callbacks as callback_rows
from app.store import deliveries, health, suppression
from app.store import processes as process_rows
from app.store.catalogue import CatalogueStore
from app.store.database import Database, is_away

_LATE_S = 60.0


async def lists(database: Database, _settings: Settings) -> Sequence[Line]:
    """A list that is named by a check and holds nothing passes everybody, in silence."""
    _, rows = await CatalogueStore(database).load()
    declared = catalogue_of(rows)
    async with database.acquire() as conn:
        states = await suppression.states(conn)
    empty = unfilled(declared, [name for name, state in states.items() if not state.empty])
    lines = [
        Line(
            "warn",
            "lists",
            f"list {name} is empty, and a check looks leads up on it",
            f"leadgate list load {name} FILE",
        )
        for name in empty
    ]
    if declared.lists and not lines:
        entries = sum(state.entries + state.changes for state in states.values())
        lines.append(Line("ok", "lists", f"{counted(len(declared.lists), 'list')}, some {entries:,} entries"))
    return lines


# the catalogue -------------------------------------------------------------------------------------


async def catalogue(database: Database, settings: Settings) -> Sequence[Line]:
    """It compiles, its secrets open, and no address in it is one that the wire refuses unasked."""
    version, rows = await CatalogueStore(database).load()
    if version == 0:
        return [Line("warn", "catalogue", "nothing is configured yet", "leadgate apply FILE")]
    if not settings.secret_key.get_secret_value() and not (settings.data_dir / "secret.key").exists():
        return [
            Line(
                "warn",
                "secrets",
                f"there is no key at {settings.data_dir / 'secret.key'}",
                "set LEADGATE_SECRET_KEY or --data-dir as the service has it",
            )
        ]
    try:
        snapshot = await asyncio.to_thread(Builder(discover(), sealer(settings)).build, version, rows, ())
    except Unbuildable as error:
        return [
            Line(
                "fail",
                "catalogue",
                f"v{version} can't be used: {error}",
                "use the secret key it was sealed with, or apply it anew",
            )
        ]
    counts = ", ".join(
        counted(len(found), word)
        for found, word in (
            (snapshot.campaigns, "campaign"),
            (snapshot.sources, "source"),
            (snapshot.contracts, "contract"),
        )
    )
    return [
        Line("ok", "catalogue", f"v{version}: {counts}, all secrets open"),
        *_addresses(snapshot, settings),
    ]


def _addresses(snapshot: Snapshot, settings: Settings) -> list[Line]:
    lines = []
    for contract in snapshot.contracts.values():
        host = urlsplit(str(contract.doc.deliver.get("url", ""))).hostname or ""
        why = _refused(host, settings.dangerously_allow_private_addresses)
        if why and not contract.paused:
            lines.append(
                Line(
                    "fail",
                    f"contract {contract.id}",
                    f"delivers to {host}, which is never dialled ({why})",
                    "give it a public address",
                )
            )
    return lines


def _refused(host: str, allow_private: bool) -> str | None:
    try:
        ip_address(host)
    except ValueError:
        return "loopback" if host == "localhost" and not allow_private else None
    return refuse(host, allow_private=allow_private)


# the service ---------------------------------------------------------------------------------------


async def processes(database: Database, settings: Settings) -> Sequence[Line]:
    async with database.acquire() as conn:
        rows = await process_rows.alive(conn)
    fresh = [row for row in rows if row["age"] <= settings.lease_seconds]
    if not fresh:
        return [
            Line("warn", "processes", "none is alive: nothing is taken and nothing is sent", "leadgate serve")
        ]
    told = ", ".join(f"{row['role']} {row['pid']} on {row['host']}" for row in fresh)
    return [Line("ok", "processes", f"{len(fresh)} alive: {told}")]


async def callbacks(database: Database, _: Settings) -> Sequence[Line]:
    """What sources were to be told: nothing of it is no line."""
    async with database.acquire() as conn:
        waiting, oldest, dead = await callback_rows.queues(conn)
    if not waiting and not dead:
        return []
    text = f"{waiting:,} to be told, the oldest since {span(oldest * 1000)}; {dead:,} given up"
    cure = "leadgate callbacks; with the address put right, leadgate callbacks --again all" if dead else ""
    return [Line("warn" if dead else "ok", "callbacks", text, cure)]


async def queues(database: Database, _: Settings) -> Sequence[Line]:
    async with database.acquire() as conn:
        found, parked = await deliveries.queues(conn), await health.parked(conn)
    late = {name: found[name] for name in ("inbox", "waiting") if name in found and found[name][1] > _LATE_S}
    unclear, dead = (found.get(name, (0, 0.0))[0] for name in ("unclear", "dead"))
    oldest = max((found[name][1] for name in ("inbox", "waiting") if name in found), default=0.0)
    text = f"oldest due {span(max(0.0, oldest) * 1000)}; {unclear:,} unclear wait for a person; {dead:,} dead"
    lines = [
        Line(
            "warn" if late else "ok",
            "queues",
            text,
            "is `leadgate serve` running, and not paused?" if late else "",
        )
    ]
    if unclear:
        lines.append(
            Line(
                "warn",
                "unclear",
                f"{unclear:,} deliveries may or may not have arrived",
                "leadgate deliveries --state unclear, then leadgate settle",
            )
        )
    if parked:
        first = f"{tail(parked[0][0])} {parked[0][1]}"
        lines.append(
            Line(
                "warn",
                "parked",
                f"{len(parked):,} submissions could not be decided, as {first}",
                f"leadgate trace {str(parked[0][0])[-8:]}",
            )
        )
    return lines


# what must hold ------------------------------------------------------------------------------------


async def ledger(database: Database, _: Settings) -> Sequence[Line]:
    ids = await _asked(database, health.uneven)
    return [
        _held(
            "ledger",
            ids,
            "each lead's revenue is the sum of what its buyers owe",
            "leads whose revenue is not what their buyers owe",
        )
    ]


async def slots(database: Database, _: Settings) -> Sequence[Line]:
    ids = await _asked(database, health.sold_twice)
    return [
        _held(
            "sold once",
            ids,
            "no copy of a lead was accepted by two buyers",
            "leads of which one copy was sold twice",
        )
    ]


async def caps(database: Database, _: Settings) -> Sequence[Line]:
    keys = await _asked(database, health.overdrawn)
    return [
        _held(
            "caps",
            keys,
            "none was given back more than it was taken",
            "caps to which more was given back than taken",
        )
    ]


async def _asked(database: Database, question: Any) -> list[Any] | None:
    """None where the answer takes longer than a statement may."""
    try:
        async with database.acquire() as conn:
            found: list[Any] = await question(conn)
            return found
    except Exception as error:
        if is_away(error):
            return None
        raise


def _held(name: str, against: list[Any] | None, good: str, bad: str) -> Line:
    if against is None:
        return Line("warn", name, "too much to look through in ten seconds", "look at a copy of the database")
    if not against:
        return Line("ok", name, good)
    count = f"{len(against):,}{'+' if len(against) == 100 else ''}"
    told = str(against[0])
    return Line(
        "fail",
        name,
        f"{count} {bad}, as {told}",
        f"leadgate trace {told[-8:]}"
        if name != "caps"
        else "tell the makers; caps of this window let too many through",
    )
