"""What an approved return comes to, in one transaction: the books, the buyer's balance, the lead, who is told of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from msgspec.structs import replace

from app.catalog.returning import REPLACED_WITHIN_DAYS, ReturnsDoc, SourceReturns
from app.core.reserved import held
from app.core.world import World
from app.distribute.caps import windows
from app.followup.later import party_of, to_buyer, to_source
from app.followup.postback import Decision, PostbackSettings
from app.followup.returns import resellable, source_pays
from app.followup.summing import summary
from app.pipeline.keeping_back import kept_back, let_out
from app.pipeline.plans import Plans
from app.store import balances, callbacks, deliveries, earning, feedback, leads, ledger, openings, returns
from app.store.callbacks import Later
from app.store.ledger import Entry
from app.store.returns import CameTo, LeadStanding, Request, Said

_ZERO = Decimal(0)


class Crediting:
    """Everything here is done in the caller's transaction, which has locked the deliveries and the returns.

    Locks that follow: leads sorted, then counters sorted.
    """

    def __init__(self, world: World, plans: Callable[[], Plans]) -> None:
        self._world = world
        self._plans = plans

    async def approved(
        self, conn: Any, requests: Sequence[Request], *, by: str, why: str = ""
    ) -> list[Request]:
        """As they stand now. What each was charged is what the ledger says of its sale."""
        now = self._world.now()
        lead_ids = sorted({one.lead_id for one in requests})
        await leads.lock(conn, lead_ids)
        await returns.decide(conn, [one.id for one in requests], "approved", by, why, now)
        charged = await returns.charged(conn, [one.delivery_id for one in requests])
        ended = [self._approved(one, charged, by, why, now) for one in requests]
        await returns.give_back(conn, {one.delivery_id: one.credited for one in ended}, now)
        known = await returns.standings(conn, lead_ids)
        entries = [_return(one) for one in ended if one.credited]
        ended = self._priced_back(ended, known)
        costs = {one.lead_id: known[one.lead_id] for one in ended if one.price_back is not None}
        entries += map(_cost_return, costs.values())
        ended, parts = await self._parts_back(conn, ended, known)
        await ledger.post(conn, entries + parts)
        await self._owed_less(conn, ended)
        await self._refilled(conn, ended)
        await openings.close(conn, [one.delivery_id for one in ended])
        over = {id_ for id_, one in known.items() if one.kept == 0 and not one.live and one.state == "sold"}
        await returns.change_leads(conn, [(id_, id_ in over, _less(ended, id_)) for id_ in lead_ids])
        ended = [self._for_resale(one, known[one.lead_id], one.lead_id in over) for one in ended]
        await returns.came_to(conn, [_came_to(one) for one in ended])
        await returns.say(conn, [Said(one.id, "approved", by, why) for one in ended])
        await self.told(conn, ended, "return_approved")
        await self._told_sources(conn, ended, known, over)
        return ended

    async def over(self, conn: Any, request: Request, lead: LeadStanding) -> None:
        """Its last copy has ended since, and nobody has kept it: only now it is known that its source is not paid."""
        await returns.change_leads(conn, [(lead.id, True, _ZERO)])
        (ended,) = self._priced_back([request], {lead.id: lead})
        if ended.price_back is not None:
            await ledger.post(conn, [_cost_return(lead)])
            await returns.came_to(conn, [_came_to(ended)])
            told = replace(ended, id=self._world.new_id())  # another event than the one of its approval
            await self._told_sources(conn, [told], {lead.id: lead}, {lead.id})

    async def expired(self, conn: Any, request: Request) -> None:
        """No other lead came in time: its price is not owed after all."""
        await leads.lock(conn, [request.lead_id])
        charged = await returns.charged(conn, [request.delivery_id])
        credited = replace(request, credited=charged.get(request.delivery_id, (_ZERO, ""))[0])
        await returns.credited(conn, request.id, credited.credited or _ZERO)
        if credited.credited:
            await returns.give_back(conn, {request.delivery_id: credited.credited}, self._world.now())
            await ledger.post(conn, [_return(credited)])
            await self._owed_less(conn, [credited])
            await returns.change_leads(conn, [(request.lead_id, False, credited.credited)])
        await returns.say(conn, [Said(request.id, "expired", "system")])
        await self.told(conn, [credited], "credited")

    async def replaced(self, conn: Any, request: Request, delivery_id: UUID, lead_id: UUID) -> None:
        """The sale of another lead is taken back in the books, and nobody else's."""
        await leads.lock(conn, [lead_id])
        charged = await returns.charged(conn, [delivery_id])
        amount, currency = charged.get(delivery_id, (_ZERO, request.currency))
        free = replace(
            request, delivery_id=delivery_id, lead_id=lead_id, credited=amount, currency=currency,
            replaced_by=delivery_id,
        )  # fmt: skip
        await returns.replaced(conn, request.id, delivery_id)
        if amount:
            await returns.refund(conn, delivery_id, amount)
            note = f"stands in for delivery {request.delivery_id}"
            await ledger.post(conn, [replace(_return(free), note=note)])
            await self._owed_less(conn, [free])
            await returns.change_leads(conn, [(lead_id, False, amount)])
        await returns.say(conn, [Said(request.id, "replaced", "system", f"by delivery {delivery_id}")])
        await self.told(conn, [replace(request, replaced_by=delivery_id)], "replaced")

    async def told(self, conn: Any, requests: Sequence[Request], event: Decision) -> None:
        """The buyers whose contracts say where. A second decision on an appeal is another event of the same return."""
        contracts = self._plans().snapshot.contracts
        later = []
        for one in requests:
            contract = contracts.get(one.contract)
            to = contract.postback if contract is not None else None
            if isinstance(to, PostbackSettings) and event in to.on:
                about = self._world.new_id() if one.appealed else one.id
                later.append(
                    self.later(one.lead_id, party_of(one.contract), event, about, to_buyer(event, one))
                )
        await callbacks.tell(conn, later)

    def later(
        self, lead_id: UUID, party: str, event: str, about: UUID, document: Mapping[str, Any], round_: int = 1,
        wait: float = 0.0,
    ) -> Later:  # fmt: skip
        return Later(
            id=self._world.new_id(), lead_id=lead_id, round=round_, party=party, event=event, about=about,
            document=orjson.dumps(document).decode(), wait=wait,
        )  # fmt: skip

    # the parts --------------------------------------------------------------------------------------

    def _terms(self, request: Request) -> ReturnsDoc | None:
        contract = self._plans().snapshot.contracts.get(request.contract)
        return contract.doc.returns if contract is not None else None

    def _approved(
        self, one: Request, charged: Mapping[UUID, tuple[Decimal, str]], by: str, why: str, now: datetime
    ) -> Request:
        amount, currency = charged.get(one.delivery_id, (_ZERO, one.currency))
        again = one.remedy == "replace" and amount > 0
        return replace(
            one, state="approved", decided_at=now, decided_by=by, why=why, currency=currency,
            credited=None if again else amount,
            replace_until=now + timedelta(days=REPLACED_WITHIN_DAYS) if again else None,
        )  # fmt: skip

    def _priced_back(self, ended: Sequence[Request], known: Mapping[UUID, LeadStanding]) -> list[Request]:
        """With what their sources are not paid, once a lead."""
        found, done = [], set[UUID]()
        for one in ended:
            lead = known[one.lead_id]
            pays = lead.cost is not None and not lead.cost_back and lead.id not in done
            pays = pays and source_pays(
                self._terms(one), self._own(lead.source), one.reason, received_at=lead.received_at,
                requested_at=one.requested_at, kept=lead.kept + lead.live,  # a copy on its way may be kept
            )  # fmt: skip
            if pays:
                done.add(lead.id)
            found.append(replace(one, price_back=lead.cost) if pays else one)
        return found

    async def _parts_back(
        self, conn: Any, ended: Sequence[Request], known: Mapping[UUID, LeadStanding]
    ) -> tuple[list[Request], list[Entry]]:
        """With what sources lose that had their part of these sales: of each its own, whatever the other copies do."""
        sold = [one.delivery_id for one in ended if known[one.lead_id].share]
        parts = await earning.earned(conn, sold) if sold else {}
        found, entries = [], []
        for one in ended:
            lead, part = known[one.lead_id], parts.get(one.delivery_id)
            if part is not None and source_pays(
                self._terms(one), self._own(lead.source), one.reason, received_at=lead.received_at,
                requested_at=one.requested_at, kept=0,
            ):  # fmt: skip
                found.append(replace(one, price_back=part[0]))
                entries.append(_part_return(one, *part))
            else:
                found.append(one)
        return found, entries

    def _own(self, source: str) -> SourceReturns | None:
        doc = self._plans().snapshot.sources.get(source)
        return doc.returns if doc is not None else None

    def _for_resale(self, one: Request, lead: LeadStanding, over: bool) -> Request:
        if over and self.resellable(one) and not (lead.test or lead.closed):
            return replace(one, resale="due")
        return replace(one, resale="waits") if lead.kept == 0 and lead.live else one

    def resellable(self, one: Request) -> bool:
        return resellable(self._terms(one), one.reason)

    async def _owed_less(self, conn: Any, ended: Sequence[Request]) -> None:
        """A buyer without an account has no counter that anybody asks; one that is there is kept right."""
        less: dict[str, Decimal] = {}
        for one in ended:
            if one.credited:
                less[one.buyer] = less.get(one.buyer, _ZERO) - one.credited
        buyers = self._plans().snapshot.buyers
        there = await balances.there(conn, less)
        wanted = {
            buyer: by for buyer, by in less.items()
            if buyer in there or (buyer in buyers and buyers[buyer].money is not None)
        }  # fmt: skip
        await balances.change(conn, wanted)

    async def _refilled(self, conn: Any, ended: Sequence[Request]) -> None:
        """Of caps whose calendar period still runs, where the terms say so."""
        contracts, now = self._plans().snapshot.contracts, self._world.now()
        back: dict[str, int] = {}
        for one in ended:
            terms, contract = self._terms(one), contracts.get(one.contract)
            if terms is None or contract is None or not terms.refill:
                continue
            row = await deliveries.find(conn, one.delivery_id)
            current = set(windows(contract.doc, now))
            for key, n in held(row.counters if row is not None else ()).items():
                if key in current:
                    back[key] = back.get(key, 0) + n
        await returns.refill(conn, back)

    async def _told_sources(
        self, conn: Any, ended: Sequence[Request], known: Mapping[UUID, LeadStanding], over: set[UUID]
    ) -> None:
        wanting = [one for one in ended if self._wants(one.source, "returned")]
        if not wanting:
            return
        lanes = await feedback.lanes(conn, {one.lead_id for one in wanting})
        later = []
        for one in wanting:
            lead = known[one.lead_id]
            document = to_source(
                "returned", one.lead_id, state="returned" if one.lead_id in over else lead.state,
                summary=summary(lanes.get(one.lead_id, ()), coarse=self._coarse(one.source)),
                price_back=one.price_back, currency=lead.cost_currency or "",
            )  # fmt: skip
            wait = kept_back(self._plans(), one.source, "returned")
            later.append(self.later(one.lead_id, one.source, "returned", one.id, document, lead.round, wait))
        await callbacks.tell(conn, later)
        await let_out(conn, self._plans(), {one.lead_id: one.source for one in wanting})

    def _wants(self, source: str, event: str) -> bool:
        plan = self._plans().source(source)
        return plan is not None and plan.callback is not None and event in plan.callback.feedback

    def _coarse(self, source: str) -> bool:
        plan = self._plans().source(source)
        return plan is None or plan.coarse


def _return(one: Request) -> Entry:
    assert one.credited is not None
    return Entry(
        kind="return", debit=f"revenue:{one.campaign}", credit=f"buyer:{one.buyer}", amount=one.credited,
        currency=one.currency, lead_id=one.lead_id, delivery_id=one.delivery_id, source=one.source,
        campaign=one.campaign, buyer=one.buyer, contract=one.contract, note=one.reason, by_whom=one.decided_by,
    )  # fmt: skip


def _cost_return(lead: LeadStanding) -> Entry:
    assert lead.cost is not None, "it was bought"
    assert lead.cost_currency is not None, "it was bought"
    return Entry(
        kind="cost_return", debit=f"source:{lead.source}", credit=f"cost:{lead.campaign}", amount=lead.cost,
        currency=lead.cost_currency, lead_id=lead.id, source=lead.source, campaign=lead.campaign,
    )  # fmt: skip


def _part_return(one: Request, amount: Decimal, currency: str) -> Entry:
    return Entry(
        kind="cost_return", debit=f"source:{one.source}", credit=f"cost:{one.campaign}", amount=amount,
        currency=currency, lead_id=one.lead_id, delivery_id=one.delivery_id, source=one.source, campaign=one.campaign,
        buyer=one.buyer, contract=one.contract,
    )  # fmt: skip


def _less(ended: Sequence[Request], lead_id: UUID) -> Decimal:
    return sum((one.credited or _ZERO for one in ended if one.lead_id == lead_id), _ZERO)


def _came_to(one: Request) -> CameTo:
    credited = None if one.credited is None else str(one.credited)
    back = None if one.price_back is None else str(one.price_back)
    return CameTo(one.id, credited, back, one.replace_until, one.resale)
