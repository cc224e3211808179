"""Suppression lists: sorted keys in blocks, a generation at a time, and the changes since."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

BLOCK_KEYS = 225
"""Keys of a block: four blocks fill a page, and none needs a second look-up for its bytes."""

_LOCK = 0x6C67_6C69  # the first half of an advisory lock: «lgli»
_CHUNK = 20_000


class State(Struct, frozen=True, kw_only=True):
    """What is in force of one list: `entries` in its blocks, `changes` on top of them."""

    list: str
    generation: int = 0
    entries: int = 0
    changes: int = 0
    loaded_at: datetime | None = None
    loaded_by: str = ""

    @property
    def empty(self) -> bool:
        return not self.entries and not self.changes


class Change(Struct, frozen=True):
    """One entry added or removed since the blocks were laid down."""

    key: bytes
    present: bool
    number: int


# Which of the asked (list, key) are on their lists: one statement, so that all of it is of one generation.
# A key that lies across two others in a block is no likelier than one that is equal by chance.
_HITS = """
select t.n::int
  from unnest($1::text[], $2::bytea[]) with ordinality as t(list, key, n)
  join suppression_list l on l.list = t.list
 where coalesce(
         (select c.present from suppression_change c where c.list = t.list and c.key = t.key),
         exists (select from (
           select b.keys from suppression_block b
            where b.list = t.list and b.generation = l.generation and b.first <= t.key
            order by b.first desc limit 1
         ) b where position(t.key in b.keys) > 0))
"""


async def hits(conn: Any, asked: Sequence[tuple[str, bytes]]) -> list[int]:
    """The places in `asked` of those (list, key) that are on their list."""
    rows = await conn.fetch(_HITS, [one[0] for one in asked], [one[1] for one in asked])
    return [row[0] - 1 for row in rows]


async def states(conn: Any) -> Mapping[str, State]:
    """Every list that anything was ever put on."""
    rows = await conn.fetch(
        """select l.*, (select count(*) from suppression_change c where c.list = l.list) as changes
             from suppression_list l order by l.list"""
    )
    return {row["list"]: State(**dict(row)) for row in rows}


async def state(conn: Any, list_id: str) -> State:
    return (await states(conn)).get(list_id, State(list=list_id))


async def change(conn: Any, list_id: str, keys: Mapping[bytes, bool]) -> None:
    """Put entries on a list (True), or take them off, in force with the caller's commit. Twice is the same as once."""
    # in one order everywhere: two that change the same ones don't lock each other out
    ordered = sorted(keys)
    await conn.execute("insert into suppression_list (list) values ($1) on conflict do nothing", list_id)
    for at in range(0, len(ordered), _CHUNK):
        await conn.execute(
            """insert into suppression_change (list, key, present)
               select $1, key, present from unnest($2::bytea[], $3::boolean[]) as t(key, present)
               on conflict (list, key) do update set present = excluded.present, number = excluded.number, at = now()""",
            list_id, ordered[at : at + _CHUNK], [keys[key] for key in ordered[at : at + _CHUNK]],
        )  # fmt: skip


# one more generation ---------------------------------------------------------------------------------


async def alone(conn: Any, list_id: str) -> bool:
    """Whether nobody else lays down a generation of this list; held until `done` or the connection's end."""
    held: bool = await conn.fetchval("select pg_try_advisory_lock($1, hashtext($2))", _LOCK, list_id)
    return held


async def done(conn: Any, list_id: str) -> None:
    await conn.execute("select pg_advisory_unlock($1, hashtext($2))", _LOCK, list_id)


async def drop_others(conn: Any, list_id: str) -> None:
    """Blocks of generations that are not in force: of former ones, and of loads that were broken off."""
    while True:
        dropped = await conn.fetchval(
            """with gone as (
                 delete from suppression_block where ctid = any(array(
                   select b.ctid from suppression_block b
                    where b.list = $1 and b.generation is distinct from
                          (select generation from suppression_list where list = $1)
                    limit 5000)) returning 1)
               select count(*) from gone""",
            list_id,
        )
        if not dropped:
            return


async def changes(conn: Any, list_id: str) -> list[Change]:
    rows = await conn.fetch(
        "select key, present, number from suppression_change where list = $1 order by key", list_id
    )
    return [Change(*row) for row in rows]


async def next_generation(conn: Any) -> int:
    number: int = await conn.fetchval("select nextval('suppression_change_number')")
    return number


async def keys_under(conn: Any, list_id: str, generation: int, bucket: int) -> bytes:
    """All keys that begin with the byte `bucket`, one after the other."""
    until = bytes([bucket + 1]) if bucket < 255 else None
    rows = await conn.fetch(
        """select keys from suppression_block
            where list = $1 and generation = $2 and first >= $3 and ($4::bytea is null or first < $4)
            order by first""",
        list_id, generation, bytes([bucket]), until,
    )  # fmt: skip
    return b"".join(row[0] for row in rows)


async def lay_down(conn: Any, list_id: str, generation: int, blocks: Sequence[tuple[bytes, bytes]]) -> None:
    """(first key, keys) of blocks, none of which is seen before `switch`."""
    await conn.copy_records_to_table(
        "suppression_block",
        records=[(list_id, generation, first, keys) for first, keys in blocks],
        columns=("list", "generation", "first", "keys"),
    )


async def switch(
    conn: Any, list_id: str, generation: int, entries: int, *, by: str, merged: Sequence[Change]
) -> None:
    """The generation is in force with this transaction, in every process; `merged` changes are in it."""
    await conn.execute(
        """insert into suppression_list (list, generation, entries, loaded_at, loaded_by)
           values ($1, $2, $3, now(), $4)
           on conflict (list) do update set generation = $2, entries = $3, loaded_at = now(), loaded_by = $4""",
        list_id, generation, entries, by,
    )  # fmt: skip
    for at in range(0, len(merged), _CHUNK):
        part = merged[at : at + _CHUNK]
        await conn.execute(
            """delete from suppression_change c using unnest($2::bytea[], $3::bigint[]) as t(key, number)
                where c.list = $1 and c.key = t.key and c.number = t.number""",
            list_id, [one.key for one in part], [one.number for one in part],
        )  # fmt: skip
