"""How much came from each source in each hour, counted beside the hot path, and the habits learned from it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

_BEGIN = """
insert into arrival_mark (upto, looked_at, hearing_since)
select greatest(now() - $1 * interval '1 week', coalesce(
         (select to_timestamp(('x' || substr(replace(min(id::text), '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
            from (select id from submission order by id limit 1) first), now())),
       now() - interval '1 day', now()
on conflict do nothing
"""
# Whoever gets the row looks, and nobody else until it is due again; what is far behind is due at once.
_TURN = """
select upto, least(upto + interval '1 hour', now() - interval '30 seconds') as till, looked_at, hearing_since,
       now() as now
  from arrival_mark
 where looked_at <= now() - $1 * interval '1 second' or upto < now() - interval '3 minutes'
   for update skip locked
"""
_MARK = "update arrival_mark set upto = greatest(upto, $1), looked_at = now(), hearing_since = $2"
_COUNT = """
with minutes as (
  select source, date_trunc('minute', received_at) as minute, count(*)::int as n,
         min(received_at) as first_at, max(received_at) as last_at
    from submission where id >= $1 and id < $2 and not test group by 1, 2
), gaps as (
  select *, date_trunc('hour', minute) as hour, extract(epoch from first_at - lag(last_at)
         over (partition by source, date_trunc('hour', minute) order by minute))::real as gap
    from minutes
)
insert into arrival_hour (source, hour, n, first_at, last_at, gap)
select source, hour, sum(n), min(first_at), max(last_at), coalesce(max(gap), 0) from gaps group by 1, 2
on conflict (source, hour) do update
  set n = arrival_hour.n + excluded.n,
      first_at = least(arrival_hour.first_at, excluded.first_at),
      last_at = greatest(arrival_hour.last_at, excluded.last_at),
      gap = greatest(arrival_hour.gap, excluded.gap,
                     extract(epoch from excluded.first_at - arrival_hour.last_at)::real)
returning source, last_at
"""
_HEARD = """
update rhythm r set last_at = greatest(r.last_at, t.last_at)
  from unnest($1::text[], $2::timestamptz[]) as t(source, last_at) where r.source = t.source
"""
_KNOW = """
insert into rhythm (source, last_at)
select t.source, (select max(last_at) from arrival_hour a where a.source = t.source)
  from unnest($1::text[]) as t(source) order by 1 on conflict do nothing
"""
_HABITS = """
select source, since, last_at, rates, usual, silent_since from rhythm where source = any($1)
"""
_STALE = """
select source from rhythm where source = any($1) and silent_since is null
   and (learned_at is null or learned_at < now() - interval '1 hour') order by learned_at nulls first limit $2
"""
_HOURS = """
select hour, n, first_at, last_at, gap from arrival_hour
 where source = $1 and hour > now() - $2 * interval '1 week' order by hour
"""
_LEARN = "update rhythm set rates = $2, usual = $3, learned_at = now() where source = $1"
_SILENCE = "update rhythm set silent_since = $2 where source = $1"
_SILENT = "select source from rhythm where silent_since is not null order by source"
_FORGET_HOURS = "delete from arrival_hour where hour < now() - $1 * interval '1 week'"
_FORGET = "delete from rhythm where source <> all($1) and since < now() - interval '1 day'"


class Turn(Struct, frozen=True):
    """The right to look now: what is to be counted next, when the last look was, and since when there was
    always somebody to hear."""

    upto: datetime
    till: datetime
    looked_at: datetime
    hearing_since: datetime
    now: datetime

    @property
    def behind(self) -> bool:
        """There is more to be counted than one look counts."""
        return (self.now - self.till).total_seconds() > 180


class Habit(Struct, frozen=True):
    """A source as it was heard; `rates` and `usual` are its rhythm, None while there is none."""

    source: str
    since: datetime
    last_at: datetime | None
    rates: Sequence[float] | None
    usual: float | None
    silent_since: datetime | None


async def begin(conn: Any, weeks: int) -> None:
    """Before the first look of all: history is counted too, so far as it is needed."""
    await conn.execute(_BEGIN, weeks)


async def turn(conn: Any, every: float) -> Turn | None:
    """None where somebody else looks, or has a moment ago. Within a transaction."""
    row = await conn.fetchrow(_TURN, every)
    return None if row is None else Turn(*row)


async def count(conn: Any, first: UUID, end: UUID, turn: Turn, hearing_since: datetime) -> None:
    """Submissions from `first` to before `end`, which are the ids of the turn's `upto` and `till`."""
    heard: dict[str, datetime] = {}
    for source, last_at in await conn.fetch(_COUNT, first, end):
        heard[source] = max(last_at, heard.get(source, last_at))
    if heard:
        await conn.execute(_HEARD, list(heard), list(heard.values()))
    await conn.execute(_MARK, turn.till, hearing_since)


async def know(conn: Any, sources: Sequence[str]) -> None:
    await conn.execute(_KNOW, list(sources))


async def habits(conn: Any, sources: Sequence[str]) -> list[Habit]:
    return [Habit(*row) for row in await conn.fetch(_HABITS, list(sources))]


async def stale(conn: Any, sources: Sequence[str], limit: int) -> list[str]:
    """Whose rhythm was not learned for an hour, the oldest first. Who is silent has no new habit for that."""
    return [row[0] for row in await conn.fetch(_STALE, list(sources), limit)]


async def hours(conn: Any, source: str, weeks: int) -> list[tuple[datetime, int, datetime, datetime, float]]:
    return [tuple(row) for row in await conn.fetch(_HOURS, source, weeks)]


async def learn(conn: Any, source: str, rates: Sequence[float] | None, usual: float | None) -> None:
    await conn.execute(_LEARN, source, None if rates is None else list(rates), usual)


async def set_silence(conn: Any, since: Mapping[str, datetime | None]) -> None:
    for source, at in sorted(since.items()):
        await conn.execute(_SILENCE, source, at)


async def silent(conn: Any) -> list[str]:
    return [row[0] for row in await conn.fetch(_SILENT)]


async def forget(conn: Any, sources: Sequence[str], weeks: int) -> None:
    """What is too old to learn from, and whom nobody knows any more."""
    await conn.execute(_FORGET_HOURS, weeks)
    await conn.execute(_FORGET, list(sources))
