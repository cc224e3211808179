"""Contracts that rest because their buyer fails: one row for all processes, and one of them tries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.attempts import take_back

LONGEST = 16
"""A rest is doubled with each try that fails, up to so many times its first length."""

# Whoever finds it open already has nothing to add; a try that failed opens it again, for longer.
_OPEN = """
insert into resting as r (contract, state, failures, why, until)
values ($1, 'open', $2, $3, now() + $4 * interval '1 second')
on conflict (contract) do update
   set state = 'open', failures = r.failures + excluded.failures, why = excluded.why, process_id = null,
       times = least(r.times * 2, $5), until = now() + least(r.times * 2, $5) * $4 * interval '1 second'
 where r.state <> 'open'
returning times, failures
"""
_CLOSE = "delete from resting where contract = $1 returning since"
# One whose process died at it is tried again by another.
_TRY = """
update resting set state = 'trying', process_id = $1, until = now() + $2 * interval '1 second'
 where contract in (select contract from resting where until <= now() and state <> 'trial' order by contract
                       for update skip locked)
returning contract
"""
_TRIAL = "update resting set state = 'trial' where contract = $1 and state = 'trying' and process_id = $2"
_ALL = "select contract, state, failures, why, since, until, process_id from resting order by contract"
_FORGET = "delete from resting where contract <> all($1::text[])"

# Claimed, and not begun, or in line for it: as if it had not been taken.
_PUT_BACK = """
update delivery d set state = 'waiting', attempts = f.n - 1, lease_id = null,
       next_at = now() + $4 * interval '1 second'
  from unnest($1::uuid[], $2::smallint[]) as f(id, n)
 where d.id = f.id and d.lease_id = $3
   and (d.state = 'sending' and d.attempts = f.n or d.state = 'waiting' and d.attempts = f.n - 1)
returning d.id, d.lead_id, f.n
"""
# Not what the buyer may have all the same: after an Unclear it is asked again, and nobody else is.
_WAITING = """
select d.id, d.attempts from delivery d
 where d.contract = $1 and d.state = 'waiting' and d.attempts >= $2
   and not exists (select from attempt_end e where e.lead_id = d.lead_id and e.delivery_id = d.id and e.outcome = 'Unclear')
 order by d.id limit $3
"""


class Rest(Struct, frozen=True):
    contract: str
    state: str
    failures: int
    why: str
    since: datetime
    until: datetime
    process_id: UUID | None


async def open_(
    conn: Any, contract: str, *, failures: int, why: str, seconds: float
) -> tuple[int, int] | None:
    """How many times as long as the first it rests now, after how many failures in a row; None where it rests
    already."""
    row = await conn.fetchrow(_OPEN, contract, failures, why, seconds, LONGEST)
    return None if row is None else (row[0], row[1])


async def close(conn: Any, contract: str) -> datetime | None:
    """Since when it had rested; None where it did not."""
    since: datetime | None = await conn.fetchval(_CLOSE, contract)
    return since


async def try_(conn: Any, process_id: UUID, seconds: float) -> list[str]:
    """Contracts whose rest is over, and that are this process's to try within `seconds`."""
    return [r[0] for r in await conn.fetch(_TRY, process_id, seconds)]


async def trial(conn: Any, contract: str, process_id: UUID) -> None:
    """No delivery waited that could try: the next lead does."""
    await conn.execute(_TRIAL, contract, process_id)


async def put_back(
    conn: Any, begun: Sequence[tuple[UUID, int]], process_id: UUID, *, in_seconds: float = 0.0
) -> None:
    """(delivery, attempt) that this process has claimed and will not begin: they are due, for whoever may."""
    ids, attempts = [one for one, _ in begun], [n for _, n in begun]
    async with conn.transaction():
        await take_back(conn, await conn.fetch(_PUT_BACK, ids, attempts, process_id, in_seconds))


async def waiting(conn: Any, contract: str, attempts: int, limit: int) -> list[tuple[UUID, int]]:
    """(delivery, attempts so far) of a contract that wait for their next try, after so many or more, and were
    certainly not handed over."""
    return [(r[0], r[1]) for r in await conn.fetch(_WAITING, contract, attempts, limit)]


async def everything(conn: Any) -> list[Rest]:
    return [Rest(*r) for r in await conn.fetch(_ALL)]


async def forget(conn: Any, contracts: Sequence[str]) -> None:
    """All but these are configured no longer."""
    await conn.execute(_FORGET, list(contracts))
