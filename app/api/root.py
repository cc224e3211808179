"""The outermost ASGI application: the raw routes first, FastAPI for everything else."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.api.amend import in_parts
from app.api.inbound import Inbound
from app.api.intake import Intake, Request
from app.api.proxies import Proxies
from app.api.replies import Reply, problem, told
from app.core.errors import NotDurable
from app.core.events import bug, emit
from app.store.database import is_away


class Root:
    """`start` and `stop` are the process's; a start that fails ends the server."""

    def __init__(
        self,
        api: Any,
        *,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
        proxies: Proxies | None = None,
    ) -> None:
        self._api = api
        self.proxies = proxies
        self._start = start
        self._stop = stop
        self.intake: Intake | None = None
        self.inbound: Inbound | None = None

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if self.proxies is not None and scope["type"] == "http":
            scope = self.proxies.behind(scope)
        if scope["type"] == "http" and scope["path"] == "/v1/leads" and not in_parts(scope["query_string"]):
            await self._through(self.intake, scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/in/"):
            await self._through(self.inbound, scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._api(scope, receive, send)

    async def _through(
        self, door: Intake | Inbound | None, scope: Mapping[str, Any], receive: Any, send: Any
    ) -> None:
        if door is None:
            await problem(send, NotDurable("this process is starting"))
            return
        try:
            await door(scope, receive, send)
        except Exception as error:
            await _broken(send, error)

    async def post(self, request: Request, body: bytes) -> Reply:
        """`POST /v1/leads` for a request that is here whole."""
        if self.intake is None:
            return told(NotDurable("this process is starting"))
        try:
            return await self.intake.post(request, body)
        except Exception as error:
            return told(_problem_of(error))

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _broken(send: Any, error: Exception) -> None:
    await problem(send, _problem_of(error))


def _problem_of(error: Exception) -> NotDurable:
    if is_away(error):
        return NotDurable("the database does not answer; send it again")
    emit(bug(error, "intake"))
    return _Broken("something went wrong here; nothing you sent is to blame")


class _Broken(NotDurable):
    status, code, title = 500, "internal", "Something went wrong here"
