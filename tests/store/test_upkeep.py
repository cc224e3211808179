"""What is over goes with its age; what still waits stays, however old."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.store import upkeep
from app.store.database import Database

NOW = datetime(2026, 7, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)
BEFORE = NOW - timedelta(days=90)

_CALLBACK = """
insert into callback (id, lead_id, round, source, state, outcome, created_at)
values (gen_random_uuid(), gen_random_uuid(), 1, 'acme', $1, 'success', $2)
"""
_NAMED = """
insert into platform_lead (source, platform, lead, want, state, ended_at)
values ('acme', 'meta', gen_random_uuid()::text, 'fetch', $1::text, case when $1::text <> 'waiting' then $2::timestamptz end)
"""
_PARTIAL = """
with begun as (
  insert into partial (lead_id, source, state, due_at, created_at) values (gen_random_uuid(), 'acme', $1, $2, $2)
  returning lead_id
)
insert into amendment (lead_id, n, submission_id, kind, fingerprint, at)
select lead_id, 1, gen_random_uuid(), 'partial', '', $2 from begun
"""


async def _left(conn: Any, what: str) -> list[tuple[str, datetime]]:
    return [(row[0], row[1]) for row in await conn.fetch(f"select {what} order by 1, 2")]


async def test_of_callbacks_only_those_that_are_over_go(database: Database) -> None:
    states = ["promised", "waiting", "sending", "told", "gone", "dead", "moot"]
    async with database.acquire() as conn:
        for state in states:
            for at in (OLD, YOUNG):
                await conn.execute(_CALLBACK, state, at)
        assert await upkeep.over_before(conn, BEFORE) == {"callback": 4}
        await upkeep.forget_over(conn, BEFORE, most=1)  # in as many turns as it takes
        assert await upkeep.over_before(conn, BEFORE) == {}
        left = await _left(conn, "state, created_at from callback")
    assert left == sorted(
        [(s, YOUNG) for s in states] + [(s, OLD) for s in ("promised", "waiting", "sending")]
    )


async def test_a_named_lead_that_still_waits_stays(database: Database) -> None:
    async with database.acquire() as conn:
        for state in ("waiting", "done", "dead"):
            for at in (OLD, YOUNG):
                await conn.execute(_NAMED, state, at)
        await upkeep.forget_over(conn, BEFORE)
        rows = await conn.fetch("select state from platform_lead order by 1")
    assert [row[0] for row in rows] == ["dead", "done", "waiting", "waiting"]


async def test_a_partial_lead_goes_with_its_parts_and_an_open_one_keeps_them(database: Database) -> None:
    async with database.acquire() as conn:
        for state in ("open", "completed", "abandoned", "distributed"):
            for at in (OLD, YOUNG):
                await conn.execute(_PARTIAL, state, at)
        assert await upkeep.over_before(conn, BEFORE) == {"partial": 3, "amendment": 3}
        await upkeep.forget_over(conn, BEFORE)
        left = await _left(conn, "state, created_at from partial")
        parts = await conn.fetchval("select count(*) from amendment join partial using (lead_id)")
        assert parts == await conn.fetchval("select count(*) from amendment")
    assert left == [
        ("abandoned", YOUNG), ("completed", YOUNG), ("distributed", YOUNG), ("open", OLD), ("open", YOUNG),
    ]  # fmt: skip
    assert parts == 5
