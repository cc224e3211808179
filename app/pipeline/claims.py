"""Who may have the dedupe keys: settled for a batch under the locks of its transaction.

Only leads that nothing else rejects really claim; for the others their keys are looked up, so that the
trace says that they were duplicates too. A lead takes all its keys or, as a duplicate, none.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.store import decisions
from app.store.decisions import KeyClaim
from app.store.rows import Held
from app.validate.check import Ask, Claim, Earlier

if TYPE_CHECKING:
    from app.pipeline.decide import Draft


class Claims:
    """The claims of one batch, in the order in which its leads came."""

    def __init__(self, drafts: Sequence["Draft"]) -> None:
        self._drafts = drafts
        self._asked: list[tuple[Draft, list[Claim]]] = []
        for draft in drafts:
            draft.verdict = draft.judged
            asks = draft.plan.campaign.judge.claims(draft.lead)
            if asks:
                self._asked.append((draft, [ask for ask in asks if isinstance(ask, Claim)]))

    async def settle(self, conn: Any) -> None:
        """Give every draft its final verdict; the keys in the database are right when it returns."""
        if not self._asked:
            return
        first: dict[bytes, KeyClaim] = {}
        looked: set[bytes] = set()
        for draft, claims in self._asked:
            for claim in claims:
                key = _key(draft, claim)
                if _rejected(draft):
                    looked.add(key)
                elif key not in first:
                    first[key] = KeyClaim(key, draft.lead.id, draft.lead.source, claim.within)
        held = await decisions.claim(conn, list(first.values())) if first else {}
        unclaimed = looked - first.keys()
        if unclaimed:
            held |= await decisions.holders(conn, sorted(unclaimed))
        owners = self._verdicts(held)
        await self._correct(conn, first, held, owners)

    def _verdicts(self, held: dict[bytes, Held]) -> dict[bytes, "Draft"]:
        """Settle in order of arrival; key → the draft of this batch that has it now."""
        owners: dict[bytes, Draft] = {}
        for draft, claims in self._asked:
            evidence: dict[Ask, Any] = {}
            for claim in claims:
                evidence[claim] = _earlier(draft, _key(draft, claim), held, owners)
            assert draft.judged is not None
            draft.verdict = draft.plan.campaign.judge.settle(draft.lead, draft.judged, evidence)
            if not _rejected(draft):
                for claim in claims:
                    if evidence[claim] is None:
                        owners[_key(draft, claim)] = draft
        return owners

    async def _correct(
        self, conn: Any, first: dict[bytes, KeyClaim], held: dict[bytes, Held], owners: dict[bytes, "Draft"]
    ) -> None:
        """Keys were claimed under the first lead that wanted them; some end with another, or with nobody."""
        drop, move = [], []
        for key, claim in first.items():
            if key in held:
                continue
            owner = owners.get(key)
            if owner is None:
                drop.append(claim)
            elif owner.lead.id != claim.lead_id:
                move.append(KeyClaim(key, owner.lead.id, owner.lead.source, claim.within))
        if drop:
            await decisions.drop_keys(conn, drop)
        if move:
            await decisions.hand_over(conn, move)


def _rejected(draft: "Draft") -> bool:
    return draft.verdict is not None and draft.verdict.outcome == "rejected"


def _key(draft: "Draft", claim: Claim) -> bytes:
    """Test leads are duplicates of test leads only."""
    return b"t" + claim.key if draft.lead.test else claim.key


def _earlier(
    draft: "Draft", key: bytes, held: dict[bytes, Held], owners: dict[bytes, "Draft"]
) -> Earlier | None:
    other = owners.get(key)
    if other is not None:
        return Earlier(other.lead.id, other.lead.received_at, other.lead.source)
    holder = held.get(key)
    if holder is None or holder.lead_id == draft.lead.id:
        return None
    return Earlier(holder.lead_id, holder.at, holder.source)
