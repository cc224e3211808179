"""What `doctor` says of buyers who fail, and of hand-overs whose proof is overdue."""

from collections.abc import Sequence

from app.commands.examining import Line
from app.commands.words import clock, counted
from app.settings import Settings
from app.store import overdue, resting
from app.store.database import Database


async def contracts(database: Database, _: Settings) -> Sequence[Line]:
    async with database.acquire() as conn:
        rests, late = await resting.everything(conn), await overdue.counts(conn)
    lines = [
        Line(
            "warn", f"contract {one.contract}",
            f"rests since {clock(one.since, None)[:8]}: {counted(one.failures, 'failure')} in a row, the last {one.why}",
            f"one delivery tries when the rest is over; leadgate deliveries --contract {one.contract}",
        )
        for one in rests
    ]  # fmt: skip
    lines += [
        Line(
            "warn", f"contract {contract}", f"{counted(n, 'hand-over')} not confirmed in time",
            f"leadgate deliveries --contract {contract} --outcome unclear; leadgate settle DELIVERY sold|not-sold",
        )
        for contract, n in sorted(late.items())
    ]  # fmt: skip
    return lines or [Line("ok", "contracts", "none rests, no proof is overdue")]
