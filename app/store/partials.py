"""Leads that come in parts, and what their sources said of them later."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.model import Submission

_COLUMNS = "id, source, received_at, content_type, body, test, remote, key_hint, forced"
_KEEP = f"""
insert into submission ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing
"""
_INBOX = "insert into inbox (submission_id, lease_id) values ($1, $2) on conflict do nothing"
_SUBMISSIONS = f"select {_COLUMNS} from submission where id = any($1::uuid[])"
# Who comes second with a token gets the first one's row, locked.
_BEGIN = """
insert into partial (lead_id, source, token, state, test, due_at)
values ($1, $2, $3, $4, $5, now() + $6 * interval '1 second')
on conflict (source, token) do update set token = excluded.token
returning lead_id, source, state, completed_by, fingerprint, test
"""
_FIND = "select lead_id, source, state, completed_by, fingerprint, test from partial where %s for update"
_BY_LEAD, _BY_TOKEN = _FIND % "lead_id = $1 and source = $2", _FIND % "token = $1 and source = $2"
_LOOK = "select state, created_at, ended_at from partial where lead_id = $1"
_LATER = "update partial set due_at = greatest(due_at, now() + $2 * interval '1 second') where lead_id = $1"
_END = """
update partial set state = $2, completed_by = $3, fingerprint = $4, ended_at = now() where lead_id = $1
"""
_OVERDUE = """
select lead_id, source from partial where state = 'open' and due_at <= now()
 order by due_at limit $1 for update skip locked
"""
_AMEND = """
insert into amendment (lead_id, n, submission_id, kind, fingerprint)
select $1, coalesce(max(n), 0) + 1, $2, $3, $4 from amendment where lead_id = $1
on conflict (submission_id) do nothing
"""
_LAST = "select n, fingerprint from amendment where lead_id = $1 order by n desc limit 1"
_AMENDMENTS = """
select lead_id, n, kind, at, submission_id from amendment where lead_id = any($1::uuid[]) order by lead_id, n
"""
_LEADS_OF = """
select submission_id, lead_id from amendment where submission_id = any($1::uuid[])
union all
select lead_id, lead_id from partial where lead_id = any($1::uuid[])
"""
_ABANDONED = "select lead_id from partial where lead_id = any($1::uuid[]) and state = 'abandoned'"
_WITHDRAW = """
delete from inbox
 where parked is null
   and submission_id in (select $1::uuid union all select submission_id from amendment where lead_id = $1)
returning submission_id
"""


class Partial(Struct, frozen=True):
    """A begun lead as it stands; `completed_by` is the submission that made it whole, `fingerprint` of its body."""

    lead_id: UUID
    source: str
    state: str
    completed_by: UUID | None
    fingerprint: bytes | None
    test: bool


class Amendment(Struct, frozen=True):
    """One later word on a lead; the bytes of it are the submission's."""

    lead_id: UUID
    n: int
    kind: str
    at: Any
    submission_id: UUID


async def keep(conn: Any, submission: Submission) -> None:
    """A submission that nobody decides by itself."""
    s = submission
    await conn.execute(
        _KEEP, s.id, s.source, s.received_at, s.content_type, s.body, s.test, s.remote, s.key_hint,
        s.forced or None,
    )  # fmt: skip


async def to_inbox(conn: Any, submission_id: UUID, lease_id: UUID | None) -> None:
    """To be decided: by the process `lease_id`, or by anybody."""
    await conn.execute(_INBOX, submission_id, lease_id)


async def withdraw(conn: Any, lead_id: UUID) -> bool:
    """Take an undecided lead out of the inbox; False where somebody has decided it, or it is parked."""
    return bool(await conn.fetch(_WITHDRAW, lead_id))


async def submissions(conn: Any, ids: Iterable[UUID]) -> dict[UUID, Submission]:
    """The bytes as received; those that retention has dropped are missing."""
    rows = await conn.fetch(_SUBMISSIONS, list(ids))
    return {
        r[0]: Submission(
            id=r[0], source=r[1], received_at=r[2], content_type=r[3], body=bytes(r[4]), test=r[5], remote=r[6],
            key_hint=r[7], forced=r[8] or "",
        )
        for r in rows
    }  # fmt: skip


async def begin(
    conn: Any, lead_id: UUID, source: str, *, token: bytes | None, state: str, test: bool, seconds: float
) -> Partial:
    """The partial lead of this token, locked: begun now, or by whoever was first."""
    return Partial(*await conn.fetchrow(_BEGIN, lead_id, source, token, state, test, seconds))


async def find(conn: Any, lead_id: UUID, source: str) -> Partial | None:
    """A source's own partial lead, locked."""
    row = await conn.fetchrow(_BY_LEAD, lead_id, source)
    return Partial(*row) if row else None


async def by_token(conn: Any, token: bytes, source: str) -> Partial | None:
    row = await conn.fetchrow(_BY_TOKEN, token, source)
    return Partial(*row) if row else None


async def look(conn: Any, lead_id: UUID) -> dict[str, Any] | None:
    """State and moments, for showing."""
    row = await conn.fetchrow(_LOOK, lead_id)
    return dict(row) if row else None


async def later(conn: Any, lead_id: UUID, seconds: float) -> None:
    """It goes on: its time runs from now."""
    await conn.execute(_LATER, lead_id, seconds)


async def end(
    conn: Any, lead_id: UUID, state: str, by: UUID | None = None, fingerprint: bytes | None = None
) -> None:
    await conn.execute(_END, lead_id, state, by, fingerprint)


async def overdue(conn: Any, limit: int) -> list[tuple[UUID, str]]:
    """(lead, source) of those whose time is up, locked."""
    return [(row[0], row[1]) for row in await conn.fetch(_OVERDUE, limit)]


async def amend(conn: Any, lead_id: UUID, submission_id: UUID, kind: str, fingerprint: bytes) -> None:
    """The lead, or its partial row, is locked by the caller."""
    await conn.execute(_AMEND, lead_id, submission_id, kind, fingerprint)


async def last(conn: Any, lead_id: UUID) -> tuple[int, bytes]:
    """How many amendments there are, and the fingerprint of the last."""
    row = await conn.fetchrow(_LAST, lead_id)
    return (row[0], bytes(row[1])) if row else (0, b"")


async def amendments(conn: Any, lead_ids: Sequence[UUID]) -> list[Amendment]:
    """By lead, in the order in which they hold."""
    return [Amendment(*row) for row in await conn.fetch(_AMENDMENTS, list(lead_ids))]


async def leads_of(conn: Any, submission_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Submission → the lead that it is a part of, for those that are."""
    return {row[0]: row[1] for row in await conn.fetch(_LEADS_OF, list(submission_ids))}


async def abandoned(conn: Any, lead_ids: Sequence[UUID]) -> set[UUID]:
    return {row[0] for row in await conn.fetch(_ABANDONED, list(lead_ids))}
