"""A lead while it is decided, and what came of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from app.core import events
from app.distribute.auction import among
from app.distribute.chain import Passage
from app.distribute.owners import NOBODY, Owners
from app.distribute.route import Match
from app.distribute.wanting import Choice
from app.model import Finding, Lead, Scalar, Verdict
from app.pipeline.binding import Binding, Mentioned
from app.pipeline.forced import Forced, forced
from app.pipeline.plans import SourcePlan
from app.pipeline.requeueing import is_offered_again
from app.pipeline.tracks import Job, Won
from app.pipeline.work import Work
from app.store.pings import Promise
from app.store.rows import NewLead
from app.validate.check import Has


class Draft(Struct, kw_only=True):
    """One lead while it is decided."""

    work: Work
    position: int
    plan: SourcePlan
    lead: Lead
    evidence: dict[Any, Any] = field(default_factory=dict)
    judged: Verdict | None = None
    verdict: Verdict | None = None
    normals: dict[str, Scalar] = field(default_factory=dict)
    match: Match | None = None
    passage: Passage | None = None
    choice: Choice = Choice()
    fields: str = ""
    extra: str = ""
    steps: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)  # by check, in milliseconds
    round: int = 1
    owners: Owners = NOBODY  # who has its person
    tried: frozenset[str] = frozenset()  # contracts that have it, or may, from an earlier round
    buyers: frozenset[str] = frozenset()  # and theirs
    barred: dict[str, Has] = field(default_factory=dict)  # buyers who have this person
    apart: tuple[UUID, ...] = ()  # earlier leads of the batch whose buyers must not get this one
    asked: str = ""  # the result that a test asks for
    enriched: bool = False  # by tables and what is known offline
    looked_up: bool = False  # services were asked about it
    looked: list[Finding] = field(default_factory=list)  # what became of each look-up
    mentioned: Mentioned | None = None  # its ping
    spared: bool = (
        False  # nobody was asked for bids: its ping held, or it was a duplicate, when it was looked at
    )
    lapsed: bool = (
        False  # and neither was so any more when it was decided: it is auctioned without another look
    )
    sound: Verdict | None = None  # as it was judged before its ping was looked at
    auctioned: Binding | None = None  # beforehand, because it came without a ping
    bound: Binding | None = None  # to its bidders

    @property
    def won(self) -> Mapping[str, Won]:
        """What its bidders pay, the best bid first; empty where it was not auctioned."""
        return self.bound.won if self.bound is not None else {}

    @property
    def promise(self) -> Promise | None:
        """What its ping keeps for it while it is held."""
        is_held = self.verdict is not None and self.verdict.outcome == "held"
        return self.bound.promise if is_held and self.bound is not None else None

    @property
    def pays(self) -> Mapping[str, Decimal]:
        """Bidder → what it pays."""
        return {contract: won.pays for contract, won in self.won.items()}

    def sold_to(self, match: Match) -> Match:
        """The match, or what is left of it where only bidders may have the lead."""
        return match if self.bound is None else among(match, self.won)

    @property
    def forced(self) -> Forced | None:
        """How a test that asks for a result ends; None for every other lead."""
        if not self.asked:
            return None
        return forced(self.asked, reply=self.plan.reply, coarse=self.plan.coarse, verdict=self.verdict)

    @property
    def own(self) -> Match | None:
        """Who of its own campaign wants it, but for the sweepers."""
        return self.match if self.passage is None else self.passage.own

    @property
    def is_offered_again(self) -> bool:
        """Whether it waits where nobody takes it now."""
        return is_offered_again(self.plan.campaign, test=self.lead.test, auctioned=self.bound is not None)

    def done(self, step: str, at: float) -> None:
        """`at` is monotonic seconds."""
        self.steps[step] = round((at - self.work.began) * 1000, 2)


class Decided(Struct, frozen=True):
    """What came of one draft: its row, and the hand-overs that begin now, or wait until the person may be called."""

    draft: Draft
    row: NewLead
    jobs: tuple[Job, ...]
    reasons: Sequence[Any]

    def event(self) -> events.Decided:
        """The log line of it."""
        row, at = self.row, self.draft.steps
        return events.Decided(
            lead=row.id,
            source=events.Id(row.source),
            campaign=events.Id(row.campaign),
            verdict=events.Code(self.verdict),
            score=row.score,
            codes=tuple(events.Code(finding.code) for finding in self.findings),
            contracts=len(self.jobs),
            catalogue=row.catalogue,
            ms=at.get("routed", at.get("checked", 0.0)),
        )

    @property
    def waits(self) -> bool:
        """Nobody took it now; it is offered again."""
        return self.row.state == "delivering" and not self.jobs

    @property
    def first(self) -> str:
        """The state that a source which waits is told instead of the outcome; empty: the outcome itself."""
        ending = self.draft.forced
        return ending.first if ending is not None else ""

    @property
    def verdict(self) -> str:
        return self.draft.verdict.outcome if self.draft.verdict is not None else ""

    @property
    def findings(self) -> Sequence[Finding]:
        return self.draft.verdict.findings if self.draft.verdict is not None else ()


def by_submission(drafts: Sequence[Draft]) -> dict[UUID, list[Draft]]:
    found: dict[UUID, list[Draft]] = defaultdict(list)
    for draft in drafts:
        found[draft.lead.submission_id].append(draft)
    return found
