"""The transaction of a decision: claim what must be claimed once, count what must be counted, write the rest.

Locks are always taken in this order, each kind sorted, so that batches of several processes never
deadlock: dedupe keys → counters → inserts. A batch is fenced by its inbox rows: whoever deletes them
decides; a second run after an ambiguous commit finds them gone and decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import astuple

from app.store.bookings import COSTS
from app.store.rows import Held, LeadChange, NewDelivery, NewLead

# The fence and the claim in one: whoever deletes the inbox rows decides, and claims for these alone.
_BEGIN = """
with mine as (
  delete from inbox where submission_id = any($1::uuid[]) and lease_id = $2 returning submission_id
), got as (
  insert into dedupe_key (key, lead_id, source, at, expires_at)
  select key, lead_id, source, now(), now() + seconds * interval '1 second'
    from unnest($3::bytea[], $4::uuid[], $5::text[], $6::float8[], $7::uuid[])
      as t(key, lead_id, source, seconds, submission_id)
   where t.submission_id in (select submission_id from mine)
   order by key
  on conflict (key) do update
    set lead_id = excluded.lead_id, source = excluded.source, at = excluded.at, expires_at = excluded.expires_at
    where dedupe_key.expires_at <= now() or dedupe_key.lead_id = excluded.lead_id
  returning key
)
select array(select submission_id from mine), array(select key from got)
"""

# The claim: one unique row a key, taken in sorted order; an expired one is taken over.
_CLAIM = """
insert into dedupe_key (key, lead_id, source, at, expires_at)
select key, lead_id, source, now(), now() + seconds * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::text[], $4::float8[]) as t(key, lead_id, source, seconds)
 order by key
on conflict (key) do update
  set lead_id = excluded.lead_id, source = excluded.source, at = excluded.at, expires_at = excluded.expires_at
  where dedupe_key.expires_at <= now() or dedupe_key.lead_id = excluded.lead_id
returning key
"""
_HOLDERS = """
select key, lead_id, source, at, extract(epoch from now() - at)::float8
  from dedupe_key where key = any($1::bytea[]) and expires_at > now()
"""
_HAND_OVER = """
update dedupe_key d
   set lead_id = t.lead_id, source = t.source, at = now(), expires_at = now() + t.seconds * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::text[], $4::float8[]) as t(key, lead_id, source, seconds)
 where d.key = t.key
"""
_DROP_KEYS = "delete from dedupe_key where key = any($1::bytea[]) and lead_id = any($2::uuid[])"

_ENSURE = """
insert into counter (key, value, expires_at)
select * from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as t(key, value, expires_at) order by key
on conflict (key) do nothing
"""
_LOCK = "select key, value from counter where key = any($1::text[]) order by key for update"
_ADD = """
update counter c set value = c.value + t.by
  from unnest({}::text[], {}::bigint[]) as t(key, by) where c.key = t.key
"""
_COUNT = _ADD.format("$1", "$2")

# A whole batch in one statement: each one saved is a round trip under the batch's locks.
_WRITTEN = f"""
rows as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::float8[],
    $7::text[], $8::smallint[], $9::bool[], $10::text[], $11::text[], $12::text[], $13::smallint[],
    $14::bigint[], $15::bool[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
    $35::text[], $36::text[])
  as t(id, submission_id, position, source, campaign, received_at, state, copies, test, outcome, price,
       reasons, score, catalogue, ended, fields, extra, findings, routing, steps, agreed, currency)
), leads as (
  insert into lead (id, submission_id, position, source, campaign, received_at, state, copies, test,
                    outcome, price, reasons, agreed, score, catalogue, ended_at, currency)
  select id, submission_id, position, source, campaign, to_timestamp(received_at), state, copies, test, outcome,
         price::numeric, reasons::json, agreed::numeric, score, catalogue, case when ended then now() end, currency
    from rows
), bought as (
  select id, source, campaign, currency, price::numeric as price from rows where outcome = 'success' and not test
), costs as ({COSTS}
), details as (
  insert into lead_detail (lead_id, fields, extra, findings, routing, steps)
  select id, fields::json, extra::json, findings::json, routing::json, steps::json from rows
), handed as materialized (
  select * from unnest($21::uuid[], $22::uuid[], $23::smallint[], $24::smallint[], $25::smallint[], $26::text[],
    $27::text[], $28::text[], $29::text[], $30::text[], $31::bool[], $32::float8[], $33::bool[])
  as t(id, lead_id, round, slot, rank, campaign, contract, buyer, price, reserved, test, priority, alone)
), deliveries as (
  insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, lease_id,
                        reserved, test, priority, alone)
  select id, lead_id, round, slot, rank, campaign, contract, buyer, 'sending', price::numeric, $34, reserved, test,
         to_timestamp(priority), alone
    from handed
)
insert into attempt (lead_id, delivery_id, n, process_id) select lead_id, id, 1, $34 from handed
"""
_DECIDED = f"with {_WRITTEN}"
_DECIDED_COUNTED = f"with counted as ({_ADD.format('$37', '$38')}), {_WRITTEN}"

_DELIVERIES = """
with rows as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::float8[], $13::bool[])
  as t(id, lead_id, round, slot, rank, campaign, contract, buyer, price, reserved, test, priority, alone)
), deliveries as (
  insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, lease_id,
                        reserved, test, priority, alone)
  select id, lead_id, round, slot, rank, campaign, contract, buyer, 'sending', price::numeric, $14, reserved, test,
         to_timestamp(priority), alone
    from rows
)
insert into attempt (lead_id, delivery_id, n, process_id) select lead_id, id, 1, $14 from rows
"""

# Nobody has begun these: whoever is alive takes them when they are due, or who has them in line when their turn
# comes, and begins their first attempt then.
_QUEUED = """
insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, attempts, lease_id,
                      next_at, reserved, test, priority, alone)
select id, lead_id, round, slot, rank, campaign, contract, buyer, 'waiting', price::numeric, 0, $15::uuid,
       case when $15::uuid is null then coalesce(to_timestamp(due), now()) end, reserved, test,
       to_timestamp(priority), alone
  from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::float8[], $13::bool[], $14::float8[])
  as t(id, lead_id, round, slot, rank, campaign, contract, buyer, price, reserved, test, priority, alone, due)
"""

_CHANGES = f"""
with l as (
  update lead l
     set state = t.state, outcome = coalesce(l.outcome, t.outcome),
         price = case when l.outcome is null then t.price::numeric else l.price end,
         reasons = case when l.outcome is null then t.reasons::json else l.reasons end,
         revenue = l.revenue + t.revenue::numeric, ended_at = case when t.ended then now() end
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[])
      as t(id, state, outcome, price, reasons, revenue, ended)
   where l.id = t.id
  returning l.id, l.source, l.campaign, l.currency, l.price, l.outcome, l.test, l.share
), bought as (
  select * from l where outcome = 'success' and not test and share is null
)
{COSTS}"""


class MissingCounters(Exception):
    """Some counters have no row yet: `ensure` them outside and run the batch again."""

    def __init__(self, keys: Iterable[str]) -> None:
        super().__init__("counters without a row")
        self.keys = list(keys)


class KeyClaim(Struct, frozen=True, gc=False):
    """One lead that wants one dedupe key for so many seconds."""

    key: bytes
    lead_id: UUID
    source: str
    within: float
    submission_id: UUID = UUID(int=0)  # whose inbox row is the fence; needed by `begin` alone


def columns(rows: Sequence[Struct]) -> list[list[Any]]:
    """Struct rows as one list a column, in the order of their fields: what `unnest` takes."""
    return [list(column) for column in zip(*map(astuple, rows), strict=True)]


def amounts(column: Sequence[Decimal | None]) -> list[str | None]:
    """Prices as text, which the server casts: asyncpg's own encoding of a Decimal costs 2 µs."""
    return [None if amount is None else str(amount) for amount in column]


def instants(column: Sequence[datetime]) -> list[float]:
    """Times as seconds, for `to_timestamp`: a quarter of the cost of encoding a datetime."""
    return [at.timestamp() for at in column]


async def begin(
    conn: Any, submission_ids: Sequence[UUID], process_id: UUID, wanted: Sequence[KeyClaim]
) -> tuple[set[UUID], dict[bytes, Held]]:
    """The submissions that are this process's to decide, held by the transaction from here on; and who
    holds the keys that their leads wanted and did not get. Keys are tried for in sorted order."""
    ordered = sorted(wanted, key=lambda w: w.key)
    mine, got = await conn.fetchrow(
        _BEGIN, submission_ids, process_id, [w.key for w in ordered], [w.lead_id for w in ordered],
        [w.source for w in ordered], [w.within for w in ordered], [w.submission_id for w in ordered],
    )  # fmt: skip
    missed = {w.key for w in ordered}.difference(got)
    return set(mine), await holders(conn, sorted(missed)) if missed else {}


async def fence(conn: Any, submission_ids: Sequence[UUID], process_id: UUID) -> set[UUID]:
    """`begin` for leads that want no key."""
    return (await begin(conn, submission_ids, process_id, []))[0]


async def claim(conn: Any, wanted: Sequence[KeyClaim]) -> dict[bytes, Held]:
    """Try for all keys at once, in sorted order; give back the holders of those that were not got."""
    ordered = sorted(wanted, key=lambda w: w.key)
    got = {
        r[0]
        for r in await conn.fetch(
            _CLAIM,
            [w.key for w in ordered],
            [w.lead_id for w in ordered],
            [w.source for w in ordered],
            [w.within for w in ordered],
        )
    }
    lost = [w.key for w in ordered if w.key not in got]
    return await holders(conn, lost) if lost else {}


async def holders(conn: Any, keys: Sequence[bytes]) -> dict[bytes, Held]:
    """Who holds these keys now."""
    return {r[0]: Held(r[1], r[2], r[3], r[4]) for r in await conn.fetch(_HOLDERS, keys)}


async def hand_over(conn: Any, keys: Sequence[KeyClaim]) -> None:
    """Keys that are locked belong to these leads from now on: to another of the batch than the one that wanted them
    first, or to one that was taken as a repeat of who had them."""
    await conn.execute(
        _HAND_OVER, [k.key for k in keys], [k.lead_id for k in keys], [k.source for k in keys],
        [k.within for k in keys],
    )  # fmt: skip


async def take_over(conn: Any, keys: Sequence[KeyClaim]) -> None:
    """`hand_over` of keys that nobody has locked yet; those that have expired meanwhile are claimed anew."""
    await claim(conn, keys)
    await hand_over(conn, keys)


async def drop_keys(conn: Any, keys: Sequence[KeyClaim]) -> None:
    """Give back keys of leads that turned out to be duplicates by another key."""
    await conn.execute(_DROP_KEYS, [k.key for k in keys], [k.lead_id for k in keys])


async def ensure(
    conn: Any, keys: Sequence[str], start: Mapping[str, int], ends: Mapping[str, datetime | None]
) -> None:
    """Make counters exist, outside the batch's transaction, so that `lock` can lock in one sorted pass."""
    ordered = sorted(keys)
    await conn.execute(_ENSURE, ordered, [start.get(k, 0) for k in ordered], [ends.get(k) for k in ordered])


async def lock(conn: Any, keys: Iterable[str]) -> dict[str, int]:
    """Lock the counters in sorted order until commit, and read them. Raises MissingCounters."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    values = {r[0]: r[1] for r in await conn.fetch(_LOCK, wanted)}
    if len(values) < len(wanted):
        raise MissingCounters(set(wanted) - values.keys())
    return values


async def count(conn: Any, by: Mapping[str, int]) -> None:
    """Add to counters that this transaction has locked."""
    changed = [k for k in sorted(by) if by[k]]
    if changed:
        await conn.execute(_COUNT, changed, [by[k] for k in changed])


async def insert_decided(
    conn: Any,
    leads: Sequence[NewLead],
    handed: Sequence[NewDelivery],
    process_id: UUID,
    by: Mapping[str, int] | None = None,
) -> None:
    """Leads with their details, their deliveries, and the first attempts, before a byte leaves; and `by` is added to
    counters that this transaction has locked, as `count` does."""
    *c, agreed, currencies = columns(leads)
    c[5], c[10] = instants(c[5]), amounts(c[10])
    handed_ = _deliveries(handed) if handed else _NO_DELIVERIES
    written = (*c, *handed_, process_id, amounts(agreed), currencies)
    if by:
        await conn.execute(_DECIDED_COUNTED, *written, list(by), list(by.values()))
    else:
        await conn.execute(_DECIDED, *written)


async def insert_deliveries(conn: Any, deliveries: Sequence[NewDelivery], process_id: UUID) -> None:
    """Deliveries and their first attempts: both are there before a byte leaves."""
    if deliveries:
        await conn.execute(_DELIVERIES, *_deliveries(deliveries), process_id)


async def queue_deliveries(
    conn: Any, deliveries: Sequence[NewDelivery], due: Sequence[datetime | None] = ()
) -> None:
    """Deliveries that this process does not send itself, or not yet: due at once where nothing else is said."""
    if deliveries:
        at = [None if one is None else one.timestamp() for one in due or [None] * len(deliveries)]
        await conn.execute(_QUEUED, *_deliveries(deliveries), at, None)


async def line_up(conn: Any, deliveries: Sequence[NewDelivery], process_id: UUID) -> None:
    """Deliveries that stand in this process's line (`store.in_line`) from their first moment."""
    if deliveries:
        await conn.execute(_QUEUED, *_deliveries(deliveries), [None] * len(deliveries), process_id)


_NO_DELIVERIES: list[list[Any]] = [[] for _ in NewDelivery.__struct_fields__]


def _deliveries(rows: Sequence[NewDelivery]) -> list[list[Any]]:
    c = columns(rows)
    c[8] = amounts(c[8])
    return c


async def change_leads(conn: Any, changes: Sequence[LeadChange]) -> None:
    if changes:
        c = [(x.id, x.state, x.outcome, x.price, x.reasons, x.revenue, x.ended) for x in changes]
        ids, states, outcomes, prices, reasons, revenues, ended = map(list, zip(*c, strict=True))
        await conn.execute(
            _CHANGES, ids, states, outcomes, amounts(prices), reasons, amounts(revenues), ended
        )
