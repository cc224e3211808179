"""Which of a buyer's own deliveries is meant: by our id of it or of its lead, by its reference, or by a contact and the day."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.catalog.snapshot import Snapshot
from app.core.errors import Unprocessable
from app.core.registry import Registry
from app.followup.item import Item, Wrong
from app.ingest.fieldtype import FieldType
from app.pipeline.whom import Whom, contacts_of, whom
from app.store import feedback
from app.store.persons import exact

_WEST, _EAST = timedelta(hours=12), timedelta(hours=14)
"""How far clocks on earth are behind and ahead of UTC."""

Meant = Sequence[UUID] | Wrong
"""None: unmatched; several: nobody knows which."""


class Matcher:
    """Stateless but for the catalogue that it is made with."""

    def __init__(self, snapshot: Snapshot, fieldtypes: Registry[FieldType[Any]]) -> None:
        self._snapshot = snapshot
        self._fieldtypes = fieldtypes

    async def meant(self, conn: Any, buyer: str, items: Sequence[Item]) -> list[Meant]:
        """For each item, in constant statements. Whether a delivery by id is the buyer's is asked when it is read."""
        references = await feedback.by_reference(
            conn, buyer, {one.reference for one in items if one.finds == "reference"}
        )
        of_leads = await feedback.by_lead(
            conn, buyer, {id_ for one in items if one.finds == "lead" and (id_ := one.lead) is not None}
        )
        wanted = {at: self._contacts(buyer, one) for at, one in enumerate(items) if one.finds == "match"}
        matched = await self._matched(conn, buyer, items, wanted)
        return [self._of(one, matched.get(at, ()), references, of_leads) for at, one in enumerate(items)]

    def _of(
        self,
        item: Item,
        matched: Meant,
        references: Mapping[str, Sequence[UUID]],
        of_leads: Mapping[UUID, Sequence[UUID]],
    ) -> Meant:
        if item.finds == "id":
            return [item.delivery] if item.delivery is not None else []
        if item.finds == "reference":
            return references.get(item.reference, ())
        if item.finds == "lead":
            return of_leads.get(item.lead, ()) if item.lead is not None else ()
        if item.finds == "match":
            return matched
        return Wrong(
            "needs_delivery",
            "say which delivery: delivery_id, lead_id, reference, or match with email or phone and sold_on",
        )

    def _contacts(self, buyer: str, item: Item) -> list[set[Whom]] | Wrong:
        """Each told contact as any country of the buyer's campaigns would have it; empty where it is none."""
        if item.sold_on is None:
            return Wrong("needs_day", "a match needs sold_on, the day on which the lead was sold to you")
        told = [
            self._readings(text, kind, buyer)
            for kind, text in (("email", item.email), ("phone", item.phone))
            if text
        ]
        return told if all(told) else []

    def _readings(self, text: str, kind: Any, buyer: str) -> set[Whom]:
        found = set()
        for country in self._countries(buyer) if kind == "phone" else ("US",):
            try:
                found.add(whom(text, self._fieldtypes, country=country, kind=kind))
            except Unprocessable:
                continue
        return found

    def _countries(self, buyer: str) -> set[str]:
        doc = self._snapshot.buyers.get(buyer)
        campaigns = {one.campaign for one in doc.contracts} if doc is not None else set()
        return {
            str((field.model_extra or {}).get("country", "US"))
            for campaign in campaigns
            if campaign in self._snapshot.campaigns
            for field in self._snapshot.campaigns[campaign].fields.values()
            if field.type == "phone"
        } or {"US"}

    async def _matched(
        self, conn: Any, buyer: str, items: Sequence[Item], wanted: Mapping[int, list[set[Whom]] | Wrong]
    ) -> dict[int, Meant]:
        found: dict[int, Meant] = {at: told for at, told in wanted.items() if isinstance(told, Wrong)}
        asked = {at: told for at, told in wanted.items() if not isinstance(told, Wrong) and told}
        if not asked:
            return found
        days = {day for at in asked if (day := items[at].sold_on) is not None}
        needles = {exact(one.value) for told in asked.values() for one in set[Whom]().union(*told)}
        doc = self._snapshot.buyers.get(buyer)
        contracts = [one.id for one in doc.contracts] if doc is not None else []
        sold = await feedback.by_contact(
            conn, buyer, contracts, [_span(day) for day in sorted(days)], sorted(needles)
        )
        known = [(id_, at, set(contacts_of(fields))) for id_, at, fields in sold]
        for at, told in asked.items():
            first, past = _span(items[at].sold_on or date.min)
            found[at] = [
                id_ for id_, sold_at, contacts in known
                if first <= sold_at < past and all(readings & contacts for readings in told)
            ]  # fmt: skip
        return found


def _span(day: date) -> tuple[datetime, datetime]:
    """All moments at which it is this day somewhere."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begins - _EAST, begins + timedelta(days=1) + _WEST
