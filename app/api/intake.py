"""`POST /v1/leads` as a raw route: the hot path's door, by ASGI or straight from the connection."""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from msgspec import Struct

from app.api.patience import Patience
from app.api.replies import XML, Reply, as_xml, told, wants_xml
from app.api.taking import Taking
from app.core import events
from app.core.errors import NoKey, NotDurable, Refused, TooLarge, TooSlow, WrongMethod
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.forced import NOTHING, Asked, asked
from app.ingest.queried import with_query
from app.ingest.reading import Reader
from app.model import Record, Submission
from app.pipeline.answers import Answer, pending_json
from app.pipeline.engine import Engine
from app.pipeline.plans import SourcePlan
from app.store.keys import KeyEntry


class Limits(Struct, frozen=True):
    """What the door lets in: bytes of a body, seconds until all of it is here."""

    body_bytes: int = 1_000_000
    body_seconds: float = 30.0


class Request(Struct):
    """What matters of the headers, read in one pass."""

    content_type: str = ""
    key: str = ""
    accept: bytes = b""
    length: int = -1
    idempotency: bytes = b""
    test: str = ""  # what the header says of a test
    host: bytes = b""
    scheme: str = "http"
    remote: str = ""
    query: bytes = b""


def read_headers(raw: list[tuple[bytes, bytes]]) -> Request:
    """The last of several with one name counts."""
    headers = dict(raw)
    get = headers.get
    request = Request(get(b"content-type", b"").decode("latin-1"))
    request.host = get(b"host", b"")
    authorization = get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        request.key = authorization[7:].strip().decode("latin-1")
    else:
        request.key = get(b"x-api-key", b"").strip().decode("latin-1")
    request.accept = get(b"accept", b"")
    length = get(b"content-length", b"")
    if length.isdigit():
        request.length = int(length)
    if b"idempotency-key" in headers:
        request.idempotency = headers[b"idempotency-key"].strip()
    if b"x-leadgate-test" in headers:
        request.test = headers[b"x-leadgate-test"].decode("latin-1")
    return request


class Intake:
    """Keeps what comes, then answers as the source asked: on receipt, on the verdict, or when sold."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        world: World,
        metrics: Metrics,
        *,
        limits: Limits,
        address: Callable[[str, bytes], str],
    ) -> None:
        """`address` gives what status addresses begin with, from the scheme and the Host that were asked."""
        self._engine = engine
        self._reader = reader
        self._world = world
        self._metrics = metrics
        self._limits = limits
        self._address = address
        self._taking = Taking(engine, world, metrics)
        self._patience = Patience(limits.body_seconds, world)
        self.draining = False

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        try:
            request = read_headers(scope["headers"])
            if scope["method"] != "POST" and not (scope["method"] == "GET" and self._by_address(request)):
                raise WrongMethod("leads are posted", headers={"Allow": "POST"})
            request.scheme = scope.get("scheme", "http")
            request.remote = (scope.get("client") or ("", 0))[0]
            request.query = scope["query_string"]
            began = self._world.monotonic()
            entry, plan = self._admit(request)
            body = await self._body(receive, request)
            reply = await self._take(request, entry, plan, body, began)
        except Refused as refused:
            reply = self._refused(refused)
        await reply.send(send)

    async def post(self, request: Request, body: bytes) -> Reply:
        """A request that is here whole: all of it without ASGI in between."""
        try:
            began = self._world.monotonic()
            entry, plan = self._admit(request)
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
            return await self._take(request, entry, plan, body, began)
        except Refused as refused:
            return self._refused(refused)

    def _refused(self, refused: Refused) -> Reply:
        self._metrics.count("leadgate_refused_total", (refused.reason,))
        events.emit(events.Refused(code=events.Code(refused.reason), status=refused.status))
        return told(refused)

    def _admit(self, request: Request) -> tuple[KeyEntry, SourcePlan]:
        """Who it is, before its body is looked at."""
        entry = self._engine.key(request.key)
        if entry is None or entry.kind != "source":
            raise NoKey(_why_no_key(request.key, entry))
        if self.draining:
            raise NotDurable("this process is going away; send it again")
        return entry, self._engine.source(entry.owner)

    def _by_address(self, request: Request) -> bool:
        """Whether the lead may stand in the address, so that it may be sent by GET."""
        entry = self._engine.key(request.key)
        plan = self._engine.plans().source(entry.owner) if entry and entry.kind == "source" else None
        return plan is not None and plan.query

    def _as_meant(self, request: Request, plan: SourcePlan, body: bytes) -> bytes:
        """The body to keep, and its type in `request`: as they came, but where the source is allowed more."""
        if plan.sniff:
            request.content_type = self._reader.by_look(request.content_type, body)
        if plan.query:
            body, request.content_type = with_query(body, request.content_type, request.query, self._reader)
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
        return body

    async def _take(
        self, request: Request, entry: KeyEntry, plan: SourcePlan, body: bytes, began: float
    ) -> Reply:
        test = _asked(request)
        if plan.sniff or plan.query:
            body = self._as_meant(request, plan, body)
        submission = Submission(
            id=self._world.new_id(),
            source=entry.owner,
            received_at=self._world.now(),
            content_type=request.content_type,
            body=body,
            test=test.test or entry.test or plan.test,
            forced=test.result,
            remote=request.remote,
            key_hint=entry.last4,
        )
        records = self._read(submission)
        answers = await self._taking.take(
            submission, records, plan, idempotency=request.idempotency, began=began
        )
        return self._answer(request, answers, several=len(records) > 1)

    def _read(self, submission: Submission) -> list[Record]:
        try:
            return self._reader.read(submission.body, submission.content_type)
        except Refused as refused:
            self._taking.note(refused, submission.source, submission.content_type, submission.body)
            raise

    async def _body(self, receive: Any, request: Request) -> bytes:
        if request.length > self._limits.body_bytes:
            raise self._too_large()
        waits = self._patience.begin()
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body"):
                body = await self._long_body(receive, body)
            elif message["type"] == "http.disconnect":
                raise TooSlow("the connection ended before the body did")
        except CancelledError:
            self._patience.explain(waits)
            raise
        finally:
            self._patience.end(waits)
        if len(body) > self._limits.body_bytes:
            raise self._too_large()
        return body

    async def _long_body(self, receive: Any, body: bytes) -> bytes:
        chunks, size, more = [body], len(body), True
        while more:
            if size > self._limits.body_bytes:
                raise self._too_large()
            message = await receive()
            if message["type"] == "http.disconnect":
                raise TooSlow("the connection ended before the body did")
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a body has at most {self._limits.body_bytes:,} bytes; send fewer leads at once",
            headers={"Connection": "close"},
        )

    def _answer(self, request: Request, answers: list[Answer], *, several: bool) -> Reply:
        base = ""
        status = 201
        for answer in answers:
            if answer.outcome == "pending":
                status, base = 202, base or self._address(request.scheme, request.host)
        if status == 202 and not several and not request.accept:
            return Reply(status, pending_json(answers[0], base))
        documents = [a.document(base) for a in answers]
        if request.accept and wants_xml(request.accept):
            return Reply(status, as_xml(documents, several=several), XML)
        return Reply(status, orjson.dumps({"results": documents} if several else documents[0]))


def _asked(request: Request) -> Asked:
    """By header or by query; of several words the first that names a result. Raises Unprocessable."""
    if not request.test and not request.query:
        return NOTHING
    said = [asked(request.test, "header.X-Leadgate-Test")]
    for name, _, value in (pair.partition(b"=") for pair in request.query.split(b"&")):
        if name == b"test":
            said.append(asked(value.decode("latin-1"), "query.test"))
    return Asked(any(one.test for one in said), next((one.result for one in said if one.result), ""))


def _why_no_key(key: str, entry: Any) -> str:
    if entry is not None:
        return f"this is a {entry.kind}'s key; leads are posted with a source's key"
    if key:
        return "this key is unknown, expired or revoked"
    return "send the source's key as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
