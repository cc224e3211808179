"""One more round of a lead: what it was is put aside as it stood, then it begins anew."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.bookings import COSTS
from app.store.leads import decode
from app.store.rows import NewLead

_STANDING = """
select source, campaign, state, round, submission_id, position, test, outcome, price, erased_at is not null
  from lead where id = $1
"""
_LOCKED = _STANDING + " for update"
_ARCHIVE = """
insert into lead_round (lead_id, round, state, outcome, price, reasons, score, catalogue, decided_at, ended_at,
                        fields, extra, findings, routing, steps)
select l.id, l.round, l.state, l.outcome, l.price, l.reasons, l.score, l.catalogue, l.decided_at, l.ended_at,
       d.fields, d.extra, d.findings, d.routing, d.steps
  from lead l join lead_detail d on d.lead_id = l.id where l.id = $1
"""
# An answer that owes its source a price stands; any other is open again until this round has one.
_RENEW = f"""
with l as (
  update lead
     set round = round + 1, state = $2, copies = $3, score = $4, catalogue = $5, decided_at = now(),
         ended_at = case when $6 then now() end,
         outcome = case when outcome = 'success' then outcome else $7 end,
         price = case when outcome = 'success' then price else $8::numeric end,
         reasons = case when outcome = 'success' then reasons else $9::json end,
         agreed = case when outcome = 'success' then agreed else $10::numeric end,
         currency = case when outcome = 'success' then currency else $11 end
   where id = $1
  returning id, source, campaign, currency, price, outcome, test, share
), bought as (
  select * from l where outcome = 'success' and not test and share is null
)
{COSTS}"""
_DETAIL = """
update lead_detail set fields = $2::json, extra = $3::json, findings = $4::json, routing = $5::json, steps = $6::json
 where lead_id = $1
"""
_HOLDERS = """
select contract, buyer from delivery
 where lead_id = $1 and state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')
"""
_FORMER = """
select round, state, outcome, price, reasons, decided_at, ended_at, findings from lead_round
 where lead_id = $1 order by round
"""
_ONCE = """
insert into idempotency (source, key, submission_id, fingerprint, expires_at)
values ($1, $2, $3, '', now() + interval '2 days')
on conflict (source, key) do update
  set submission_id = excluded.submission_id, expires_at = excluded.expires_at where idempotency.expires_at <= now()
returning 1
"""


_KNOWN = "select 1 from idempotency where source = $1 and key = $2 and expires_at > now()"


class Standing(Struct, frozen=True):
    """A decided lead, as far as one more round depends on it."""

    source: str
    campaign: str
    state: str
    round: int
    submission_id: UUID
    position: int
    test: bool
    outcome: str | None
    price: Decimal | None
    erased: bool


async def standing(conn: Any, lead_id: UUID, *, locked: bool = False) -> Standing | None:
    row = await conn.fetchrow(_LOCKED if locked else _STANDING, lead_id)
    return Standing(*row) if row else None


async def once(conn: Any, source: str, key: bytes, lead_id: UUID) -> bool:
    """False where this key came before."""
    return await conn.fetchval(_ONCE, source, key, lead_id) is not None


async def known(conn: Any, source: str, key: bytes) -> bool:
    """Whether this key came before."""
    return await conn.fetchval(_KNOWN, source, key) is not None


async def holders(conn: Any, lead_id: UUID) -> list[tuple[str, str]]:
    """(contract, buyer) of whoever has this lead, or may have it, from any round."""
    return [(row[0], row[1]) for row in await conn.fetch(_HOLDERS, lead_id)]


async def put_aside(conn: Any, lead_id: UUID) -> None:
    """Keep the round that has ended as it stands."""
    await conn.execute(_ARCHIVE, lead_id)


async def renew(conn: Any, row: NewLead) -> None:
    """Put the round aside that has ended, and begin the one that `row` decides. The lead is locked."""
    await put_aside(conn, row.id)
    price, agreed = (None if amount is None else str(amount) for amount in (row.price, row.agreed))
    await conn.execute(
        _RENEW, row.id, row.state, row.copies, row.score, row.catalogue, row.ended, row.outcome, price,
        row.reasons, agreed, row.currency,
    )  # fmt: skip
    await conn.execute(_DETAIL, row.id, row.fields, row.extra, row.findings, row.routing, row.steps)


async def former(conn: Any, lead_id: UUID) -> list[Mapping[str, Any]]:
    """The rounds before the current one, with what was found in them."""
    rows = [dict(row) for row in await conn.fetch(_FORMER, lead_id)]
    return [
        {**row, "reasons": decode(row["reasons"]) or [], "findings": decode(row["findings"])} for row in rows
    ]
