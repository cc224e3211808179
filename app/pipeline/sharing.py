"""Keys that several leads of one batch and of the past share: who lives in the same house, which buyers have a person."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.model import Value
from app.store import lead_keys
from app.store.lead_keys import Holder, Shared
from app.validate.check import Claim, Has, Having, Near, Neighbour

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft


class Sharing:
    """`ask` for all leads, `read` once, then for each lead in order `answer` and, if it is taken, `join`; `write` once."""

    def __init__(self) -> None:
        self._near: dict[bytes, float] = {}
        self._having: dict[bytes, float] = {}
        self._neighbours: dict[bytes, list[Neighbour]] = defaultdict(list)
        self._buyers: dict[bytes, list[tuple[str, UUID]]] = {}
        self._taken: dict[bytes, list[Draft]] = defaultdict(list)
        self._shared: list[Shared] = []

    def ask(self, claim: Claim, key: bytes, *, takes: bool) -> None:
        """Whom a lead goes to is of no interest where it goes to nobody."""
        if isinstance(claim, Near):
            self._near[key] = max(claim.within, self._near.get(key, 0))
        elif takes:
            self._having[key] = max(claim.within, self._having.get(key, 0))

    def has(self, key: bytes) -> bool:
        return key in self._near or key in self._having

    async def read(self, conn: Any) -> None:
        """Each kind in one statement, under the locks of the keys."""
        if self._near:
            for key, holders in (await lead_keys.near(conn, self._near)).items():
                self._neighbours[key] = [_neighbour(one) for one in holders]
        if self._having:
            self._buyers = await lead_keys.having(conn, self._having)

    def answer(self, draft: "Draft", claim: Claim, key: bytes) -> tuple[Neighbour, ...] | tuple[Has, ...]:
        if isinstance(claim, Having):
            return self._has(draft, claim, key)
        ours = [_of(other) for other in reversed(self._taken[key])]
        return (*ours, *(one for one in self._neighbours[key] if one.lead_id != draft.lead.id))

    def _has(self, draft: "Draft", claim: Having, key: bytes) -> tuple[Has, ...]:
        """Who has it, in the draft too: those are left out when it is routed."""
        if draft.asked:
            return ()
        has = [
            Has(buyer, lead_id) for buyer, lead_id in self._buyers.get(key, ()) if lead_id != draft.lead.id
        ]
        listed: tuple[Has, ...] = draft.evidence.get(claim, ())
        by_buyer = {one.buyer: one for one in (*listed, *has)}
        draft.barred |= by_buyer
        return tuple(by_buyer.values())

    def join(self, draft: "Draft", claim: Claim, key: bytes) -> None:
        if isinstance(claim, Having):
            draft.apart += tuple(other.lead.id for other in self._taken[key])
        self._taken[key].append(draft)
        self._shared.append(Shared(key, draft.lead.id, claim.within, isinstance(claim, Having)))

    async def write(self, conn: Any) -> None:
        if self._shared:
            await lead_keys.share(conn, self._shared)


def _neighbour(holder: Holder) -> Neighbour:
    fields = {name: Value(*told) for name, told in holder.fields.items()}
    return Neighbour(holder.lead_id, holder.at, holder.source, fields)


def _of(draft: "Draft") -> Neighbour:
    lead = draft.lead
    return Neighbour(lead.id, lead.received_at, lead.source, lead.fields)
