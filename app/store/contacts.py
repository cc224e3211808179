"""How often a contact was bought before: leads by digests of their phones and e-mails, joined with what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

KEPT_DAYS = 730

# What is noted now is of leads that nobody has decided: it counts once they are sold, and for others.
_NOTE_AND_COUNT = """
with mine as (select * from unnest($1::uuid[], $2::bytea[]) as t(lead_id, key)),
noted as (
  insert into contact_lead (key, lead_id, expires_at)
  select key, lead_id, now() + $3::int * interval '1 day' from mine where $4 order by key, lead_id
  on conflict (key, lead_id) do nothing
)
select m.lead_id, count(distinct l.id)::int
  from mine m
  join contact_lead c on c.key = m.key and c.lead_id <> m.lead_id
  join lead l on l.id = c.lead_id and l.state = 'sold'
 group by m.lead_id
"""


async def sold_before(
    conn: Any, contacts: Sequence[tuple[UUID, bytes]], *, note: bool = True
) -> Mapping[UUID, int]:
    """(lead, digest of a contact of it) → how many other leads with any of its contacts were sold, where any was.
    `note` these, so that later ones find them."""
    ids, keys = [one[0] for one in contacts], [one[1] for one in contacts]
    return {row[0]: row[1] for row in await conn.fetch(_NOTE_AND_COUNT, ids, keys, KEPT_DAYS, note)}
