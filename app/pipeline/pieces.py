"""Puts a lead together from all that its source said of it: the first bytes, and what came later."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.errors import Conflict
from app.core.world import World
from app.ingest.reading import Reader
from app.model import Record, Submission
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.work import Work
from app.store import partials

_DROPPED = "what came of this lead was dropped by retention; post it as a new lead"


class Pieces:
    """Reads bytes again rather than trust what was once made of them: a mapping may have been mended since."""

    def __init__(self, reader: Reader, world: World, plans: Callable[[], Plans]) -> None:
        self._reader = reader
        self._world = world
        self._plans = plans

    def read(self, submission: Submission) -> list[Record]:
        """Raises Refused."""
        return self._reader.read(submission.body, submission.content_type)

    def kind(self, plan: SourcePlan, content_type: str, body: bytes) -> str:
        """The type under which a body is kept: as it is said, or by its look where the source allows that."""
        return self._reader.by_look(content_type, body) if plan.sniff else content_type

    async def record(
        self, conn: Any, plan: SourcePlan, lead_id: UUID, submission_id: UUID, position: int
    ) -> Record:
        """A decided lead as its source would send it today. Raises Conflict where bytes of it are gone."""
        first = submission_id if position else lead_id
        parts = [one.submission_id for one in await partials.amendments(conn, [lead_id])]
        found = await partials.submissions(conn, [first, *parts])
        if len(found) < len({first, *parts}):
            raise Conflict(_DROPPED, code="dropped")
        records = self.read(found[first])
        if position >= len(records):
            raise Conflict(_DROPPED, code="dropped")
        return self.merged(plan, records[position], [found[part] for part in parts])

    def merged(self, plan: SourcePlan, record: Record, parts: Iterable[Submission]) -> Record:
        for part in parts:
            record = plan.fields.merged(record, self.read(part)[0])
        return record

    async def links(self, conn: Any, taken: Sequence[Submission]) -> "Links":
        """What there is beside these submissions out of the inbox, of the leads that they are parts of."""
        leads = await partials.leads_of(conn, [one.id for one in taken])
        if not leads:
            return Links(self)
        parts: dict[UUID, list[UUID]] = defaultdict(list)
        for one in await partials.amendments(conn, list(leads.values())):
            parts[one.lead_id].append(one.submission_id)
        wanted = {*leads.values(), *(part for ids in parts.values() for part in ids)}
        bodies = await partials.submissions(conn, wanted)
        return Links(self, leads, parts, bodies, await partials.abandoned(conn, list(leads.values())))

    def work(
        self,
        submission: Submission,
        first: Submission,
        parts: Sequence[Submission],
        *,
        reply: str = "receipt",
        abandoned: bool = False,
    ) -> Work:
        """`submission` decides the lead that `first` began; it has waited since it came. Raises Refused."""
        plan = self._plans().source(submission.source)
        records = self.read(first)[:1]
        if plan is not None:
            records = [self.merged(plan, records[0], parts)]
        waited = max(0.0, (self._world.now() - submission.received_at).total_seconds())
        return Work(
            submission, records, reply, self._world.monotonic() - waited, lead_id=first.id, abandoned=abandoned
        )  # fmt: skip


class Links(Struct, frozen=True):
    """The leads that came in parts among some submissions, with all of their parts."""

    pieces: Pieces
    leads: Mapping[UUID, UUID] = {}
    parts: Mapping[UUID, Sequence[UUID]] = {}
    bodies: Mapping[UUID, Submission] = {}
    abandoned: Collection[UUID] = ()

    def work(self, submission: Submission) -> Work | None:
        """The whole lead that this submission decides; None where it is no part of any. Raises Refused."""
        lead_id = self.leads.get(submission.id)
        if lead_id is None:
            return None
        parts = self.parts.get(lead_id, ())
        if lead_id not in self.bodies or any(part not in self.bodies for part in parts):
            raise Conflict(_DROPPED, code="dropped")
        bodies = [self.bodies[part] for part in parts]
        return self.pieces.work(submission, self.bodies[lead_id], bodies, abandoned=lead_id in self.abandoned)
