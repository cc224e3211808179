"""`/in/{dialect}/{source}`: leads posted as another system wants them, answered as it answers."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.api.bodies import Bodies
from app.api.intake import Limits
from app.api.replies import respond
from app.api.taking import Taking
from app.core import events
from app.core.errors import NoKey, NotDurable, NotYours, Refused, WrongMethod
from app.core.metrics import Metrics
from app.core.money import written
from app.core.world import World
from app.ingest.forced import asked
from app.ingest.posted import kept_body, opened, refuse_without_fields, whole
from app.ingest.reading import Reader
from app.ingest.redirect import allowed
from app.ingest.reply import Asked, Offer, Posted, Reply, Result, Said, Standing, replies, type_of
from app.model import Submission
from app.pipeline.answers import Answer
from app.pipeline.engine import Engine
from app.pipeline.pinging import Pinger
from app.pipeline.plans import SourcePlan
from app.pipeline.story import source_view
from app.store.database import is_away


class _Turn(Struct):
    """One request on its way: what is known of it grows."""

    reply: Reply
    source: str
    posted: Posted
    began: float
    remote: str
    base: str  # what status addresses begin with
    plan: SourcePlan | None = None  # once the sender is proved
    test: bool = False
    hint: str = ""  # the last four characters of a key of ours; of others' credentials nothing is shown


class Dialects:
    """Keeps what comes, then answers in the dialect's words. From nobody who isn't proved is anything kept."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        world: World,
        metrics: Metrics,
        pinger: Pinger,
        *,
        limits: Limits,
        address: Callable[[str, bytes], str],
        draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._world = world
        self._metrics = metrics
        self._pinger = pinger
        self._address = address
        self._draining = draining
        self._bodies = Bodies(limits.body_bytes, limits.body_seconds, world)
        self._taking = Taking(engine, world, metrics)

    async def __call__(
        self, scope: Mapping[str, Any], receive: Any, send: Any, *, name: str, source: str, tail: str
    ) -> None:
        """`name` is a dialect's; `tail` what follows the source in the path, without its first slash."""
        turn = self._turn(scope, replies[name], source, tail)
        try:
            said = await self._said(turn, receive)
        except Refused as refused:
            said = self._refused(refused, turn)
        except Exception as error:
            said = self._refused(_problem_of(error), turn)
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in said.headers.items()]
        await respond(send, said.status, said.body, said.content_type.encode(), headers)

    def _turn(self, scope: Mapping[str, Any], reply: Reply, source: str, tail: str) -> _Turn:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        at = self._world.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        asked = Asked(method=scope["method"], tail=tail, query=scope["query_string"], headers=headers, at=at)
        return _Turn(
            reply=reply,
            source=source,
            posted=Posted(asked=asked, settings=reply.settings()),
            began=self._world.monotonic(),
            remote=(scope.get("client") or ("", 0))[0],
            base=self._address(scope.get("scheme", "http"), headers.get("host", "").encode("latin-1")),
        )

    async def _said(self, turn: _Turn, receive: Any) -> Said:
        reply = turn.reply
        await self._open(turn, receive)
        reply.refuse_other_calls(turn.posted)
        lead_id = reply.asks_about(turn.posted)
        if lead_id is not None:
            return reply.answer([await self._standing(turn, lead_id)], turn.posted)
        if reply.pings(turn.posted):
            return await self._ping(turn)
        where = turn.posted.word(reply.redirect) if reply.redirect else ""
        if where:
            allowed(where, turn.posted.settings.redirect_hosts)
        refuse_without_fields(turn.posted)
        if ping := reply.ping_of(turn.posted):
            turn.posted = replace(turn.posted, records=[record | ping for record in turn.posted.records])
        results = await self._take(turn)
        turn.posted = replace(turn.posted, took=self._world.monotonic() - turn.began)
        said = reply.answer(results, turn.posted)
        return Said(303, said.body, said.content_type, {"Location": where}) if where else said

    async def _open(self, turn: _Turn, receive: Any) -> None:
        """Who it is and what it says: by header, path and query where they prove it, else with the body."""
        asked = turn.posted.asked
        if asked.method not in turn.reply.methods:
            allow = ", ".join(turn.reply.methods)
            raise WrongMethod(f"this address takes {allow}", headers={"Allow": allow})
        body = await self._bodies.read(receive, asked.headers.get("content-length", ""))
        turn.posted = replace(opened(turn.reply, asked, self._reader), settings=turn.posted.settings)
        self._prove(turn)
        asked = replace(asked, body=body)
        turn.posted = replace(turn.posted, asked=asked)
        try:
            turn.posted = whole(turn.reply, turn.posted, self._reader)
        except Refused as refused:
            if turn.plan is not None:
                kind = asked.headers.get("content-type", "")
                self._taking.note(refused, turn.source, kind, _hidden(turn, body))
            raise
        if turn.plan is None:
            self._prove(turn)
        if turn.plan is None:
            raise NoKey("the credentials are missing, or are not those of this source")

    def _prove(self, turn: _Turn) -> None:
        """By a key of ours wherever the dialect has a place for one, or by what the source is known by elsewhere."""
        parts = self._engine.plans().snapshot.source_parts.get(turn.source)
        entries = [part.settings for part in parts.replies if part.name == turn.reply.name] if parts else []
        fits = [settings for settings in entries if turn.reply.proves(turn.posted, settings)]
        for presented in turn.reply.secrets(turn.posted):
            entry = self._engine.key(presented)
            if entry is not None and entry.kind == "source" and entry.owner == turn.source:
                turn.test, turn.hint = entry.test, entry.last4
                fits = fits or entries or [turn.reply.settings()]
                break
        if fits:
            if self._draining():
                raise NotDurable("this process is going away; send it again")
            turn.posted = replace(turn.posted, settings=fits[0])
            turn.plan = self._engine.source(turn.source)

    async def _ping(self, turn: _Turn) -> Said:
        """A ping never makes a lead."""
        assert turn.plan is not None, "nobody is proved"
        posted = turn.posted
        await self._pinger.admit(turn.plan)
        refuse_without_fields(posted)
        test = turn.reply.is_test(posted) or turn.test or turn.plan.test
        pinged = await self._pinger.ping(turn.plan, posted.records[0], test=test)
        if pinged.price is None:
            return turn.reply.no_bid(posted)
        offer = Offer(
            ping_id=str(pinged.id), price=written(pinged.price), currency=pinged.currency, buyers=pinged.buyers()
        )  # fmt: skip
        return turn.reply.bid(offer, posted)

    async def _take(self, turn: _Turn) -> list[Result]:
        assert turn.plan is not None, "nobody is proved"
        posted, headers = turn.posted, turn.posted.asked.headers
        told = asked(headers.get("x-leadgate-test", ""), "header.X-Leadgate-Test")
        submission = Submission(
            id=self._world.new_id(),
            source=turn.source,
            received_at=self._world.now(),
            content_type=type_of(turn.reply.name),
            body=kept_body(posted),
            test=turn.reply.is_test(posted) or told.test or turn.test or turn.plan.test,
            forced=told.result or turn.reply.forced(posted),
            remote=turn.remote,
            key_hint=turn.hint,
        )
        answers = await self._taking.take(
            submission,
            list(posted.records),
            turn.plan,
            idempotency=headers.get("idempotency-key", "").strip().encode("latin-1"),
            began=turn.began,
        )
        return [result_of(answer, turn.base) for answer in answers]

    async def _standing(self, turn: _Turn, lead_id: UUID) -> Result:
        """Of the source's own lead."""
        async with self._engine.database.promptly() as conn:
            view = await source_view(conn, lead_id, turn.source)
        if view is None:
            raise NotYours("there is no such lead")
        price = Decimal(view["price"]) if "price" in view else None
        return result_of(Answer(lead_id, view["outcome"], view["state"], price, view["reasons"]), turn.base)

    def _refused(self, refused: Refused, turn: _Turn) -> Said:
        self._metrics.count("leadgate_refused_total", (refused.reason,))
        events.emit(events.Refused(code=events.Code(refused.reason), status=refused.status))
        said = turn.reply.refuse(refused, turn.posted)
        if said.status == 200:  # which asks for no login
            said = Said(200, said.body, said.content_type)
        return said


def result_of(answer: Answer, base: str) -> Result:
    """An answer as dialects tell it: which kind of no it was is in its reasons."""
    state = answer.state if answer.outcome == "pending" else ""
    return Result(
        lead=answer.lead_id,
        standing=_standing_of(answer),
        state=state,
        price="" if answer.price is None else written(answer.price),
        reasons=answer.reasons,
        status_url=f"{base}/v1/leads/{answer.lead_id}" if state else "",
    )


def _standing_of(answer: Answer) -> Standing:
    if answer.outcome == "success":
        return "accepted"
    if answer.outcome == "pending":
        return "held" if answer.state == "held" else "pending"
    codes = {reason.get("code") for reason in answer.reasons}
    if "duplicate" in codes:
        return "duplicate"
    return "no_buyer" if "no_buyer" in codes else "rejected"


def _hidden(turn: _Turn, body: bytes) -> bytes:
    """What was presented as a proof may stand in the body too."""
    for presented in turn.reply.secrets(turn.posted):
        if presented:
            body = body.replace(presented.encode("utf-8", "replace"), b"hidden")
    return body


def _problem_of(error: Exception) -> Refused:
    if is_away(error):
        return NotDurable("the database does not answer; send it again")
    events.emit(events.bug(error, "dialects"))
    return _Broken("something went wrong here; nothing you sent is to blame")


class _Broken(NotDurable):
    status, code, title = 500, "internal", "Something went wrong here"
