"""Tables of enrichers: rows by a digest of their key, a generation at a time, looked up once per batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

_LOCK = 0x6C67_7462  # the first half of an advisory lock: «lgtb»
# One statement, so that all of it is of one generation.
_ROWS = """
select t.n::int, r.said
  from unnest($1::text[], $2::bytea[]) with ordinality as t(name, key, n)
  join reference_table f on f.name = t.name
  join reference_row r on r.name = t.name and r.generation = f.generation and r.key = t.key
"""
_OLD = """
with gone as (
  delete from reference_row where ctid = any(array(
    select r.ctid from reference_row r
     where r.name = $1 and r.generation is distinct from
           (select generation from reference_table where name = $1)
     limit 5000)) returning 1)
select count(*) from gone
"""


class TableState(Struct, frozen=True, kw_only=True):
    """What is in force of one table."""

    name: str
    generation: int | None = None
    entries: int = 0
    loaded_at: datetime | None = None
    loaded_by: str = ""


async def rows(conn: Any, asked: Sequence[tuple[str, bytes]]) -> Mapping[int, str]:
    """Place in `asked` (table, key) → what its row says, as JSON."""
    found = await conn.fetch(_ROWS, [one[0] for one in asked], [one[1] for one in asked])
    return {row[0] - 1: row[1] for row in found}


async def states(conn: Any) -> Mapping[str, TableState]:
    """Every table that anything was ever loaded into."""
    found = await conn.fetch("select * from reference_table order by name")
    return {row["name"]: TableState(**dict(row)) for row in found}


async def alone(conn: Any, name: str) -> bool:
    """Whether nobody else loads this table; held until `done` or the connection's end."""
    held: bool = await conn.fetchval("select pg_try_advisory_lock($1, hashtext($2))", _LOCK, name)
    return held


async def done(conn: Any, name: str) -> None:
    await conn.execute("select pg_advisory_unlock($1, hashtext($2))", _LOCK, name)


async def next_generation(conn: Any) -> int:
    number: int = await conn.fetchval("select nextval('reference_generation')")
    return number


async def lay_down(conn: Any, name: str, generation: int, found: Iterable[tuple[bytes, str]]) -> None:
    """(key, JSON) of rows, none of which is seen before `switch`. Of several with one key the last counts."""
    last = dict(found)
    await conn.execute(
        """insert into reference_row (name, generation, key, said)
           select $1, $2, key, said::json from unnest($3::bytea[], $4::text[]) as t(key, said) order by key
           on conflict (name, generation, key) do update set said = excluded.said""",
        name, generation, list(last), list(last.values()),
    )  # fmt: skip


async def switch(conn: Any, name: str, generation: int, *, by: str) -> int:
    """The generation is in force with this transaction, in every process; how many rows it has."""
    entries: int = await conn.fetchval(
        "select count(*) from reference_row where name = $1 and generation = $2", name, generation
    )
    await conn.execute(
        """insert into reference_table (name, generation, entries, loaded_at, loaded_by) values ($1, $2, $3, now(), $4)
           on conflict (name) do update set generation = $2, entries = $3, loaded_at = now(), loaded_by = $4""",
        name, generation, entries, by,
    )  # fmt: skip
    return entries


async def drop_others(conn: Any, name: str) -> None:
    """Rows of former generations, and of loads that were broken off."""
    while await conn.fetchval(_OLD, name):
        pass
