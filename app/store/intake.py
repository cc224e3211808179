"""What makes a submission durable, and gives back what nobody has decided yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.errors import Refused
from app.model import Submission

KEY_DAYS = 2.0


class Kept(Struct, frozen=True):
    """The answer of one flush: `first` is the submission that holds the idempotency key, if another does."""

    first: UUID | None = None
    same_body: bool = True


class Arrival(Struct, frozen=True, kw_only=True):
    """One submission to keep. `key` is the digest of its Idempotency-Key (or of the id that a platform or a
    channel gave it), `fingerprint` that of its body, `key_days` how long the key is remembered."""

    submission: Submission
    key: bytes = b""
    fingerprint: bytes = b""
    key_days: float = KEY_DAYS
    leased: bool = True  # this process decides it now; else anybody may


# One statement, one commit, any number of rows; a second run of the same rows changes nothing.
# «want» is materialised so that both inserts see the same rows. What rows have in common is sent once
# (`e`): most of a batch comes from a few sources, and each value costs its encoding.
_KEEP = """
with want as materialized (
  select t.id, t.received_at, t.body, e.*
    from unnest($1::uuid[], $2::float8[], $3::bytea[], $4::int[]) as t(id, received_at, body, n)
    join unnest($5::text[], $6::text[], $7::bool[], $8::text[], $9::text[], $10::bool[], $11::text[])
         with ordinality as e(source, content_type, test, remote, key_hint, leased, forced, n) on e.n = t.n
), kept as (
  insert into submission (id, source, received_at, content_type, body, test, remote, key_hint, forced)
  select id, source, to_timestamp(received_at), content_type, body, test, remote, key_hint, forced from want
  on conflict (id) do nothing
  returning id
)
insert into inbox (submission_id, lease_id)
select id, case when leased then $12::uuid end from want where id in (select id from kept)
on conflict do nothing
"""

_CLAIM_KEYS = """
insert into idempotency (source, key, submission_id, fingerprint, expires_at)
select source, key, id, fingerprint, now() + days * interval '1 day'
  from unnest($1::text[], $2::bytea[], $3::uuid[], $4::bytea[], $5::float8[])
       as t(source, key, id, fingerprint, days)
 order by source, key
on conflict (source, key) do update
  set submission_id = excluded.submission_id, fingerprint = excluded.fingerprint,
      expires_at = excluded.expires_at
  where idempotency.expires_at <= now() or idempotency.submission_id = excluded.submission_id
returning submission_id
"""

_FIRST_KEYS = """
select i.source, i.key, i.submission_id, i.fingerprint
  from idempotency i join unnest($1::text[], $2::bytea[]) as t(source, key) using (source, key)
"""

# Others' rows are taken only when their process has not been seen for the lease; nobody's at once.
# What came by itself and what a batch brought are taken apart ($5): a million rows must not stand before one lead.
_TAKE = """
with free as (
  select i.submission_id from inbox i
   where i.parked is null and (i.batch_id is not null) = $5
     and (i.lease_id is null
          or i.lease_id <> $1
             and not exists (select 1 from process p where p.id = i.lease_id
                              and p.seen_at > now() - $3 * interval '1 second'))
   order by i.submission_id
   limit $2
   for update skip locked
), mine as (
  update inbox i set lease_id = $1, tries = i.tries + 1,
         parked = case when i.tries >= $4 then 'decided in vain ' || i.tries || ' times' end
    from free where i.submission_id = free.submission_id
  returning i.submission_id, i.parked
)
select s.id, s.source, s.received_at, s.content_type, s.body, s.test, s.remote, s.key_hint, s.forced
  from mine join submission s on s.id = mine.submission_id
 where mine.parked is null
 order by s.id
"""

_PARK = "update inbox set parked = $2 where submission_id = any($1::uuid[])"

_PENDING = "select count(*) from inbox where parked is null and lease_id is null"

_REFUSED = """
insert into refusal (id, source, at, code, detail, content_type, body)
select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bytea[])
on conflict do nothing
"""


KEPT_OF_A_REFUSED_BODY = 65_536


class Refusal(Struct, frozen=True, kw_only=True):
    """A body of a known source that could not be taken; kept for a person to see, never acknowledged."""

    id: UUID
    source: str
    at: datetime
    code: str
    detail: str
    content_type: str
    body: bytes

    @classmethod
    def of(
        cls, refused: Refused, *, id: UUID, source: str, at: datetime, content_type: str, body: bytes
    ) -> "Refusal":
        """As much of it as is kept; a text of the database knows no NUL."""
        return cls(
            id=id, source=source, at=at, code=refused.reason, detail=refused.detail.replace("\0", ""),
            content_type=content_type[:200].replace("\0", ""), body=body[:KEPT_OF_A_REFUSED_BODY],
        )  # fmt: skip


class IntakeStore:
    """Writes arrivals for one process; `process_id` is its lease."""

    def __init__(self, *, lease_seconds: float, most_tries: int = 5) -> None:
        self.lease_seconds = lease_seconds
        self.most_tries = most_tries

    async def keep(
        self, conn: Any, arrivals: Sequence[Arrival], process_id: UUID, *, again: bool = False
    ) -> list[Kept]:
        """Make all arrivals durable; when it returns they are. Safe to call again with the same ones.

        `again` marks a retry after an ambiguous commit: the transaction must write WAL even if every row
        is there already, or its commit would wait for no replica (ENGINE, «a hole»).
        """
        keyed = [a for a in arrivals if a.key]
        if not keyed and not again:
            await self._insert(conn, arrivals, process_id)
            return [Kept()] * len(arrivals)
        async with conn.transaction():
            if again:
                await conn.execute("select pg_logical_emit_message(true, 'leadgate', 'again')")
            firsts = await self._claim(conn, keyed) if keyed else {}
            rest = [a for a in arrivals if a.submission.id not in firsts]
            if rest:
                await self._insert(conn, rest, process_id)
        return [firsts.get(a.submission.id, Kept()) for a in arrivals]

    async def _insert(self, conn: Any, arrivals: Sequence[Arrival], process_id: UUID) -> None:
        common: dict[tuple[Any, ...], int] = {}
        rows = []
        for arrival in arrivals:
            s = arrival.submission
            shared = (
                s.source, s.content_type, s.test, s.remote, s.key_hint, arrival.leased, s.forced or None
            )  # fmt: skip
            n = common.setdefault(shared, len(common) + 1)
            rows.append((s.id, s.received_at.timestamp(), s.body, n))
        await conn.execute(
            _KEEP, *map(list, zip(*rows, strict=True)), *map(list, zip(*common, strict=True)), process_id
        )

    async def _claim(self, conn: Any, keyed: Sequence[Arrival]) -> dict[UUID, Kept]:
        """Which arrivals lost their Idempotency-Key, and to which submission (equal keys collapse here)."""
        best: dict[tuple[str, bytes], Arrival] = {}
        for arrival in keyed:
            best.setdefault((arrival.submission.source, arrival.key), arrival)
        ordered = [best[place] for place in sorted(best)]
        columns = [(a.submission.source, a.key, a.submission.id, a.fingerprint, a.key_days) for a in ordered]
        won = {r[0] for r in await conn.fetch(_CLAIM_KEYS, *map(list, zip(*columns, strict=True)))}
        holder = {(a.submission.source, a.key): (a.submission.id, a.fingerprint) for a in ordered}
        lost = [a for a in ordered if a.submission.id not in won]
        if lost:
            rows = await conn.fetch(_FIRST_KEYS, [a.submission.source for a in lost], [a.key for a in lost])
            holder.update({(r[0], r[1]): (r[2], r[3]) for r in rows})
        firsts = {}
        for arrival in keyed:
            first, fingerprint = holder[(arrival.submission.source, arrival.key)]
            if first != arrival.submission.id:
                firsts[arrival.submission.id] = Kept(first, fingerprint == arrival.fingerprint)
        return firsts

    async def take(
        self, conn: Any, process_id: UUID, limit: int, *, of_batches: bool = False
    ) -> list[Submission]:
        """Claim undecided submissions that nobody alive holds; work that keeps failing is parked, visibly."""
        rows = await conn.fetch(_TAKE, process_id, limit, self.lease_seconds, self.most_tries, of_batches)
        return [
            Submission(
                id=r[0],
                source=r[1],
                received_at=r[2],
                content_type=r[3],
                body=bytes(r[4]),
                test=r[5],
                remote=r[6],
                key_hint=r[7],
                forced=r[8] or "",
            )
            for r in rows
        ]

    async def park(self, conn: Any, ids: Sequence[UUID], why: str) -> None:
        """Put submissions aside for a person; `why` is a code, never a datum."""
        await conn.execute(_PARK, list(ids), why)

    async def waiting(self, conn: Any) -> int:
        return int(await conn.fetchval(_PENDING))

    async def note_refusals(self, conn: Any, refusals: Sequence[Refusal]) -> None:
        rows = [(r.id, r.source, r.at, r.code, r.detail, r.content_type, r.body) for r in refusals]
        await conn.execute(_REFUSED, *map(list, zip(*rows, strict=True)))
