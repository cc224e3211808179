"""What checks ask of the past: one statement a kind and batch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

BUCKETS = 20
"""A look-back is counted in so many parts: the window slides by a twentieth of itself."""

_COUNT = """
insert into velocity (key, bucket, n, expires_at)
select key, floor(extract(epoch from now()) / width)::bigint, n, now() + width * $4::int * interval '1 second'
  from unnest($1::bytea[], $2::float8[], $3::int[]) as t(key, width, n)
 order by key
on conflict (key, bucket) do update set n = velocity.n + excluded.n
"""
_SUM = """
select t.key, coalesce(sum(v.n), 0)::int
  from unnest($1::bytea[], $2::float8[]) as t(key, width)
  left join velocity v on v.key = t.key
       and v.bucket > floor(extract(epoch from now()) / t.width)::bigint - $3::int
 group by t.key
"""


async def count_seen(conn: Any, seen: Sequence[tuple[bytes, int]]) -> Mapping[tuple[bytes, int], int]:
    """Count each (key, seconds) once more, then say how often it was seen in those seconds, these included."""
    rows = Counter((key, within) for key, within in seen)
    stored = {(_stored_key(key, within)): (key, within, n) for (key, within), n in rows.items()}
    keys = sorted(stored)
    widths = [max(1.0, stored[k][1] / BUCKETS) for k in keys]
    await conn.execute(_COUNT, keys, widths, [stored[k][2] for k in keys], BUCKETS + 1)
    found = {r[0]: r[1] for r in await conn.fetch(_SUM, keys, widths, BUCKETS)}
    return {stored[k][:2]: found[k] for k in keys}


async def look_seen(conn: Any, seen: Sequence[tuple[bytes, int]]) -> Mapping[tuple[bytes, int], int]:
    """How often each (key, seconds) was seen in those seconds, without counting it once more."""
    stored = {_stored_key(key, within): (key, within) for key, within in seen}
    keys = sorted(stored)
    widths = [max(1.0, stored[k][1] / BUCKETS) for k in keys]
    return {stored[r[0]]: r[1] for r in await conn.fetch(_SUM, keys, widths, BUCKETS)}


def _stored_key(key: bytes, within: int) -> bytes:
    """Two rules with the same key and other windows count apart."""
    return key + within.to_bytes(8, "big")
