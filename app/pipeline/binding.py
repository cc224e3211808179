"""A lead that comes with its ping gets what was promised for it: the bidders in their order, their prices, its own price.

A ping is used up by one lead that is taken, under the ping's row lock: of any number that come with it at once the
first gets it. It is kept for one that is held, which has its promise once it is let go (`releasing`). Why a ping does not hold is a finding, told to the source whatever becomes of its lead.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.ingest.raw import written
from app.model import Finding, Record, Verdict
from app.pipeline.pinging import fact_of
from app.pipeline.tracks import Won, won
from app.store import pings
from app.store.pings import KeptPing, Promise

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

PING = "ping"
CODES: Mapping[str, str] = {
    "ping_unknown": "there is no such ping of yours",
    "ping_expired": "the time of its ping had run out",
    "ping_used": "its ping was used by an earlier lead",
    "ping_changed": "it is not what was pinged",
    "ping_no_bid": "nobody had bid on its ping",
    "ping_test": "a test's ping is for a test, and no other is",
}
"""Why a ping does not hold."""
_LONGEST = timedelta(days=1)
"""No promise lasts longer: a ping that is not there any more of a lead that came before has run out."""


class Mentioned(Struct, frozen=True):
    """What a post says of its ping: whose bids it wants, where the person agreed to be called by some alone."""

    ping_id: str
    bids: str = ""

    @property
    def names(self) -> bool:
        """Whether those bidders alone may have the lead: without its ping nobody may."""
        return bool(self.bids)


class Unauctioned(Exception):
    """What these leads were spared an auction for holds no more: bidders are to be asked first."""

    def __init__(self, drafts: Sequence["Draft"]) -> None:
        self.drafts = drafts


class Binding(Struct, frozen=True):
    """What a lead's auction came to: its bids as they are kept, the best first. Without a `ping_id` it was held when
    the lead came."""

    bids: Sequence[Mapping[str, str]]
    won: Mapping[str, Won]
    promised: Decimal | None
    ping_id: UUID | None = None
    expires_at: datetime | None = None
    names: bool = False
    silent: Mapping[str, str] = {}  # who was in it and has not bid: contract → why

    @property
    def promise(self) -> Promise | None:
        if self.ping_id is None or self.expires_at is None:
            return None
        return Promise(self.ping_id, self.expires_at, self.bids, self.names)


def mentioned(record: Record) -> Mentioned | None:
    """`ping_id`, and `bid_id` where only some of its bidders may have the lead (`1`, or `1,3`)."""
    if "ping_id" not in record or not (ping := written(record["ping_id"])):
        return None
    return Mentioned(ping, written(record.get("bid_id")))


async def bind(conn: Any, drafts: Sequence["Draft"], *, at: datetime | None = None) -> None:
    """Lock the pings of these leads, before anything else is; judge each lead's. Called again it begins anew. `at` is
    when they must hold, of a further round; of the first they must when the lead came."""
    for draft in drafts:
        draft.bound = draft.auctioned
    asking = [draft for draft in drafts if draft.mentioned is not None and not draft.asked]
    ids = {id_ for draft in asking if (id_ := _id_of(draft)) is not None}
    kept = await pings.lock(conn, list(ids)) if ids else {}
    taken: set[UUID] = set()
    for draft in asking:
        draft.sound = draft.sound or draft.judged
        assert draft.sound is not None
        id_ = _id_of(draft)
        ping = kept.get(id_) if id_ is not None else None
        code, field = _against(draft, ping, taken, at)
        if not code and ping is not None:
            draft.bound = _binding(draft, ping)
        draft.judged = _judged(draft.sound, code, field, refuse=_refuses(draft))
        if draft.bound is not None and draft.judged.outcome != "rejected" and id_ is not None:
            taken.add(id_)


def refuse_unauctioned(drafts: Sequence["Draft"]) -> None:
    """Once it is known who is taken. Raises Unauctioned, which takes back the whole decision."""
    lost = [
        draft
        for draft in drafts
        if draft.spared
        and draft.bound is None
        and draft.verdict is not None
        and draft.verdict.outcome == "accepted"
    ]
    if lost:
        raise Unauctioned(lost)


async def holds(conn: Any, draft: "Draft", at: datetime | None = None) -> bool:
    """Whether the ping that a lead names is good for it at this moment. Nothing is locked: another may be quicker."""
    id_ = _id_of(draft)
    kept = await pings.look(conn, [id_]) if id_ is not None else {}
    return not _against(draft, kept.get(id_) if id_ is not None else None, set(), at)[0]


def may_do_without(draft: "Draft") -> bool:
    """Whether it is sold all the same where its ping does not hold. Whom a person agreed to can't be replaced."""
    return draft.mentioned is None or not _refuses(draft)


def _refuses(draft: "Draft") -> bool:
    assert draft.mentioned is not None
    return draft.plan.ping.otherwise == "refuse" or draft.mentioned.names


async def redeem(conn: Any, drafts: Sequence["Draft"]) -> None:
    """Once it is known what becomes of the leads: those that are taken or held use their pings up, of the others they
    stay good, or become so again."""
    used: dict[UUID, UUID] = {}
    for draft in drafts:
        if draft.verdict is None or draft.verdict.outcome == "rejected":
            draft.bound = None
        elif draft.bound is not None and draft.bound.ping_id is not None:
            used[draft.bound.ping_id] = draft.lead.id
        id_ = _id_of(draft) if draft.round > 1 else None
        if id_ is not None and id_ not in used:
            await pings.give_back(conn, id_, draft.lead.id)
    if used:
        await pings.use(conn, used)


def _against(
    draft: "Draft", ping: KeptPing | None, taken: set[UUID], at: datetime | None = None
) -> tuple[str, str]:
    """(why the ping does not hold, the field that is at fault); nothing where it does."""
    lead = draft.lead
    if ping is None and at is not None and at - lead.received_at > _LONGEST:
        return "ping_expired", "ping_id"
    if ping is None or ping.source != lead.source or ping.campaign != lead.campaign:
        return "ping_unknown", "ping_id"
    if ping.test != lead.test:
        return "ping_test", "ping_id"
    if ping.lead_id not in (None, lead.id) or ping.id in taken:
        return "ping_used", "ping_id"
    if ping.price is None:
        return "ping_no_bid", "ping_id"
    if (at or lead.received_at) > ping.expires_at:
        return "ping_expired", "ping_id"
    normal = lead.normal
    other = (name for name, fact in ping.facts.items() if fact_of(ping.id, name, normal(name)) != fact)
    if (changed := next(other, "")) != "":
        return "ping_changed", changed
    return ("", "") if _wanted(draft, ping) else ("ping_no_bid", "bid_id")


def _binding(draft: "Draft", ping: KeptPing) -> Binding:
    assert draft.mentioned is not None
    bids = _wanted(draft, ping)
    return Binding(
        bids, won(bids), Decimal(bids[0]["offered"]), ping.id, ping.expires_at, draft.mentioned.names, ping.silent
    )  # fmt: skip


def _wanted(draft: "Draft", ping: KeptPing) -> Sequence[Mapping[str, str]]:
    """Its bids, or those of them that the post names by their numbers."""
    if draft.mentioned is None or not draft.mentioned.names:
        return ping.bids
    numbers = {part.strip() for part in draft.mentioned.bids.split(",")}
    return [bid for n, bid in enumerate(ping.bids, 1) if str(n) in numbers]


def _judged(sound: Verdict, code: str, field: str, *, refuse: bool) -> Verdict:
    if not code:
        return sound
    message = f"{field} is not what it was in the ping" if code == "ping_changed" else CODES[code]
    found = Finding(
        check=PING, code=code, message=message, field=field, action="reject" if refuse else "flag"
    )
    findings = (*sound.findings, found)
    return replace(sound, findings=findings, outcome="rejected" if refuse else sound.outcome)


def _id_of(draft: "Draft") -> UUID | None:
    try:
        return UUID(draft.mentioned.ping_id) if draft.mentioned is not None else None
    except ValueError:
        return None
