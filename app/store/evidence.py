"""What checks ask of the past: one statement a kind and batch."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

BUCKETS = 20
"""A look-back is counted in so many parts: the window slides by a twentieth of itself."""

# Who is counted is marked in the same statement, so that whoever decides it after a crash counts it no more.
_COUNT = """
with mine as (
  update inbox set counted = true where submission_id = any($3::uuid[]) and lease_id = $4 and not counted
  returning submission_id
)
insert into velocity (key, bucket, n, expires_at)
select key, floor(extract(epoch from now()) / width)::bigint, count(*)::int,
       now() + width * $5::int * interval '1 second'
  from unnest($1::bytea[], $2::float8[], $3::uuid[]) as t(key, width, submission)
 where submission is null or submission in (select submission_id from mine)
 group by key, width order by key
on conflict (key, bucket) do update set n = velocity.n + excluded.n
"""
_SUM = """
select t.key, coalesce(sum(v.n), 0)::int
  from unnest($1::bytea[], $2::float8[]) as t(key, width)
  left join velocity v on v.key = t.key
       and v.bucket > floor(extract(epoch from now()) / t.width)::bigint - $3::int
 group by t.key
"""


class Sight(Struct, frozen=True):
    """A lead that is seen under a key, within so many seconds. A submission is counted once, whoever counts it,
    and only by the process that holds it; without one it is counted whenever this is said."""

    key: bytes
    within: int
    submission_id: UUID | None = None


async def count_seen(
    conn: Any, sights: Sequence[Sight], process_id: UUID | None = None
) -> Mapping[tuple[bytes, int], int]:
    """Count what is not counted yet, then say how often each was seen in its seconds, all of these included."""
    keys = [_stored_key(one.key, one.within) for one in sights]
    widths = [_width(one.within) for one in sights]
    submissions = [one.submission_id for one in sights]
    await conn.execute(_COUNT, keys, widths, submissions, process_id, BUCKETS + 1)
    return await look_seen(conn, list({(one.key, one.within) for one in sights}))


async def look_seen(conn: Any, seen: Sequence[tuple[bytes, int]]) -> Mapping[tuple[bytes, int], int]:
    """How often each (key, seconds) was seen in those seconds, without counting it once more."""
    stored = {_stored_key(key, within): (key, within) for key, within in seen}
    keys = sorted(stored)
    widths = [_width(stored[k][1]) for k in keys]
    return {stored[r[0]]: r[1] for r in await conn.fetch(_SUM, keys, widths, BUCKETS)}


def _width(within: int) -> float:
    return max(1.0, within / BUCKETS)


def _stored_key(key: bytes, within: int) -> bytes:
    """Two rules with the same key and other windows count apart."""
    return key + within.to_bytes(8, "big")
