"""`/in/{platform}/{source}`: what platforms post. Their own proof is the key; dialects have the same address."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

from msgspec import Struct

from app.api.bodies import Bodies
from app.api.intake import Limits
from app.api.replies import Reply, told
from app.core import events
from app.core.errors import NotDurable, NotFound, Refused, WrongMethod
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.pipeline.engine import Engine
from app.pipeline.plans import SourcePlan
from app.pipeline.platform_door import PlatformDoor

_NO_SUCH = "there is no such platform at a source of that name"
_MOST_PAIRS = 200


class Dialects(Protocol):
    """The door of other lead systems' ways to post, which knows its names."""

    def __call__(
        self, scope: Mapping[str, Any], receive: Any, send: Any, *, name: str, source: str, tail: str
    ) -> Awaitable[None]: ...


class _Place(Struct, frozen=True):
    """Where a request goes: a platform of a source, with what it is told."""

    platform: Platform
    plan: SourcePlan
    settings: Any


class Inbound:
    """Proof first, then durable, then 200 at once: platforms wait for seconds, not for buyers."""

    def __init__(
        self,
        engine: Engine,
        door: PlatformDoor,
        world: World,
        metrics: Metrics,
        *,
        limits: Limits,
        draining: Callable[[], bool],
        dialects: Dialects | None = None,
        is_dialect: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._engine = engine
        self._door = door
        self._world = world
        self._metrics = metrics
        self._draining = draining
        self._dialects = dialects
        self._is_dialect = is_dialect
        self._bodies = Bodies(limits.body_bytes, limits.body_seconds, world)

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        name, source, tail = _named(scope["path"])
        if self._dialects is not None and name not in platforms and self._is_dialect(name):
            await self._dialects(scope, receive, send, name=name, source=source, tail=tail)
            return
        headers = {key.decode("latin-1").lower(): v.decode("latin-1") for key, v in scope["headers"]}
        shared: Sequence[tuple[bytes, bytes]] = ()
        try:
            place = self._place(name, source, tail)
            shared = _shared(place, headers.get("origin", ""))
            reply = _of(await self._said(place, scope, headers, receive, shared=bool(shared)))
        except Refused as refused:
            reply = self._refused(refused)
        await Reply(reply.status, reply.body, reply.content_type, [*reply.headers, *shared]).send(send)

    def _refused(self, refused: Refused) -> Reply:
        self._metrics.count("leadgate_refused_total", (refused.reason,))
        events.emit(events.Refused(code=events.Code(refused.reason), status=refused.status))
        return told(refused)

    def _place(self, name: str, source: str, tail: str) -> _Place:
        """The same answer whether the source, or its platform, or both are unknown."""
        platform = platforms.get(name)
        parts = self._engine.plans().snapshot.source_parts.get(source)
        if platform is None or parts is None or name not in parts.platforms or tail.strip("/"):
            raise NotFound(_NO_SUCH)
        return _Place(platform, self._engine.source(source), parts.platforms[name])

    async def _said(
        self,
        place: _Place,
        scope: Mapping[str, Any],
        headers: Mapping[str, str],
        receive: Any,
        *,
        shared: bool,
    ) -> Said:
        if scope["method"] == "OPTIONS" and shared:
            return _preflight(place.platform, headers)
        if scope["method"] not in place.platform.methods:
            allowed = ", ".join(place.platform.methods)
            raise WrongMethod(f"{place.platform.name} asks with {allowed}", headers={"Allow": allowed})
        if self._draining():
            raise NotDurable("this process is going away; send it again")
        body = await self._bodies.read(receive, headers.get("content-length", ""))
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)[:_MOST_PAIRS]
        asked = Asked(method=scope["method"], query=query, headers=headers, body=body)
        taken = place.platform.take(asked, place.settings, self._world.now().timestamp())
        if isinstance(taken, Said):
            return taken
        remote = (scope.get("client") or ("", 0))[0]
        await self._land(place, taken, remote)
        return place.platform.answer(asked, place.settings)

    async def _land(self, place: _Place, taken: Taken, remote: str) -> None:
        """Durable when it returns; all of it may be done again."""
        began = self._world.monotonic()
        source = place.plan.id
        await self._door.name(place.platform, source, fetch=taken.fetch, delete=taken.delete)
        if taken.keep is not None:
            await self._door.keep(
                place.platform, place.plan, taken.keep, taken.identity, test=taken.test, remote=remote
            )
        self._metrics.observe("leadgate_answer_seconds", (source,), self._world.monotonic() - began)


def _named(path: str) -> tuple[str, str, str]:
    """`/in/google-ads/acme` → google_ads, acme and what stands below."""
    name, _, rest = path.removeprefix("/in/").partition("/")
    source, _, tail = rest.partition("/")
    return name.replace("-", "_"), source, tail


def _of(said: Said) -> Reply:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in said.headers]
    return Reply(said.status, said.body, said.content_type.encode("latin-1"), headers)


def _shared(place: _Place, origin: str) -> Sequence[tuple[bytes, bytes]]:
    """What lets a page's script read the answer, where the platform's settings name that page."""
    pages = place.platform.origins(place.settings)
    if not origin or not (origin in pages or "*" in pages):
        return ()
    return ((b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin"))


def _preflight(platform: Platform, headers: Mapping[str, str]) -> Said:
    wanted = headers.get("access-control-request-headers", "content-type")
    allowed = [
        ("access-control-allow-methods", ", ".join(platform.methods)),
        ("access-control-max-age", "600"),
    ]
    return Said(b"", "text/plain", 204, [*allowed, ("access-control-allow-headers", wanted)])
