"""Who may have the dedupe keys: settled for a batch under the locks of its transaction.

Only leads that nothing else rejects really claim; for the others their keys are looked up, so that the
trace says that they were duplicates too. A lead takes all its keys or, as a duplicate, none; one that is
taken as a repeat takes them over. Keys that any number of leads share are locked the same way, and what
the others under them are, or who bought them, is read once they are.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from app.pipeline.sharing import Sharing
from app.store import decisions, lead_keys
from app.store.decisions import KeyClaim
from app.store.rows import Held
from app.validate.check import Ask, Claim, Earlier, Having, Near

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

Keyed = tuple[Claim, bytes]


class Claims:
    """The claims of one batch, in the order in which its leads came."""

    def __init__(self, drafts: Sequence["Draft"]) -> None:
        self._first: dict[bytes, KeyClaim] = {}
        self._looked: set[bytes] = set()
        self._asked: list[tuple[Draft, list[Keyed]]] = []
        self._sharing = Sharing()
        for draft in drafts:
            draft.verdict = draft.judged
            draft.barred, draft.apart = {}, ()
            if draft.work.abandoned:
                continue
            asks = draft.plan.campaign.judge.claims(draft.lead)
            claims = [(ask, key_of(ask, test=draft.lead.test)) for ask in asks if isinstance(ask, Claim)]
            if claims:
                self._asked.append((draft, claims))
                self._want(draft, claims)

    def _want(self, draft: "Draft", claims: Sequence[Keyed]) -> None:
        for claim, key in claims:
            shared, takes = isinstance(claim, Near | Having), not _claims_nothing(draft)
            if shared:
                self._sharing.ask(claim, key, takes=takes)
            if not takes:
                if not shared:
                    self._looked.add(key)
            elif (first := self._first.get(key)) is None:
                self._first[key] = _claim_of(draft, claim, key)
            elif first.within < claim.within:
                self._first[key] = replace(first, within=claim.within)

    @property
    def wanted(self) -> list[KeyClaim]:
        """One claim a key, under the first lead of the batch that wants it, for the longest of its look-backs."""
        return list(self._first.values())

    async def settle(self, conn: Any, held: dict[bytes, Held]) -> None:
        """Give every draft its final verdict; `held` are the wanted keys that others have. The keys in the
        database are right when it returns."""
        unclaimed = self._looked - self._first.keys()
        if unclaimed:
            held = held | await decisions.holders(conn, sorted(unclaimed))
        await self._sharing.read(conn)
        if self._asked:
            await self._correct(conn, held, self._verdicts(held))
        await self._sharing.write(conn)

    async def withdraw(self, conn: Any, lead_ids: Collection[UUID]) -> None:
        """Leads that were refused after all: what they hold must not stand in the way of those that follow."""
        drop = [
            _claim_of(draft, claim, key)
            for draft, claims in self._asked
            for claim, key in claims
            if draft.lead.id in lead_ids and not self._sharing.has(key)
        ]
        if drop:
            await decisions.drop_keys(conn, drop)

    def _verdicts(self, held: dict[bytes, Held]) -> dict[bytes, "Draft"]:
        """Settle in order of arrival; key → the draft of this batch that has it now."""
        owners: dict[bytes, Draft] = {}
        for draft, claims in self._asked:
            evidence: dict[Ask, Any] = {
                claim: self._sharing.answer(draft, claim, key)
                if isinstance(claim, Near | Having)
                else _earlier(draft, claim, key, held, owners)
                for claim, key in claims
            }
            assert draft.judged is not None
            draft.verdict = draft.plan.campaign.judge.settle(draft.lead, draft.judged, evidence, draft.took)
            if not _claims_nothing(draft):
                for claim, key in claims:
                    if isinstance(claim, Near | Having):
                        self._sharing.join(draft, claim, key)
                    elif evidence[claim] is None or draft.verdict.outcome == "accepted":
                        owners[key] = draft
        return owners

    async def _correct(self, conn: Any, held: dict[bytes, Held], owners: dict[bytes, "Draft"]) -> None:
        """Keys were claimed under the first lead that wanted them; some end with another, or with nobody."""
        drop, move = [], []
        for key, claim in self._first.items():
            if self._sharing.has(key):
                continue
            owner = owners.get(key)
            if owner is None:
                if key not in held:
                    drop.append(claim)
            elif key in held or owner.lead.id != claim.lead_id:
                lead = owner.lead
                move.append(KeyClaim(key, lead.id, lead.source, claim.within, lead.submission_id))
        if drop:
            await decisions.drop_keys(conn, drop)
        if move:
            await decisions.hand_over(conn, move)


def _claim_of(draft: "Draft", claim: Claim, key: bytes) -> KeyClaim:
    lead = draft.lead
    return KeyClaim(key, lead.id, lead.source, claim.within, lead.submission_id)


def _claims_nothing(draft: "Draft") -> bool:
    """Rejected, or a test whose end is forced: what it would claim is only looked up."""
    return bool(draft.asked) or (draft.verdict is not None and draft.verdict.outcome == "rejected")


def key_of(claim: Claim, *, test: bool) -> bytes:
    """Test leads are duplicates of test leads only."""
    return b"t" + claim.key if test else claim.key


def _earlier(
    draft: "Draft", claim: Claim, key: bytes, held: dict[bytes, Held], owners: dict[bytes, "Draft"]
) -> Earlier | None:
    """A key is held for the longest look-back that asks for it: each rule minds its own."""
    other = owners.get(key)
    if other is not None:
        return Earlier(other.lead.id, other.lead.received_at, other.lead.source)
    holder = held.get(key)
    if holder is None or holder.lead_id == draft.lead.id or holder.age >= claim.within:
        return None
    return Earlier(holder.lead_id, holder.at, holder.source)


async def foresee(conn: Any, drafts: Sequence["Draft"]) -> list[dict[Ask, Earlier | None]]:
    """What plain claims of each would be answered now, without claiming anything: one statement."""
    asked = [
        [
            (claim, key_of(claim, test=draft.lead.test))
            for claim in draft.plan.campaign.judge.claims(draft.lead)
            if isinstance(claim, Claim) and not isinstance(claim, Near | Having)
        ]
        for draft in drafts
    ]
    keys = sorted({key for claims in asked for _, key in claims})
    held = await decisions.holders(conn, keys) if keys else {}
    return [
        {claim: _earlier(draft, claim, key, held, {}) for claim, key in claims}
        for draft, claims in zip(drafts, asked, strict=True)
    ]


async def having(conn: Any, draft: "Draft") -> set[str]:
    """Buyers who have the person of a lead at this moment, where its campaign minds. Nothing is locked."""
    if not draft.plan.campaign.by_buyer:
        return set()
    asked = [one for one in draft.plan.campaign.judge.claims(draft.lead) if isinstance(one, Having)]
    within = {key_of(one, test=draft.lead.test): float(one.within) for one in asked}
    found = await lead_keys.having(conn, within) if within else {}
    has = {buyer for told in found.values() for buyer, lead_id in told if lead_id != draft.lead.id}
    return has | {one.buyer for claim in asked for one in draft.evidence.get(claim, ())}
