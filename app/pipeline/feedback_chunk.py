"""A transaction's worth of feedback: what is known of its deliveries, and what each item comes to beside that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.documents import ContractDoc
from app.catalog.snapshot import Snapshot
from app.catalog.telling import CONSENT, BuyerWords, Reason
from app.followup import returns as terms
from app.followup.feedback import UNMATCHED, Result, refused, said, took
from app.followup.item import Item, Wrong, uuid_of
from app.pipeline.feedback_matching import Matcher, Meant
from app.pipeline.feedback_reading import Read
from app.store import feedback, leads, returns
from app.store.feedback import Handed, Heard, Known, NewFeedback, Own
from app.store.returns import Request, Said

MOST_EVIDENCE = 20
"""So often may be shown what speaks for one return."""
_NOT_OPEN = replace(UNMATCHED, message="the return that it is for was not taken")
_PLAIN = BuyerWords()
_DECIDED = {"approve": "approved", "deny": "denied"}


class Asked(Struct, frozen=True):
    """A return that is asked for, and what its terms make of it; `why` where they deny it."""

    event: UUID
    request: Request
    way: terms.Way
    said: Said
    appeal: bool = False


class Added(Struct, frozen=True):
    """What item `at` shows for a return that is still open."""

    at: int
    said: Said


class Kept(Struct, frozen=True):
    """An event that is kept, of this delivery."""

    row: NewFeedback
    handed: Handed
    superseded: UUID | None = None  # the event that it takes back


class Chunk:
    """`look` locks and reads, `settle` decides in the order of the items; what follows is told by `kept`, `asked`,
    `withdrawn` and `stop`."""

    def __init__(
        self,
        items: Sequence[Read],
        ids: Sequence[UUID],
        *,
        buyer: str,
        by: str,
        now: datetime,
        snapshot: Snapshot,
    ) -> None:
        self.items, self.ids, self.buyer, self.by, self.now, self.snapshot = (
            items,
            ids,
            buyer,
            by,
            now,
            snapshot,
        )
        doc = snapshot.buyers.get(buyer)
        self._words = doc.feedback if doc is not None else _PLAIN
        self.results: list[Result] = []
        self.kept: list[Kept] = []
        self.asked: list[Asked] = []
        self.added: list[Added] = []
        self.withdrawn: list[Request] = []
        self.stop: set[UUID] = set()  # leads whose person must not be called any more

    async def look(self, conn: Any, matcher: Matcher) -> None:
        """Locks: deliveries sorted, then the contracts whose returns are counted."""
        told = [one for one in self.items if isinstance(one, Item)]
        meant = iter(await matcher.meant(conn, self.buyer, told))
        self._meant: list[Meant] = [next(meant) if isinstance(one, Item) else () for one in self.items]
        voids = [one.voids for one in told if one.voids]
        own = await feedback.own(conn, self.buyer, [id_ for one in voids if (id_ := uuid_of(one))], voids)
        self._own: dict[str, Own] = {str(one.id): one for one in own} | {
            one.external_id: one for one in own if one.external_id
        }
        ids = {meant[0] for meant in self._meant if not isinstance(meant, Wrong) and len(meant) == 1}
        ids |= {one.delivery_id for one in own}
        await feedback.lock(conn, ids, self.buyer)
        self._handed = await feedback.handed(conn, ids, self.buyer)
        await returns.alone(conn, self._counted())
        self._known = await feedback.known(conn, self.buyer, [one.key for one in told])
        self._heard = await feedback.of_deliveries(conn, self._handed)
        self._requests = await returns.of_deliveries(conn, self._handed)
        shows = any(one.kind == "return" and one.evidence for one in told)
        self._shown = await returns.evidence(conn, [r.id for r in self._requests.values()] if shows else ())

    def _counted(self) -> set[str]:
        found = set()
        for item, meant in zip(self.items, self._meant, strict=True):
            if (
                isinstance(item, Item)
                and item.kind == "return"
                and not isinstance(meant, Wrong)
                and len(meant) == 1
            ):
                handed = self._handed.get(meant[0])
                contract = self._contract(handed.contract) if handed else None
                if handed and contract and contract.returns and contract.returns.cap:
                    found.add(handed.contract)
        return found

    def _contract(self, contract_id: str) -> ContractDoc | None:
        contract = self.snapshot.contracts.get(contract_id)
        return contract.doc if contract is not None else None

    async def settle(self, conn: Any) -> None:
        for at, item in enumerate(self.items):
            try:
                result = await self._settled(conn, at, item) if isinstance(item, Item) else refused(item)
            except Wrong as wrong:
                result = refused(wrong)
            self.results.append(result)
        await self._keep(conn)

    async def _settled(self, conn: Any, at: int, item: Item) -> Result:
        """Raises Wrong."""
        known = self._known.get(item.key)
        if known is not None:
            return self._again(known, mine=known.id == self.ids[at])
        if item.kind == "correction":
            return self._corrected(at, item)
        meant = self._meant[at]
        if isinstance(meant, Wrong):
            raise meant
        if len(meant) > 1:
            return Result(
                outcome="ambiguous",
                code="ambiguous",
                message="several deliveries are meant by it",
                ids=tuple(meant),
            )
        handed = self._handed.get(meant[0]) if meant else None
        if handed is None:
            return UNMATCHED
        if item.kind == "return":
            return await self._given_back(conn, at, item, handed)
        request = self._requests.get(handed.id)
        given_back = request is not None and request.state == "approved"
        told = took(
            item, handed, self._heard.get(handed.id, ()), self._words, self.now, given_back=given_back
        )
        self._note(at, item, handed, told.code, told.occurred_at, conflict=told.conflict)
        return Result(
            outcome="accepted", id=self.ids[at], code=told.code,
            message="the lead was given back: somebody will ask" if told.conflict else "",
        )  # fmt: skip

    def _again(self, known: Known, *, mine: bool) -> Result:
        """What came before; also what this very transaction kept before its connection was lost."""
        request = self._requests.get(known.delivery_id) if known.kind == "return" else None
        if mine:
            outcome = {"requested": "pending", "denied": "rejected"}.get(request.state) if request else None
            return Result(outcome=outcome or "accepted", id=known.id, code=known.code)  # type: ignore[arg-type]  # of two words
        message = "you told this before" + (f": {_stands(request)}" if request else "")
        return Result(outcome="duplicate", id=known.id, code=known.code, message=message)

    def _note(
        self, at: int, item: Item, handed: Handed, code: str, occurred_at: datetime, *, conflict: bool = False,
        voids: UUID | None = None,
    ) -> None:  # fmt: skip
        currency = (item.currency or handed.currency) if item.amount is not None else None
        row = NewFeedback(
            id=self.ids[at], lead_id=handed.lead_id, delivery_id=handed.id, buyer=self.buyer, key=item.key, kind=item.kind,
            code=code, raw=item.word, occurred_at=occurred_at, received_at=self.now, by_whom=self.by,
            external_id=item.external_id or None, amount=item.amount, currency=currency, promised_at=item.promised_at,
            voids=voids, conflict=conflict, note=item.note,
        )  # fmt: skip
        self.kept.append(Kept(row, handed, voids))
        self._known[item.key] = Known(row.id, handed.id, item.kind, code)
        if item.kind != "correction":
            heard = Heard(row.id, handed.id, item.kind, code, occurred_at, False, item.amount, currency)
            self._heard.setdefault(handed.id, []).append(heard)
        if item.external_id:
            self._own[item.external_id] = Own(row.id, item.external_id, handed.id, item.kind, code, False)
        self._own[str(row.id)] = Own(row.id, item.external_id, handed.id, item.kind, code, False)

    # corrections ------------------------------------------------------------------------------------

    def _corrected(self, at: int, item: Item) -> Result:
        """One event is taken back; it stays where it was, and counts no more."""
        own = self._own.get(item.voids) or self._own.get(str(uuid_of(item.voids)))
        handed = self._handed.get(own.delivery_id) if own is not None else None
        if own is None or handed is None:
            return said("unmatched", "unmatched", None, "no event of yours is meant by it")
        if own.kind == "correction":
            raise Wrong("not_correctable", "a correction is not taken back; tell what is so")
        heard = self._heard.get(handed.id, [])
        if own.voided or any(one.id == own.id and one.voided for one in heard):
            raise Wrong("corrected", "this event was taken back already")
        if own.kind == "return":
            self._withdraw(handed)
        self._heard[handed.id] = [_voided(one) if one.id == own.id else one for one in heard]
        self._note(at, item, handed, own.code, self.now, voids=own.id)
        return said("accepted", "correction", self.ids[at])

    def _withdraw(self, handed: Handed) -> None:
        request = self._requests.get(handed.id)
        if request is None or request.state != "requested":
            state = request.state if request is not None else "gone"
            raise Wrong("decided", f"this return is {state}; it is not taken back any more")
        self.withdrawn.append(request)
        del self._requests[handed.id]

    # returns ----------------------------------------------------------------------------------------

    async def _given_back(self, conn: Any, at: int, item: Item, handed: Handed) -> Result:
        reason = terms.reason_of(item.word)
        if reason in CONSENT and handed.state == "accepted":
            self.stop.add(handed.lead_id)  # whatever becomes of the return
        if (request := self._requests.get(handed.id)) is not None:
            return self._once_more(at, item, handed, request)
        if any(one.request.delivery_id == handed.id for one in self.asked) or self._withdrawn(handed):
            return said("duplicate", "withdrawn", None, "you asked for this before, and took it back")
        heard = self._heard.get(handed.id, ())
        contract = self._contract(handed.contract)
        policy = terms.admitted(reason, handed, heard, contract, self.now)
        assert contract is not None, "it was admitted"
        facts = await self._facts(conn, reason, handed, contract)
        lead = await self._lead(conn, handed)
        way = terms.way(
            policy, facts, reason=reason, handed=handed, lead=lead, evidence=bool(item.evidence), now=self.now
        )
        if way == "refuse":
            raise Wrong(
                "over_cap", f"{facts.returned} of {facts.sold} leads of this period are given back already"
            )
        due_at, by_then = terms.due(policy, self.now) if way == "review" else (None, None)
        asked = Request(
            id=self.ids[at], delivery_id=handed.id, lead_id=handed.lead_id, campaign=handed.campaign,
            contract=handed.contract, buyer=handed.buyer, source=handed.source, state="requested", reason=reason,
            sold_at=handed.sold_at, requested_at=self.now, price=handed.price, currency=handed.currency,
            remedy=policy.remedy, found=facts.kept(), due_at=due_at, by_then=by_then,
        )  # fmt: skip
        self._note(at, item, handed, reason, item.occurred(handed.sold_at, self.now))
        self.asked.append(
            Asked(asked.id, asked, way, Said(asked.id, "requested", self.by, item.note, item.evidence))
        )
        self._shown[asked.id] = [item.evidence] if item.evidence else []
        self._requests[handed.id] = replace(asked, state=_DECIDED.get(way, "requested"))
        return _answered(asked.id, way)

    def _withdrawn(self, handed: Handed) -> bool:
        return any(one.delivery_id == handed.id for one in self.withdrawn)

    def _once_more(self, at: int, item: Item, handed: Handed, request: Request) -> Result:
        """Asked again, with something new to show: kept while it is open; once where it was denied."""
        shown = self._shown.setdefault(request.id, [])
        new = item.evidence and item.evidence not in shown and not handed.erased
        if new and request.state == "requested":
            return self._add(at, item, request, shown)
        fresh = request.decided_at is None  # nobody knows yet that it is denied
        if not new or request.state != "denied" or request.appealed or fresh:
            return Result(outcome="duplicate", id=request.id, code=request.state, message=_stands(request))
        contract = self._contract(handed.contract)
        policy = contract.returns if contract is not None else None
        if contract is None or policy is None or request.decided_at is None:
            raise Wrong("no_returns", "this contract takes nothing back")
        if self.now > terms.deadline(contract, policy, request.decided_at):
            raise Wrong("too_late", "it was denied too long ago to be looked at again")
        due_at, by_then = terms.due(policy, self.now)
        self._note(at, item, handed, request.reason, item.occurred(handed.sold_at, self.now))
        word = Said(request.id, "appealed", self.by, item.note, item.evidence)
        renewed = replace(request, state="requested", appealed=True, due_at=due_at, by_then=by_then)
        self.asked.append(Asked(self.ids[at], renewed, "review", word, appeal=True))
        shown.append(item.evidence)
        self._requests[handed.id] = renewed
        return said("pending", "appealed", request.id)

    def _add(self, at: int, item: Item, request: Request, shown: list[str]) -> Result:
        """It changes neither the return nor when it is decided."""
        if len(shown) >= MOST_EVIDENCE:
            raise Wrong("too_much", f"evidence was shown {MOST_EVIDENCE} times; somebody will look at that")
        shown.append(item.evidence)
        self.added.append(Added(at, Said(request.id, "evidence", self.by, item.note, item.evidence)))
        return said("pending", "evidence", request.id)

    async def _facts(self, conn: Any, reason: Reason, handed: Handed, contract: ContractDoc) -> terms.Facts:
        policy = contract.returns
        assert policy is not None, "it was admitted"
        used = None
        if policy.cap is not None:
            first, past = terms.period(contract, policy, handed.sold_at)
            sold, returned = await returns.used(conn, contract.id, first, past)
            used = sold, returned + self._counts(contract.id, first, past)
        verified = await verified_by(conn, reason, handed)
        return terms.facts_of(
            reason, self._heard.get(handed.id, ()), contract, policy, verified=verified, used=used
        )

    def _counts(self, contract: str, first: datetime, past: datetime) -> int:
        """What this transaction adds to the returns of a period, less what it takes back."""

        def counted(one: Request) -> bool:
            return (
                one.contract == contract
                and first <= one.sold_at < past
                and not self._handed[one.delivery_id].test
            )

        asked = sum(counted(one.request) for one in self.asked if one.way != "deny")
        return asked - sum(map(counted, self.withdrawn))

    async def _lead(self, conn: Any, handed: Handed) -> dict[str, Any]:
        """What rules may ask of it; nothing where retention or a request has taken it."""
        found = await leads.detail(conn, handed.lead_id)
        return leads.normals_of(found["fields"]) if found is not None else {}

    async def _keep(self, conn: Any) -> None:
        """What another transaction kept at this very moment is a repeat of it, and nothing follows."""
        new = await feedback.keep(conn, [one.row for one in self.kept])
        lost = {one.row.id: one.row for one in self.kept if one.row.id not in new}
        if not lost:
            return
        known = await feedback.known(conn, self.buyer, [row.key for row in lost.values()])
        for at, id_ in enumerate(self.ids):
            if id_ in lost:
                self.results[at] = self._again(known[lost[id_].key], mine=False)
        missing = {one.request.id for one in self.asked if one.event in lost}
        for one in self.added:
            if one.said.return_id in missing:
                self.results[one.at] = _NOT_OPEN
        self.added = [one for one in self.added if one.said.return_id not in missing]
        self.kept = [one for one in self.kept if one.row.id in new]
        self.asked = [one for one in self.asked if one.event not in lost]


async def verified_by(conn: Any, reason: Reason, handed: Handed) -> bool | None:
    """Whether what we have bears the reason out; None where it says nothing."""
    if reason == "duplicate":
        return True if await feedback.had_before(conn, handed.lead_id, handed.buyer, handed.sold_at) else None
    against = terms.BORNE_OUT_BY.get(reason)
    if against is None:
        return None
    found = await leads.detail(conn, handed.lead_id)
    codes = {(one["check"], one["code"]) for one in found["findings"]} if found is not None else set()
    return True if codes & against else None


def _answered(return_id: UUID, way: str) -> Result:
    if way == "approve":
        return said("accepted", "approved", return_id)
    if way == "deny":
        return said("rejected", "denied", return_id, "by the terms of the contract")
    return said("pending", "requested", return_id)


def _stands(request: Request) -> str:
    hint = "; appeal once, with evidence" if request.state == "denied" and not request.appealed else ""
    return f"this return is {request.state}{hint}"


def _voided(one: Heard) -> Heard:
    return replace(one, voided=True)
