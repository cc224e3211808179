"""The newest refresh token of each account, and who exchanges it at this moment."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

_BEGIN = "insert into refresh_token (holder) values ($1) on conflict do nothing"
_LOOK = """
select version, refresh, access, coalesce(extract(epoch from good_until - now()), 0)::float8 as good
  from refresh_token where holder = $1
"""
# Free again where its process died, or has held it for longer than any exchange takes.
_CLAIM = """
update refresh_token t set process_id = $3, claimed_until = now() + $4
 where holder = $1 and version = $2
   and (t.process_id is null or t.claimed_until <= now()
        or not exists (select from process p where p.id = t.process_id and p.seen_at > now() - $5::interval))
returning holder
"""
_KEEP = """
update refresh_token
   set version = version + 1, refresh = $3, access = $4, good_until = now() + $5::interval,
       process_id = null, claimed_until = null, changed_at = now()
 where holder = $1 and version = $2
"""
_LEAVE = """
update refresh_token set process_id = null, claimed_until = null
 where holder = $1 and version = $2 and process_id = $3
"""
_FORGET = "delete from refresh_token where changed_at < now() - $1::interval and process_id is null"


class Row(Struct, frozen=True):
    """`refresh` and `access` are sealed, or empty; `good` are seconds that the access token is good for yet."""

    version: int
    refresh: str
    access: str
    good: float


async def look(conn: Any, holder: str) -> Row:
    """A row of its own for who has none yet."""
    row = await conn.fetchrow(_LOOK, holder)
    if row is None:
        await conn.execute(_BEGIN, holder)
        row = await conn.fetchrow(_LOOK, holder)
    return Row(**dict(row))


async def claim(
    conn: Any, holder: str, version: int, process_id: UUID, *, most: timedelta, lease: timedelta
) -> bool:
    """Whether nobody else exchanges what was read, and nobody has meanwhile."""
    return await conn.fetchval(_CLAIM, holder, version, process_id, most, lease) is not None


async def keep(conn: Any, holder: str, version: int, *, refresh: str, access: str, good: timedelta) -> None:
    """Unless another has kept a newer one: then this one was in nobody's hand for long."""
    await conn.execute(_KEEP, holder, version, refresh, access, good)


async def leave(conn: Any, holder: str, version: int, process_id: UUID) -> None:
    await conn.execute(_LEAVE, holder, version, process_id)


async def forget(conn: Any, unused: timedelta) -> None:
    """Accounts that no contract has asked for since."""
    await conn.execute(_FORGET, unused)
