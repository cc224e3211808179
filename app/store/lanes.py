"""How many conversations with a contract each process may hold at once: together never more than the contract says."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

# One at a time for each contract, always in the same order; it ends with the transaction.
_LOCK = """
select pg_advisory_xact_lock(key) from (
  select hashtextextended('leadgate lane ' || contract, 0) as key from unnest($1::text[]) as contract order by 1
) locks
"""
# By the clock and not by the transaction's beginning, which was before the lock.
_HELD = """
select contract, process_id, held, wants, extract(epoch from fed_at)::float8,
       held = 0 or fed_at > clock_timestamp() - $2 * interval '1 second'
  from lane where contract = any($1::text[]) and until > clock_timestamp()
"""
_RENEW = """
with gone as (
  delete from lane
   where contract = any($2::text[]) and process_id <> $1 and until <= clock_timestamp()
      or contract = any($6::text[]) and process_id = $1
)
insert into lane (contract, process_id, held, wants, fed_at, until)
select contract, $1, held, wants, clock_timestamp(), clock_timestamp() + seconds * interval '1 second'
  from unnest($2::text[], $3::int[], $4::int[], $5::float8[]) as t(contract, held, wants, seconds)
on conflict (contract, process_id) do update
   set held = excluded.held, wants = excluded.wants, until = excluded.until,
       fed_at = case when excluded.held > 0 then excluded.fed_at else lane.fed_at end
"""
_LEAVE = "delete from lane where process_id = $1"


class Lane(Struct, frozen=True):
    """Of one process at one contract. One that has not renewed `lately` keeps what it holds, and is given nothing."""

    contract: str
    process_id: UUID
    held: int
    wants: int
    fed: float = 0.0  # when it last held one
    lately: bool = True


class Renewal(Struct, frozen=True):
    """What a process holds from now on, and for how long even if nothing more is heard of it."""

    contract: str
    held: int
    wants: int
    seconds: float


async def locked(conn: Any, contracts: Sequence[str], lately: float) -> list[Lane]:
    """Who holds lanes of these contracts; until the transaction ends nobody else gives or takes any."""
    await conn.execute(_LOCK, contracts)
    return [Lane(*row) for row in await conn.fetch(_HELD, contracts, lately)]


async def renew(
    conn: Any, process_id: UUID, renewals: Sequence[Renewal], given_back: Sequence[str] = ()
) -> None:
    """Under the locks of `locked`."""
    await conn.execute(
        _RENEW, process_id, [one.contract for one in renewals], [one.held for one in renewals],
        [one.wants for one in renewals], [one.seconds for one in renewals], given_back,
    )  # fmt: skip


async def leave(conn: Any, process_id: UUID) -> None:
    """Of a process that has no conversation any more."""
    await conn.execute(_LEAVE, process_id)
