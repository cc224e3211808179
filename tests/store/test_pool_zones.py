"""The next of a pool is found as quickly where most of its people sleep."""

import json
from typing import Any
from uuid import uuid4

from app.store import pool_zones
from app.store.database import Database
from app.store.pool import Rules
from app.store.pool_zones import Kind

RULES = Rules("inside", "dana", None, {"pool": (1_000, 900.0)})
LEADS = 20_000
ZONES = "array['America/New_York', 'America/Chicago', 'America/Denver', '', '?']"
_FILL = f"""
insert into pool (delivery_id, lead_id, buyer, contract, campaign, test, priority, zones)
select gen_random_uuid(), gen_random_uuid(), 'inside', 'pool', 'solar', false, now() + n * interval '1 ms',
       ({ZONES})[1 + n * 5 / ($1 + 1)]
  from generate_series(1, $1) n
"""


async def filled(conn: Any, leads: int = LEADS) -> None:
    """Zone after zone, so that whoever sleeps lies before whoever does not."""
    await conn.execute(_FILL, leads)
    await conn.execute("analyze pool")


async def pages(conn: Any, statement: str, *given: Any) -> int:
    """How many pages a statement looks at."""
    (told,) = json.loads(await conn.fetchval(f"explain (analyze, buffers, format json) {statement}", *given))
    return int(told["Plan"]["Shared Hit Blocks"]) + int(told["Plan"]["Shared Read Blocks"])


async def test_each_kind_is_found_without_a_look_at_its_leads(database: Database) -> None:
    async with database.acquire() as conn:
        await filled(conn)
        found = await pool_zones.kinds(conn, ["pool", "other"])
        assert {one.zones for one in found} == {
            "America/New_York",
            "America/Chicago",
            "America/Denver",
            "",
            "?",
        }
        assert {one.contract for one in found} == {"pool"}
        assert await pages(conn, pool_zones._KINDS, ["pool", "other"]) < 100


async def test_the_next_who_may_be_called_is_found_behind_all_who_sleep(database: Database) -> None:
    awake = [Kind("pool", "America/Denver"), Kind("pool", "")]
    told = [one.contract for one in awake], [one.zones for one in awake]
    async with database.acquire() as conn:
        await filled(conn)
        assert await pool_zones.first(conn, RULES, awake) == awake
        assert await pages(conn, pool_zones._FIRST, *RULES.told(), *told) < 100
        row = await pool_zones.claim(conn, RULES, uuid4(), awake[0], by="inside/dana")
        assert row is not None
        assert row.zones == "America/Denver"
        given = "pool", uuid4(), "inside/dana", "America/Denver"
        assert await pages(conn, pool_zones._CLAIM, *RULES.told(), *given) < 200
