"""What is said of buyers' own files at a terminal: where they can't be looked into, and which nobody can read."""

from collections.abc import Collection, Sequence
from datetime import datetime

from app.commands.desk import world
from app.commands.examining import Line
from app.commands.hearing import usable_snapshot
from app.commands.words import counted, span
from app.core.redaction import scrub
from app.pipeline.acknowledging import answered
from app.settings import Settings
from app.store import acknowledgements
from app.store.acknowledgements import Standing, Unread
from app.store.database import Database

_DAYS = 7
_DAY_MS = 86_400_000.0


async def answers(database: Database, settings: Settings) -> Sequence[Line]:
    """One line for each contract with answers: the last look for them, and what in them can't be read."""
    wanted = list(answered(await usable_snapshot(database, settings)))
    if not wanted:
        return []
    async with database.acquire() as conn:
        found = await acknowledgements.standings(conn, wanted)
        unread = await acknowledgements.unread(conn, wanted, _DAYS)
    return [_place(one, unread.get(one.contract)) for one in found]


async def troubles(database: Database, settings: Settings, contracts: Collection[str]) -> list[str]:
    """What stands in the way of answers for these contracts, a sentence each."""
    if not contracts:
        return []
    wanted = [one for one in answered(await usable_snapshot(database, settings)) if one in contracts]
    async with database.acquire() as conn:
        found = await acknowledgements.standings(conn, wanted)
        unread = await acknowledgements.unread(conn, wanted, _DAYS)
    told = [
        f"answers of {one.contract} can't be looked into: {_in_vain(one)}" for one in found if one.failures
    ]
    return told + [f"of the answers of {id_} {_unread(one)}" for id_, one in unread.items()]


def _place(one: Standing, unread: Unread | None) -> Line:
    name, told = (
        f"answers {one.contract}",
        [_waiting(one)] + ([_unread(unread)] if unread is not None else []),
    )
    if one.failures:
        long = one.troubled_at is not None and _age(one.troubled_at) > _DAY_MS
        cure = "`acknowledge` of its contract, or its other end; meanwhile: leadgate settle DELIVERY sold|not-sold"
        return Line("fail" if long and one.waiting else "warn", name, ", ".join([_in_vain(one), *told]), cure)
    looked = f"last look {_ago(one.looked_at)}" if one.looked_at else "nobody looked yet"
    text = ", ".join([looked, *told])
    if unread is None:
        return Line("ok", name, text)
    return Line("warn", name, text, "look at it, and let the buyer put a better one in its place")


def _unread(one: Unread) -> str:
    others = f" and {counted(one.n - 1, 'other')}" if one.n > 1 else ""
    return f"{scrub(one.name)}{others} can't be read ({one.why}, {_ago(one.at)})"


def _in_vain(one: Standing) -> str:
    since = f" for {span(_age(one.troubled_at))}" if one.troubled_at is not None else ""
    return f"{one.trouble}{since} ({counted(one.failures, 'look')} in vain)"


def _waiting(one: Standing) -> str:
    return f"{counted(one.waiting, 'hand-over')} unclear" if one.waiting else "no hand-over is unclear"


def _ago(at: datetime) -> str:
    return f"{span(_age(at))} ago"


def _age(at: datetime) -> float:
    return max(0.0, (world().now() - at).total_seconds() * 1000)
