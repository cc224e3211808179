"""Takes everything that tells of a person out of the rows of a submission; what remains is that there was one.

Kept are ids, states, amounts, times and codes: the books still add up, and the same lead is known when it
comes again. Whoever distributes leads asks for `erased_at` under the lead's lock and hands over no further.
Locks: deliveries → leads → counters, each sorted, as everywhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.core.reserved import held
from app.store import decisions, leads, openings

_SUBMISSION_OF = "select submission_id from idempotency where source = $1 and key = $2"
# Of a submission that nobody alive decides at this moment.
_UNDECIDED = """
select submission_id from inbox i
 where i.submission_id = any($1::uuid[])
   and (i.parked is not null or i.lease_id is null
        or not exists (select 1 from process p where p.id = i.lease_id
                        and p.seen_at > now() - $2 * interval '1 second'))
   for update skip locked
"""
_NEVER_DECIDED = "delete from inbox where submission_id = any($1::uuid[])"
_IN_INBOX = "select exists (select 1 from inbox where submission_id = any($1::uuid[]))"
_AND_AMENDMENTS = "select $1::uuid union select submission_id from amendment where lead_id = $1"
_LEADS = "select id from lead where id = $1 or (submission_id = $1 and position > 0)"
_DELIVERIES = (
    "select id, state, reserved from delivery where lead_id = any($1::uuid[]) order by id for update"
)
_CANCEL = """
update delivery set state = 'cancelled', reason = 'erased', next_at = null, lease_id = null, ended_at = now()
 where id = any($1::uuid[])
"""
_COUNTERS = "select key from counter where key = any($1::text[]) order by key for update"
_ERASE_LEADS = """
with stands as (
  select l.id, case
      when l.state not in ('received', 'held', 'delivering', 'pooled') or bool_or(d.state = 'sending') then l.state
      when bool_or(d.state = 'accepted') then 'sold'
      when bool_or(d.state = 'unclear') then 'unclear'
      else 'rejected' end as state
    from lead l left join delivery d on d.lead_id = l.id and d.round = l.round
   where l.id = any($1::uuid[]) group by l.id
)
update lead l
   set erased_at = coalesce(l.erased_at, now()), state = s.state,
       outcome = case when s.state = 'rejected' then coalesce(l.outcome, 'failure') else l.outcome end,
       price = case when s.state = 'rejected' and l.outcome is null and l.agreed is not null then 0 else l.price end,
       reasons = case when s.state = 'rejected' and l.outcome is null then $2::json else l.reasons end,
       ended_at = case when s.state in ('sold', 'rejected') then coalesce(l.ended_at, now()) else l.ended_at end
  from stands s where l.id = s.id
"""
_BLANKS = {
    "lead_detail": "update lead_detail set fields = '{}', extra = '{}', findings = '[]', routing = '{}'"
    " where lead_id = any($1::uuid[])",
    "lead_round": "update lead_round set fields = '{}', extra = '{}', findings = '[]', routing = '{}'"
    " where lead_id = any($1::uuid[])",
    "attempt_end": "update attempt_end set exchanges = '[]', read = '', reason = '' where lead_id = any($1::uuid[])",
    "bundle": "update bundle set exchanges = '[]'"
    " where id in (select bundle_id from bundled where lead_id = any($1::uuid[]))",
    "delivery": "update delivery set reason = 'erased'"
    " where lead_id = any($1::uuid[]) and reason <> '' and state not in ('sending', 'waiting', 'pooled')",
    "callback": "update callback set exchanges = null, document = (document::jsonb - 'message')::json"
    " where lead_id = any($1::uuid[])",
    "feedback": "update feedback set raw = '', note = '' where lead_id = any($1::uuid[])",
    "return_request": "update return_request set why = '' where lead_id = any($1::uuid[])",
    "return_word": "update return_word w set text = '', evidence = '' from return_request r"
    " where r.id = w.return_id and r.lead_id = any($1::uuid[])",
    "submission": "update submission set body = '', remote = ''"
    " where id in (select submission_id from amendment where lead_id = any($1::uuid[]))",
    "offence": "delete from offence where lead_id = any($1::uuid[])",
    "contact_lead": "delete from contact_lead where lead_id = any($1::uuid[])",
    "look_up": "delete from look_up where lead_id = any($1::uuid[])",
    "pool": "delete from pool where lead_id = any($1::uuid[])",
    "pull_watch": "delete from pull_watch where lead_id = any($1::uuid[])",
    "partial": "update partial set state = 'abandoned', token = null, ended_at = now()"
    " where lead_id = any($1::uuid[]) and state = 'open'",
}
_BLANK_SUBMISSION = "update submission set body = '', remote = '' where id = $1 and body <> ''"
AT_REQUEST = "deleted at the request of who sent it"


async def submission_of(conn: Any, source: str, key: bytes) -> UUID | None:
    """What was kept under an idempotency key, as long as that is remembered."""
    found: UUID | None = await conn.fetchval(_SUBMISSION_OF, source, key)
    return found


class Erased(Struct, frozen=True):
    """`over`: nothing of it is on its way any more, so it need not be asked for again. `rows` counts by table."""

    over: bool
    rows: Mapping[str, int]


async def erase(
    conn: Any, submission_id: UUID, *, lease_seconds: float, by: str, why: str = AT_REQUEST
) -> bool:
    """A submission with all of its leads, in the caller's transaction. False where somebody has it in hand at this
    moment: what can go is gone, nothing new begins, and the rest is to be asked for again."""
    if not await refuse_to_decide(conn, submission_id, lease_seconds):
        return False
    ids = sorted(row[0] for row in await conn.fetch(_LEADS, submission_id))
    erased = await erase_leads(conn, ids or [submission_id], by=by, why=why)
    await blank_submission(conn, submission_id)
    return erased.over


async def erase_leads(conn: Any, ids: Sequence[UUID], *, by: str, why: str = AT_REQUEST) -> Erased:
    """Everything that is kept of these leads, but for the bytes that they came in. `ids` are in order."""
    deliveries = await conn.fetch(_DELIVERIES, ids)
    known = await leads.lock(conn, ids)
    waiting = [row for row in deliveries if row["state"] in ("waiting", "pooled")]
    await _cancel(conn, waiting)
    await openings.close(conn, [row["id"] for row in deliveries if row["state"] == "accepted"])
    reasons = orjson.dumps([{"code": "erased", "field": "", "message": why}]).decode()
    rows = {"lead": _count(await conn.execute(_ERASE_LEADS, ids, reasons))}
    for table, statement in _BLANKS.items():
        rows[table] = _count(await conn.execute(statement, ids))
    for lead_id in ids:
        if lead_id not in known:
            await leads.note(conn, lead_id, "erased", None, by, {"cancelled": len(waiting)})
    return Erased(all(row["state"] != "sending" for row in deliveries), rows)


async def blank_submission(conn: Any, submission_id: UUID) -> int:
    """How many rows that were; it is still known that it came."""
    return _count(await conn.execute(_BLANK_SUBMISSION, submission_id))


async def refuse_to_decide(conn: Any, submission_id: UUID, lease_seconds: float) -> bool:
    """Whether it is decided, with all that its source said of it later, or never will be."""
    ids = [row[0] for row in await conn.fetch(_AND_AMENDMENTS, submission_id)]
    free = [row[0] for row in await conn.fetch(_UNDECIDED, ids, lease_seconds)]
    await conn.execute(_NEVER_DECIDED, free)
    return not await conn.fetchval(_IN_INBOX, ids)


def _count(said: str) -> int:
    return int(said.rsplit(" ", 1)[-1])


async def _cancel(conn: Any, waiting: Sequence[Mapping[str, Any]]) -> None:
    """What they had reserved is given back, as far as its period is still counted."""
    if not waiting:
        return
    await conn.execute(_CANCEL, [row["id"] for row in waiting])
    back = held(line for row in waiting for line in row["reserved"].split("\n"))
    there = [row[0] for row in await conn.fetch(_COUNTERS, sorted(back))]
    await decisions.count(conn, {key: -back[key] for key in there})
