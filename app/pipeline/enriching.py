"""Fills in what tables, former leads and the fields themselves tell: a statement a kind for a whole batch."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from app.distribute.owners import Owners
from app.enrich.enricher import Row
from app.enrich.enrichment import Use
from app.pipeline.details import extra_json, fields_json
from app.store import contacts, tables
from app.store.database import Database

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

CONTACTS = "contacts"
"""What the key of contacts' digests is derived for."""


class Enriching:
    """For each lead once, however often its batch is tried. `secret` keys the digests of contacts."""

    def __init__(self, database: Database, *, secret: bytes = b"") -> None:
        self._database, self._secret = database, secret

    async def enrich(self, drafts: Sequence["Draft"], *, note: bool = True) -> None:
        """`note`: these leads come, and their contacts are remembered."""
        todo = [one for one in drafts if not one.enriched and not one.plan.campaign.enrichment.empty]
        if not todo:
            return
        await self._look_up_tables(todo)
        sold = await self._look_back(todo, note=note)
        for draft in todo:
            draft.enriched = True
            draft.plan.campaign.enrichment.derive(draft.lead, draft.evidence, sold.get(draft.lead.id, 0))
            written(draft)

    async def own(self, drafts: Sequence["Draft"], *, note: bool = True) -> None:
        """Who has the person of each, where a ranking minds."""
        asked = [
            (draft.lead.id, self._keyed(key))
            for draft in drafts
            if draft.plan.campaign.sticky
            for key in draft.plan.campaign.enrichment.contacts(draft.lead)
        ]
        if not asked:
            return
        async with self._database.acquire() as conn:
            found = await contacts.owners(conn, asked, note=note)
        for draft in drafts:
            if (has := found.get(draft.lead.id)) is not None:
                draft.owners = Owners(frozenset(has[0]), frozenset(has[1]))

    async def _look_up_tables(self, drafts: Sequence["Draft"]) -> None:
        """Whose key another table fills comes after it: as many statements as tables that build on one another."""
        turns = max(len(draft.plan.campaign.enrichment.tables) for draft in drafts)
        for turn in range(turns):
            asked: list[tuple[Draft, Use, Row]] = []
            for draft in drafts:
                stages = draft.plan.campaign.enrichment.tables
                for use in stages[turn] if turn < len(stages) else ():
                    if isinstance(ask := use.ask(draft.lead), Row):
                        asked.append((draft, use, ask))
            if not asked:
                continue
            async with self._database.acquire() as conn:
                found = await tables.rows(conn, [(ask.table, ask.key) for _, _, ask in asked])
            for at, said in sorted(found.items()):
                draft, use, _ = asked[at]
                draft.plan.campaign.enrichment.fill(draft.lead, use, orjson.loads(said))

    async def _look_back(self, drafts: Sequence["Draft"], *, note: bool) -> Mapping[UUID, int]:
        """Lead → how many other leads of this person were sold; nothing where nobody asks for it."""
        asked = [
            (draft.lead.id, self._keyed(key))
            for draft in drafts
            if draft.plan.campaign.enrichment.history
            for key in draft.plan.campaign.enrichment.contacts(draft.lead)
        ]
        if not asked:
            return {}
        async with self._database.acquire() as conn:
            return await contacts.sold_before(conn, asked, note=note)

    def _keyed(self, key: bytes) -> bytes:
        return blake2b(key, key=self._secret, digest_size=16).digest()


def written(draft: "Draft") -> None:
    """What is stored of the lead is what it has become."""
    draft.fields, draft.extra = fields_json(draft.lead.fields), extra_json(draft.lead.extra)
