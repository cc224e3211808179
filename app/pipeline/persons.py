"""What is known of a person is found, and erased where the person wants that, with a proof that names nobody."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import orjson
from msgspec import Struct

from app.catalog.documents import ListDoc
from app.core.errors import NotFound, Refused, Unprocessable
from app.core.registry import Registry
from app.core.world import World
from app.ingest.fieldtype import FieldType
from app.ingest.reading import Reader
from app.pipeline.batch_rows import CONTENT_TYPE as LINES
from app.pipeline.lists import Lists
from app.pipeline.whom import Kind, Whom, contacts_of, mentions, needles_of, whom
from app.pipeline.work import lead_id_of
from app.store import erasing, leads, person_requests, persons
from app.store.database import Database
from app.store.person_requests import Request
from app.store.persons import Needles, Place

PURPOSE = "person"
"""What the key of marks is derived for."""
AT_REQUEST = "deleted at the request of the person"
_OPEN_AT_ONCE = 16
_LEFT_AT_ONCE = 500
_ENCODE = msgspec.json.Encoder().encode


class Found(Struct, frozen=True, kw_only=True):
    """Where the person is: leads that are decided, what is none yet, refused bodies, rows of batches."""

    whom: Whom
    contacts: Sequence[Whom]
    leads: Sequence[Place] = ()
    undecided: Sequence[Place] = ()
    refusals: Sequence[UUID] = ()
    lines: Sequence[tuple[UUID, int]] = ()

    @property
    def parts(self) -> list[Place]:
        return sorted({*self.leads, *self.undecided}, key=lambda one: one.lead_id)

    @property
    def nothing(self) -> bool:
        return not (self.leads or self.undecided or self.refusals or self.lines)


class Proof(Struct, frozen=True):
    """`intact`: what the row says is what its digest was made of; None while it is open, and of an export."""

    request: Request
    left: int
    intact: bool | None


class Persons:
    """An erasure is a row before it begins, so it ends whoever dies: `finish` goes on with what is open.

    What is handed over at this moment ends first, as it would have; nothing further begins. What comes after the
    request is a new lead, unless the contact is put on a suppression list with it.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        fieldtypes: Registry[FieldType[Any]],
        lists: Lists,
        world: World,
        *,
        secret: bytes,
        declared: Callable[[], Mapping[str, ListDoc]],
        lease_seconds: float,
    ) -> None:
        self._database = database
        self.reader = reader
        self._fieldtypes = fieldtypes
        self._lists = lists
        self._world = world
        self._secret = secret
        self._declared = declared
        self._lease = lease_seconds

    # finding ----------------------------------------------------------------------------------------

    def whom(self, text: str, *, country: str = "US", kind: Kind | None = None) -> Whom:
        return whom(text, self._fieldtypes, country=country, kind=kind)

    async def find(self, who: Whom, *, alone: bool = False) -> Found:
        """Of a lead: that one, and whatever has one of its contacts, unless it is meant `alone`. Raises NotFound."""
        contacts = await self._contacts(who, alone=alone)
        needles = needles_of(contacts)
        decided: set[UUID] = {who.lead_id} if who.lead_id is not None else set()
        begun: list[UUID] = []
        refusals: list[UUID] = []
        lines: list[tuple[UUID, int]] = []
        if needles.exact:
            async with self._database.acquire() as conn:
                decided |= await persons.leads_with(conn, needles)
                begun, amended = await persons.undecided_with(conn, needles)
                refusals = await persons.refusals_with(conn, needles)
                lines = await persons.lines_with(conn, needles)
            decided.update(amended)
        async with self._database.acquire() as conn:
            places = await persons.places(conn, sorted(decided))
            known = {place.lead_id for place in places}
            undecided = [
                place
                for one in sorted({*begun, *decided} - known)
                for place in await self._within(conn, one, needles)
                if place.lead_id not in known
            ]
        return Found(
            whom=who, contacts=contacts, leads=places, undecided=undecided, refusals=refusals, lines=lines
        )

    async def _contacts(self, who: Whom, *, alone: bool) -> tuple[Whom, ...]:
        if who.lead_id is None:
            return (who,)
        async with self._database.acquire() as conn:
            lead, detail = await leads.lead(conn, who.lead_id), await leads.detail(conn, who.lead_id)
            if lead is None and await persons.body(conn, who.lead_id) is None:
                raise NotFound("there is no such lead")
        return () if alone or detail is None else contacts_of(detail["fields"])

    async def _within(self, conn: Any, submission_id: UUID, needles: Needles) -> list[Place]:
        """The leads of one submission that are this person's and not decided; all of it where it can't be read."""
        kept = await persons.body(conn, submission_id)
        if kept is None or not kept[1] or await leads.lead(conn, submission_id) is not None:
            return []
        records = self._records(*kept)
        if len(records) <= 1:
            return [Place(submission_id, submission_id, 0)]
        return [
            Place(lead_id_of(submission_id, at), submission_id, at)
            for at, record in enumerate(records)
            if mentions(record, needles)
        ]

    def _records(self, content_type: str, body: bytes) -> list[Any]:
        try:
            return self.reader.read(body, content_type)
        except Refused:
            return []

    # erasing ----------------------------------------------------------------------------------------

    async def erase(self, found: Found, *, by: str, suppress: Sequence[str] = ()) -> Request:
        """The request as it stands: done, or open where something is being handed over. Lists come first, so that
        nobody who is erased comes in again between. Raises Unprocessable."""
        await self._suppress(found.contacts, suppress)
        request_id = self._world.new_id()
        async with self._database.acquire() as conn, conn.transaction():
            rows = {
                "refusal": await persons.blank_refusals(conn, found.refusals),
                "batch_refusal": await persons.blank_lines(conn, found.lines),
            }
            await person_requests.put(
                conn, request_id, "erase", by=by, mark=self.mark(found.whom), rows=rows, buyers={},
                lists=suppress, parts=found.parts,
            )  # fmt: skip
        return await self._advance(request_id)

    async def _suppress(self, contacts: Sequence[Whom], names: Sequence[str]) -> None:
        declared = self._declared()
        for name in names:
            doc = declared.get(name)
            values = [one.value for one in contacts if doc is not None and one.kind == doc.of]
            if doc is None:
                raise Unprocessable(f'there is no list "{name}"', where="suppress")
            if not values:
                raise Unprocessable(
                    f"{name} is a list of {doc.of}, and no such contact is known", where="suppress"
                )
            if await self._lists.change(doc, add=values):
                raise Unprocessable(f"a contact is no entry of the list {name}", where="suppress")

    async def finish(self) -> None:
        """Go on with what is open: whoever asked may be gone, and what was handed over has ended by now."""
        async with self._database.acquire() as conn:
            waiting = await person_requests.open_ones(conn, _OPEN_AT_ONCE)
        for request_id in waiting:
            await self._advance(request_id)

    async def _advance(self, request_id: UUID) -> Request:
        """Each lead in a transaction of its own: none waits for another's."""
        after = UUID(int=0)
        while True:
            async with self._database.acquire() as conn:
                left = await person_requests.left(conn, request_id, after, _LEFT_AT_ONCE)
            for part in left:
                async with self._database.acquire() as conn, conn.transaction():
                    await self._erase_part(conn, request_id, part)
            if not left:
                break
            after = left[-1].lead_id
        async with self._database.acquire() as conn, conn.transaction():
            return await self._close(conn, request_id)

    async def _erase_part(self, conn: Any, request_id: UUID, part: Place) -> None:
        request = await person_requests.find(conn, request_id, locked=True)
        if request is None or not await person_requests.is_left(conn, request_id, part):
            return
        rows: Counter[str] = Counter()
        if await leads.lead(conn, part.lead_id) is not None:
            erased = await erasing.erase_leads(conn, [part.lead_id], by=request.by_whom, why=AT_REQUEST)
            rows.update(erased.rows)
            rows["submission"] += await self._forget(conn, part)
            over = erased.over
        else:
            over, dropped = await self._drop(conn, request, part)
            rows["submission"] += dropped
        if over:
            buyers = {row["buyer"] for row in await persons.holders(conn, [part.lead_id])}
            await person_requests.part_done(conn, request_id, part)
            await person_requests.count(conn, request, rows, dict.fromkeys(buyers, 1))

    async def _drop(self, conn: Any, request: Request, part: Place) -> tuple[bool, int]:
        """What nobody has decided never is; but where others came with it they are decided first."""
        kept = await persons.body(conn, part.submission_id)
        if kept is None or not kept[1]:
            return True, 0
        if len(self._records(*kept)) > 1:
            if await persons.in_hand(conn, part.submission_id) == "":
                return False, 0
            return True, await self._forget(conn, part)
        over = await erasing.erase(
            conn, part.submission_id, lease_seconds=self._lease, by=request.by_whom, why=AT_REQUEST
        )
        return over, 1

    async def _forget(self, conn: Any, part: Place) -> int:
        """The bytes that the lead came in; of several that came together only its own."""
        kept = await persons.body(conn, part.submission_id, locked=True)
        if kept is None or not kept[1]:
            return 0
        records = self._records(*kept)
        if len(records) <= 1 or part.position >= len(records):
            return await erasing.blank_submission(conn, part.submission_id)
        records[part.position] = {"erased": True}
        await persons.rewrite(conn, part.submission_id, LINES, b"\n".join(map(_ENCODE, records)))
        return 1

    async def _close(self, conn: Any, request_id: UUID) -> Request:
        request = await person_requests.find(conn, request_id, locked=True)
        assert request is not None
        if request.state == "open" and not await person_requests.how_many_left(conn, request_id):
            at = await person_requests.moment(conn)
            ids = await person_requests.lead_ids(conn, request_id)
            digest = digest_of(msgspec.structs.replace(request, done_at=at), ids)
            await person_requests.done(conn, request_id, at, digest)
            request = await person_requests.find(conn, request_id)
            assert request is not None
        return request

    # telling ----------------------------------------------------------------------------------------

    async def lists_of(self, contacts: Sequence[Whom]) -> list[str]:
        """The suppression lists on which one of them stands."""
        found: dict[str, None] = {}
        for one in contacts:
            docs = [doc for doc in self._declared().values() if doc.of == one.kind]
            found.update(dict.fromkeys((await self._lists.look_up(docs, one.value))[0]))
        return sorted(found)

    async def told(self, found: Found, document: bytes, *, by: str) -> Request:
        """Note that this was given out: what was in it, and its digest."""
        request_id = self._world.new_id()
        rows = {"lead": len(found.parts), "refusal": len(found.refusals), "batch_refusal": len(found.lines)}
        async with self._database.acquire() as conn, conn.transaction():
            await person_requests.put(
                conn, request_id, "export", by=by, mark=self.mark(found.whom), rows=rows, buyers={}
            )
            at = await person_requests.moment(conn)
            await person_requests.done(conn, request_id, at, hashlib.sha256(document).digest())
            request = await person_requests.find(conn, request_id)
        assert request is not None
        return request

    # proofs -----------------------------------------------------------------------------------------

    def mark(self, who: Whom) -> bytes:
        """The same for the same person, and of no use to who has not our key."""
        return hmac.digest(self._secret, f"{who.kind}:{who.value}".encode(), "sha256")

    def is_of(self, request: Request, who: Whom) -> bool:
        """Whether that is whom it was asked for."""
        return hmac.compare_digest(request.mark, self.mark(who))

    async def proof(self, request_id: UUID) -> Proof:
        """Raises NotFound."""
        async with self._database.acquire() as conn:
            request = await person_requests.find(conn, request_id)
            if request is None:
                raise NotFound("there is no such request of a person")
            left = await person_requests.how_many_left(conn, request_id)
            ids = await person_requests.lead_ids(conn, request_id)
        if request.kind == "export" or request.digest is None:
            return Proof(request, left, None)
        return Proof(request, left, hmac.compare_digest(request.digest, digest_of(request, ids)))


def digest_of(request: Request, lead_ids: Sequence[UUID]) -> bytes:
    """Over everything that the proof says, and which leads they were."""
    told = {
        "id": str(request.id), "kind": request.kind, "by": request.by_whom, "mark": request.mark.hex(),
        "asked_at": request.asked_at.isoformat(), "done_at": request.done_at and request.done_at.isoformat(),
        "rows": request.rows, "buyers": request.buyers, "lists": list(request.lists),
        "leads": [str(one) for one in sorted(lead_ids)],
    }  # fmt: skip
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
