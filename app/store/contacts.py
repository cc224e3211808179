"""Who had a contact before: leads by digests of their phones and e-mails, joined with what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

KEPT_DAYS = 730

# What is noted now is of leads that nobody has decided: it counts once they are sold, and for others.
_NOTE = """
with mine as (select * from unnest($1::uuid[], $2::bytea[]) as t(lead_id, key)),
noted as (
  insert into contact_lead (key, lead_id, expires_at)
  select key, lead_id, now() + $3::int * interval '1 day' from mine where $4 order by key, lead_id
  on conflict (key, lead_id) do nothing
)
"""
_NOTE_AND_COUNT = (
    _NOTE
    + """
select m.lead_id, count(distinct l.id)::int
  from mine m
  join contact_lead c on c.key = m.key and c.lead_id <> m.lead_id
  join lead l on l.id = c.lead_id and l.state = 'sold'
 group by m.lead_id
"""
)
# Whoever refused it, gave it back or never heard of it does not have the person.
_NOTE_AND_NAME = (
    _NOTE
    + """
select m.lead_id, array_agg(distinct d.contract), array_agg(distinct d.buyer)
  from mine m
  join contact_lead c on c.key = m.key and c.lead_id <> m.lead_id
  join delivery d on d.lead_id = c.lead_id
 where d.state in ('sending', 'waiting', 'unclear', 'accepted', 'pooled') and d.returned_at is null
 group by m.lead_id
"""
)


async def sold_before(
    conn: Any, contacts: Sequence[tuple[UUID, bytes]], *, note: bool = True
) -> Mapping[UUID, int]:
    """(lead, digest of a contact of it) → how many other leads with any of its contacts were sold, where any was.
    `note` these, so that later ones find them."""
    ids, keys = [one[0] for one in contacts], [one[1] for one in contacts]
    return {row[0]: row[1] for row in await conn.fetch(_NOTE_AND_COUNT, ids, keys, KEPT_DAYS, note)}


async def owners(
    conn: Any, contacts: Sequence[tuple[UUID, bytes]], *, note: bool = True
) -> Mapping[UUID, tuple[list[str], list[str]]]:
    """(lead, digest of a contact of it) → contracts and buyers that have an earlier lead of its person, or may yet."""
    ids, keys = [one[0] for one in contacts], [one[1] for one in contacts]
    rows = await conn.fetch(_NOTE_AND_NAME, ids, keys, KEPT_DAYS, note)
    return {row[0]: (row[1], row[2]) for row in rows}
