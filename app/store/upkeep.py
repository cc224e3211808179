"""The database's housekeeping: days made ahead, what has expired swept, history dropped by partition."""

from datetime import date, datetime, timedelta
from typing import Any

_MAKE = "select leadgate_make_partitions((now() at time zone 'UTC')::date, $1)"
_SWEEP = {
    "dedupe_key": "delete from dedupe_key where key in (select key from dedupe_key where expires_at < now() limit $1)",
    "lead_key": (
        "delete from lead_key where (key, lead_id) in"
        " (select key, lead_id from lead_key where expires_at < now() limit $1)"
    ),
    "idempotency": (
        "delete from idempotency where (source, key) in"
        " (select source, key from idempotency where expires_at < now() limit $1)"
    ),
    "velocity": (
        "delete from velocity where (key, bucket) in"
        " (select key, bucket from velocity where expires_at < now() limit $1)"
    ),
    "look_up": "delete from look_up where key in (select key from look_up where expires_at < now() limit $1)",
    "contact_lead": (
        "delete from contact_lead where (key, lead_id) in"
        " (select key, lead_id from contact_lead where expires_at < now() limit $1)"
    ),
    "offence": (
        "delete from offence where (key, lead_id) in"
        " (select key, lead_id from offence where expires_at < now() limit $1)"
    ),
    "counter": "delete from counter where key in (select key from counter where expires_at < now() limit $1)",
}
_ONE_AT_A_TIME = "select pg_try_advisory_xact_lock(hashtext('leadgate upkeep'))"
_PARTITIONS = """
select c.relname, pg_total_relation_size(c.oid)::bigint
  from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
 where p.relname = any($1::text[]) and c.relname ~ '_[0-9]{8}$' order by c.relname
"""
# Rows that go one by one when they are over: what a source was told holds bytes, a named lead a platform's id.
_OVER = {
    "callback": "state in ('told', 'gone', 'dead', 'moot') and created_at < $1",
    "partial": "state <> 'open' and created_at < $1",
    "amendment": (
        "at < $1 and not exists (select 1 from partial p where p.lead_id = amendment.lead_id and p.state = 'open')"
    ),
    "platform_lead": "state <> 'waiting' and ended_at < $1",
    "ping": "at < $1",
    "pool_claim": "ended_at < $1",
    "bundle": "begun_at < $1 and state <> 'sending'",
}
HISTORY = ("submission", "lead_detail", "lead_round", "attempt", "attempt_end", "lead_event", "refusal")


async def make_days(conn: Any, ahead: int = 8) -> int:
    """Partitions for today and the next days; how many were new."""
    async with conn.transaction():
        if not await conn.fetchval(_ONE_AT_A_TIME):
            return 0
        return int(await conn.fetchval(_MAKE, ahead))


async def sweep(conn: Any, most: int = 5_000) -> int:
    """Delete expired keys and counters, a bounded number of each; how many."""
    swept = 0
    for statement in _SWEEP.values():
        swept += int((await conn.execute(statement, most)).split()[-1])
    return swept


async def days_before(conn: Any, today: date, keep_days: int) -> list[tuple[str, int]]:
    """(partition, bytes) that retention would drop: whole days older than `keep_days`."""
    limit = f"{today - timedelta(days=keep_days):%Y%m%d}"
    rows = await conn.fetch(_PARTITIONS, list(HISTORY))
    return [(r[0], r[1]) for r in rows if r[0][-8:] < limit]


async def drop_days(conn: Any, partitions: list[str]) -> None:
    for name in partitions:
        await conn.execute(f'drop table if exists "{name}"')


async def over_before(conn: Any, at: datetime) -> dict[str, int]:
    """table → rows of it that retention would delete beside whole days; those without any are left out."""
    counts = {
        table: int(await conn.fetchval(f"select count(*) from {table} where {what}", at))
        for table, what in _OVER.items()
    }
    return {table: n for table, n in counts.items() if n}


async def forget_over(conn: Any, at: datetime, most: int = 5_000) -> None:
    """Delete them, a bounded number in a transaction, so that nobody waits long for a row."""
    for table, what in _OVER.items():
        some = f"select ctid from {table} where {what} limit $2 for update skip locked"
        statement = f"delete from {table} where ctid in ({some})"
        while (await conn.execute(statement, at, most)).split()[-1] == str(most):
            pass
