"""Fetches what checks ask for: each kind once per batch, and nothing slow while others wait."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from app.catalog.documents import ListDoc
from app.model import Lead
from app.pipeline import offending
from app.pipeline.beforehand import Beforehand
from app.pipeline.enriching import Enriching
from app.pipeline.lists import find
from app.pipeline.live_auction import LiveAuctions, Sale
from app.pipeline.look_ups import LookUps
from app.store import evidence
from app.store.database import Database
from app.store.evidence import Sight
from app.validate.blocklists import Blocklists
from app.validate.check import Ask, Blocked, Has, Having, Listed, Locate, Mx, Seen
from app.validate.mx import MxResolver
from app.validate.places import Places
from app.validate.remote import Remote

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft


class Ahead(Struct, frozen=True):
    """Ask: what services know of this lead."""


Slow = Mx | Locate | Blocked | Ahead | Sale


class EvidenceDesk:
    """Answers of the database per batch; look-ups over the network beforehand, lead by lead."""

    def __init__(
        self,
        database: Database,
        resolver: MxResolver,
        *,
        lists: Callable[[], Mapping[str, ListDoc]] = dict,
        places: Places | None = None,
        blocklists: Blocklists | None = None,
        look_ups: LookUps | None = None,
        auctions: LiveAuctions | None = None,
        secret: bytes = b"",
    ) -> None:
        """`lists`: what is declared now; what stands on them is asked of the database with each batch.
        `secret` keys the digests of contacts; without `look_ups` no service is asked, without `auctions` no bidder."""
        self._enriching = Enriching(database, secret=secret)
        self._beforehand = None if look_ups is None else Beforehand(database, look_ups, self._gather_known)
        self._auctions = auctions
        self._places = places
        self._blocklists = blocklists
        self._database = database
        self._lists = lists
        self._resolver = resolver

    def slow(self, draft: "Draft") -> list[Slow]:
        """What must be looked up over the network before this lead can be decided. Where an address is, is known
        at once, but for the first, which opens the databases."""
        slow: list[Slow] = []
        campaign, remote = draft.plan.campaign, bool(draft.plan.campaign.enrichment.services)
        for ask in (*campaign.judge.asks(draft.lead), *campaign.enrichment.asks(draft.lead)):
            remote = remote or isinstance(ask, Remote)
            if not isinstance(ask, Mx | Locate | Blocked) or ask in draft.evidence:
                continue
            if isinstance(ask, Locate) and (self._places is None or self._places.ready):
                draft.evidence[ask] = self._places.look(ask.address) if self._places else None
            else:
                slow.append(ask)
        if remote and self._beforehand is not None and not _is_settled(draft):
            slow.append(Ahead())
        if self._auctions is not None and self._auctions.asks(draft):
            slow.append(Sale())
        return slow

    async def close(self) -> None:
        if self._beforehand is not None:
            await self._beforehand.close()

    async def look_up(self, draft: "Draft", asks: Sequence[Slow]) -> None:
        """Bounded by the resolvers' own time limits; unknown (None) is an answer too."""
        await self._look_up(draft, _quick(asks))
        if self._beforehand is not None and Ahead() in asks:
            await self._beforehand.look_up(draft)
            await self._look_up(draft, _quick(self.slow(draft)))  # of what was filled in
        if self._auctions is not None and Sale() in asks:
            await self._auctions.hold(draft, self._gather_known)

    async def _look_up(self, draft: "Draft", asks: Sequence[Slow]) -> None:
        waited: dict[Any, float] = {}

        async def answer(ask: Slow) -> Any:
            began = perf_counter()
            try:
                return await self._answer(ask)
            finally:
                waited[ask] = (perf_counter() - began) * 1000

        answers = await asyncio.gather(*map(answer, asks))
        draft.evidence |= dict(zip(asks, answers, strict=True))
        for check, needs in draft.plan.campaign.judge.asking(draft.lead):
            if mine := [waited[ask] for ask in needs if ask in waited]:
                draft.took[check] = draft.took.get(check, 0.0) + max(mine)

    async def _answer(self, ask: Slow) -> Any:
        match ask:
            case Mx():
                return await self._resolver.takes_mail(ask.domain)
            case Locate() if self._places is not None:
                if not self._places.ready:
                    await asyncio.to_thread(self._places.open)
                return self._places.look(ask.address)
            case Blocked() if self._blocklists is not None:
                return await self._blocklists.names(ask.zone, ask.address)
        return None

    async def gather_again(self, draft: "Draft", before: Lead) -> None:
        """For one more round: what this lead was counted for already is looked at, and not counted twice."""
        await self._enriching.enrich([draft])
        known = set(draft.plan.campaign.judge.asks(before))
        await self._look_seen(draft, [ask for ask in _seen(draft) if ask in known], more=0)
        await self.gather([draft])

    async def foresee(self, draft: "Draft", before: Lead | None = None) -> None:
        """For a lead that does not come: what it would be counted among is looked at, and no service is asked.
        `before`: as it was judged and counted once."""
        await self._enriching.enrich([draft], note=False)
        await self._enriching.own([draft], note=False)
        await self._recall([draft])
        await self._look_up(draft, _quick(self.slow(draft)))
        known = set() if before is None else set(draft.plan.campaign.judge.asks(before))
        await self._look_seen(draft, [ask for ask in _seen(draft) if ask in known], more=0)
        await self._look_seen(draft, [ask for ask in _seen(draft) if ask not in known], more=1)
        await self._find([draft])

    async def _look_seen(self, draft: "Draft", asked: Sequence[Seen], *, more: int) -> None:
        """How often, and `more` than that; nothing is counted."""
        if not asked:
            return
        async with self._database.acquire() as conn:
            total = await evidence.look_seen(conn, [(ask.key, ask.within) for ask in asked])
        draft.evidence |= {ask: max(1, total[ask.key, ask.within] + more) for ask in asked}

    async def gather(self, drafts: Sequence["Draft"], process_id: UUID | None = None) -> None:
        """Count what was seen, look up what is listed: each kind once for the batch. `process_id` holds their
        submissions, which are counted once, however often they are decided."""
        await self._enriching.enrich(drafts)
        await self._enriching.own(drafts)
        await self._recall(drafts)
        await self._count(drafts, process_id)
        await self._find(drafts)

    async def _gather_known(self, drafts: Sequence["Draft"]) -> None:
        """What counts nothing, so that it may be known before anybody holds the lead."""
        await self._enriching.enrich(drafts)
        await self._recall(drafts)
        await self._find(drafts)

    async def _recall(self, drafts: Sequence["Draft"]) -> None:
        if any(draft.plan.campaign.judge.recalls for draft in drafts):
            async with self._database.acquire() as conn:
                await offending.recall(conn, drafts)

    async def _find(self, drafts: Sequence["Draft"]) -> None:
        """A list that was loaded meanwhile holds for this batch, in every process: nothing of it is remembered."""
        lists = self._lists()
        asked: list[tuple[Draft, Ask, Listed]] = [
            (draft, ask, ask)
            for draft in drafts
            for ask in draft.plan.campaign.judge.asks(draft.lead)
            if isinstance(ask, Listed) and ask not in draft.evidence
        ]
        asked += [
            (draft, claim, listed)
            for draft in drafts
            if draft.plan.campaign.by_buyer
            for claim, listed in _of_buyers(draft, lists)
        ]
        if not asked:
            return
        async with self._database.acquire() as conn:
            found = await find(conn, lists, (listed for _, _, listed in asked))
        for draft, ask, listed in asked:
            of = {entry.list: lists[entry.list].buyer for entry in found[listed]}
            has = tuple(Has(buyer, list=name) for name, buyer in of.items() if buyer)
            draft.evidence[ask] = has if isinstance(ask, Having) else found[listed]

    async def _count(self, drafts: Sequence["Draft"], process_id: UUID | None) -> None:
        """Each lead of the batch gets the count up to itself, in order of arrival."""
        asked: list[tuple[Draft, Seen]] = [
            (draft, ask)
            for draft in drafts
            for ask in draft.plan.campaign.judge.asks(draft.lead)
            if isinstance(ask, Seen) and ask not in draft.evidence
        ]
        if not asked:
            return
        async with self._database.acquire() as conn:
            total = await evidence.count_seen(
                conn,
                [
                    Sight(ask.key, ask.within, draft.work.submission.id if process_id else None)
                    for draft, ask in asked
                ],
                process_id,
            )
        left = Counter((ask.key, ask.within) for _, ask in asked)
        before: dict[tuple[bytes, int], int] = defaultdict(int)
        for draft, ask in asked:
            place = (ask.key, ask.within)
            before[place] += 1
            draft.evidence[ask] = max(1, total[place] - left[place] + before[place])


def _of_buyers(draft: "Draft", lists: Mapping[str, ListDoc]) -> list[tuple[Having, Listed]]:
    """What a rule by buyer asks of the lists that buyers gave us."""
    campaign = draft.plan.campaign
    theirs = tuple(doc.id for doc in lists.values() if doc.buyer in campaign.buyers)
    claims = campaign.judge.claims(draft.lead) if theirs else ()
    return [
        (one, Listed(theirs, one.kind, one.value)) for one in claims if isinstance(one, Having) and one.kind
    ]


def _quick(asks: Sequence[Slow]) -> list[Slow]:
    """Without services and bidders."""
    return [ask for ask in asks if not isinstance(ask, Ahead | Sale)]


def _seen(draft: "Draft") -> list[Seen]:
    return [ask for ask in draft.plan.campaign.judge.asks(draft.lead) if isinstance(ask, Seen)]


def _is_settled(draft: "Draft") -> bool:
    """Services were asked about it, or need not be: its end does not depend on what they say."""
    return draft.looked_up or bool(draft.asked) or draft.work.abandoned
