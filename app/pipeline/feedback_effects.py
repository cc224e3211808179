"""What follows from feedback, in its transaction: returns asked for and decided, who is never called again, who is told."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.catalog.documents import ListDoc
from app.catalog.telling import STOP, group_of
from app.core.registry import Registry
from app.followup.later import party_of, to_holder, to_source
from app.followup.postback import PostbackSettings
from app.followup.summing import summary
from app.ingest.entry import Entries
from app.ingest.fieldtype import FieldType
from app.pipeline.crediting import Crediting
from app.pipeline.feedback_chunk import Chunk, Kept
from app.pipeline.keeping_back import kept_back, let_out
from app.pipeline.plans import Plans
from app.pipeline.whom import contacts_of
from app.store import callbacks, feedback, leads, openings, returns, stopping, suppression
from app.store.callbacks import Later
from app.store.returns import Request, Said

_RULES = "terms of the contract"
_DONE = ("won", "lost", "bad", "recycled")
"""Nobody works on such a lead any more."""


class Effects:
    def __init__(
        self, crediting: Crediting, plans: Plans, fieldtypes: Registry[FieldType[Any]], now: datetime
    ) -> None:
        self._crediting = crediting
        self._plans = plans
        self._fieldtypes = fieldtypes
        self._now = now

    async def follow(self, conn: Any, chunk: Chunk) -> None:
        """What a correction takes back goes first: what is told next may depend on it."""
        await feedback.void(conn, [one.superseded for one in chunk.kept if one.superseded is not None])
        stop = chunk.stop | {
            one.row.lead_id for one in chunk.kept if one.row.code in STOP and one.superseded is None
        }
        if stop:
            await self._listed(conn, stop)
            await self._stopped(conn, stop, chunk)
        await self._ask(conn, chunk)
        await self._withdraw(conn, chunk.withdrawn, chunk.by)  # also what was asked for just now
        await self._tell(conn, chunk.kept)
        await let_out(conn, self._plans, {one.handed.lead_id: one.handed.source for one in chunk.kept})
        done = {one.handed.id for one in chunk.kept if group_of(one.row.code) in _DONE}
        await openings.close(conn, sorted(done))

    async def _withdraw(self, conn: Any, withdrawn: Sequence[Request], by: str) -> None:
        if withdrawn:
            await returns.decide(conn, [one.id for one in withdrawn], "withdrawn", by, "", self._now)
            await returns.say(conn, [Said(one.id, "withdrawn", by) for one in withdrawn])

    async def _ask(self, conn: Any, chunk: Chunk) -> None:
        for one in chunk.asked:
            if one.appeal:
                await returns.appeal(conn, one.request.id, one.request.due_at, one.request.by_then)
            else:
                await returns.ask(conn, one.request)
        await returns.say(conn, [*(one.said for one in chunk.asked), *(one.said for one in chunk.added)])
        if approved := [one.request for one in chunk.asked if one.way == "approve"]:
            await self._crediting.approved(conn, approved, by=_RULES)
        if denied := [one.request for one in chunk.asked if one.way == "deny"]:
            ids = [one.id for one in denied]
            await returns.decide(conn, ids, "denied", _RULES, "by the terms of the contract", self._now)
            await returns.say(conn, [Said(id_, "denied", _RULES) for id_ in ids])

    async def _stopped(self, conn: Any, lead_ids: set[UUID], chunk: Chunk) -> None:
        """Nobody else gets these leads, and whoever had one already hears that its person is not to be called."""
        stopped = await stopping.stop(conn, lead_ids, chunk.by, "do_not_call")
        contracts, later = self._plans.snapshot.contracts, []
        for one in await stopping.holders(conn, stopped, chunk.buyer):
            contract = contracts.get(one.contract)
            to = contract.postback if contract is not None else None
            if isinstance(to, PostbackSettings) and "do_not_call" in to.on:
                party, document = party_of(one.contract), to_holder(one)
                later.append(
                    self._crediting.later(one.lead_id, party, "do_not_call", one.delivery_id, document)
                )
        await callbacks.tell(conn, later)

    async def _listed(self, conn: Any, lead_ids: set[UUID]) -> None:
        """Everybody's list, whatever becomes of the return: the person has said that nobody is to call."""
        lists = [doc for _, doc in sorted(self._plans.snapshot.lists.items()) if doc.feedback]
        if not lists:
            return
        contexts = await leads.contexts(conn, sorted(lead_ids))
        contacts = {one for context in contexts.values() for one in contacts_of(context.fields)}
        for doc in lists:
            values = sorted(one.value for one in contacts if one.kind == doc.of)
            await suppression.change(conn, doc.id, self._keys(doc, values))

    def _keys(self, doc: ListDoc, values: Sequence[str]) -> dict[bytes, bool]:
        entries = Entries(doc, self._fieldtypes)
        found = [entries.keys(value) for value in values]
        return {key: True for keys in found if not isinstance(keys, str) for key in keys}

    # telling ----------------------------------------------------------------------------------------

    async def _tell(self, conn: Any, kept: Sequence[Kept]) -> None:
        """Sources that want to hear of it, each event once."""
        wanted = [
            (one, event) for one in kept if (event := _event(one)) and self._wants(one.handed.source, event)
        ]
        if not wanted:
            return
        ids = {one.handed.lead_id for one, _ in wanted}
        lanes = await feedback.lanes(conn, ids)
        states = await leads.standings(conn, sorted(ids))
        undone = {one.superseded for one in kept}
        later: list[Later] = []
        for one, event in wanted:
            plan = self._plans.source(one.handed.source)
            if one.row.id in undone:
                continue  # taken back before anybody heard of it
            before = None
            if one.superseded is not None:
                if await callbacks.unsay(conn, one.handed.source, [one.superseded]):
                    continue
                told = await callbacks.told_of(conn, one.handed.source, [one.superseded])
                before = told.get(one.superseded)
                if before is None:
                    continue  # what was never told needs no correction
            document = to_source(
                event, one.handed.lead_id, state=states[one.handed.lead_id].state,
                summary=summary(lanes.get(one.handed.lead_id, ()), coarse=plan is None or plan.coarse),
                amount=_amount(one), currency=one.row.currency or "", supersedes=before,
            )  # fmt: skip
            about = one.row.id
            wait = kept_back(self._plans, one.handed.source, event)
            later.append(
                self._crediting.later(
                    one.handed.lead_id, one.handed.source, event, about, document, one.handed.round, wait
                )
            )
        await callbacks.tell(conn, later)

    def _wants(self, source: str, event: str) -> bool:
        plan = self._plans.source(source)
        return plan is not None and plan.callback is not None and event in plan.callback.feedback


def _event(one: Kept) -> str:
    """What a source may want to hear; nothing of what is between buyer and us."""
    code = one.row.code
    if code in STOP or (one.row.kind == "return" and f"bad.{code}" in STOP):
        return "dnc"
    return code if code in ("won", "revenue") else ""


def _amount(one: Kept) -> Decimal | None:
    return one.row.amount if one.row.code == "revenue" else None
