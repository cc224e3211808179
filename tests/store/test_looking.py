"""People have the end of an id: it is found however it was copied, the newest days first."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from app.store import looking

NOW = UUID("01f00000-7c41-7d0a-b2f6-5c1e8a40d9b3")  # in 2038: recent, whenever this runs
LONG_AGO = UUID("017f3e10-7c41-7d0a-b2f6-aaaaaa40d9b3")  # 2022
_LEAD = """
insert into lead (id, submission_id, position, source, campaign, received_at, state, catalogue)
values ($1, $1, 0, 'acme', 'solar', now(), 'sold', 1)
"""


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.mark.parametrize("cut", [6, 7, 8, 13, 17, 35])
async def test_any_number_of_characters_will_do_with_and_without_dashes(
    conn: asyncpg.Connection, cut: int
) -> None:
    await conn.execute(_LEAD, NOW)
    assert await looking.leads_ending(conn, str(NOW)[-cut:]) == [NOW]
    assert await looking.leads_ending(conn, str(NOW)[-cut:].replace("-", "").upper()) == [NOW]
    assert await looking.leads_ending(conn, "f" + str(NOW)[1 - cut :]) == []


async def test_of_two_the_newer_days_are_meant_and_an_old_one_is_found_too(conn: asyncpg.Connection) -> None:
    await conn.execute(_LEAD, LONG_AGO)
    assert await looking.leads_ending(conn, "40d9b3") == [LONG_AGO]
    await conn.execute(_LEAD, NOW)
    assert await looking.leads_ending(conn, "40d9b3") == [NOW]


async def test_what_is_no_lead_yet_or_never_became_one_is_found_the_same_way(
    conn: asyncpg.Connection,
) -> None:
    await conn.execute("insert into inbox (submission_id) values ($1)", NOW)
    assert await looking.leads_ending(conn, "8a40d9b3") == [NOW]
    await conn.execute(
        "insert into refusal (id, source, at, code, detail, content_type, body) values ($1, 'acme', now(), 'x', '', '', '')",
        LONG_AGO,
    )
    assert await looking.leads_ending(conn, "aa40d9b3") == [LONG_AGO]


async def test_where_it_would_take_too_long_that_is_said(conn: asyncpg.Connection, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("lock table lead in access exclusive mode")
        await conn.execute("set statement_timeout = '50ms'")
        with pytest.raises(looking.TooManyToLookThrough):
            await looking.leads_ending(conn, "40d9b3")
    await other.close()
