"""FastAPI for all that is not the hot path, and for the OpenAPI of everything."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from msgspec import Struct
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app import __version__
from app.api.bodies import Bodies
from app.catalog.documents import ListDoc
from app.core.errors import (
    NoKey,
    NotDurable,
    NotFound,
    NotYours,
    Refused,
    TooLarge,
    Unprocessable,
    Unreadable,
    WrongMethod,
)
from app.core.events import bug, emit
from app.core.metrics import Metrics, Sharing
from app.core.world import World
from app.ingest.reading import Reader
from app.pipeline.amending import Amender
from app.pipeline.batches import Batches
from app.pipeline.engine import Engine
from app.pipeline.feedback import Feedback
from app.pipeline.lists import Lists
from app.pipeline.partials import Partials
from app.pipeline.persons import Persons
from app.pipeline.pinging import Pinger
from app.pipeline.pool_view import PoolView
from app.pipeline.pooling import PoolDesk
from app.pipeline.rehearsing import Rehearser
from app.pipeline.reprocessing import Reprocessor
from app.pipeline.returning import Returns
from app.pipeline.settling import Settler
from app.store.database import TROUBLE, Database
from app.store.keys import KeyEntry


class Parts(Struct, frozen=True):
    """What the routes work with."""

    engine: Engine
    settler: Settler
    database: Database
    sharing: Sharing
    ready: Callable[[], bool]
    public_url: Callable[[Mapping[str, Any]], str]
    world: World
    partials: Partials
    amender: Amender
    reprocessor: Reprocessor
    rehearser: Rehearser
    bodies: Bodies
    batches: Batches
    batch_bytes: int
    body_seconds: float
    metrics: Metrics
    lists: Lists
    declared: Callable[[], Mapping[str, ListDoc]]  # lists, by id
    persons: Persons
    pinger: Pinger
    pool: PoolDesk
    pool_view: PoolView
    reader: Reader
    feedback: Feedback
    returns: Returns
    derived: Callable[[str], bytes]  # a key for one purpose, of the installation's secret


def build_api(parts: Callable[[], Parts]) -> FastAPI:
    """`parts` is asked per request: the application is made before the process is open."""
    from app.api import (
        amend,
        batches,
        confirm,
        confirm_page,
        feedback,
        forms,
        leads,
        lists,
        money,
        ops,
        pages,
        persons,
        ping,
        pool,
        reprocessing,
        returns,
        routing,
        spec,
    )
    from app.api.description import describe

    api = FastAPI(
        title="leadgate", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    api.state.parts = parts
    for module in (
        leads,
        amend,
        batches,
        spec,
        confirm,
        confirm_page,
        feedback,
        returns,
        forms,
        ops,
        pages,
        lists,
        persons,
        routing,
        reprocessing,
        money,
        ping,
        pool,
    ):
        api.include_router(module.router)
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    for trouble in TROUBLE:
        api.add_exception_handler(trouble, _away)
    api.add_exception_handler(Exception, _bug)
    api.openapi = lambda: describe(api)  # type: ignore[method-assign]
    return api


def parts_of(request: Request) -> Parts:
    found: Parts = request.app.state.parts()
    return found


def key_of(request: Request, kind: str) -> KeyEntry:
    """The caller's key, of this kind. A buyer's own people (`inside/dana`) are no operators. Raises NoKey."""
    entry = key_entry(request)
    if entry is None or entry.kind != kind or (kind == "user" and "/" in entry.owner):
        raise NoKey(f"send a {kind}'s key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
    return entry


def key_entry(request: Request) -> KeyEntry | None:
    """The live key that was shown, of whatever kind."""
    authorization = request.headers.get("authorization", "")
    presented = authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""
    return parts_of(request).engine.key(presented or request.headers.get("x-api-key", "").strip())


def id_of(text: str) -> UUID:
    """An id from a path; what is no id names nothing."""
    with suppress(ValueError):
        return UUID(text)
    raise NotYours("there is no such thing")


async def small_body(request: Request, most: int = 65_536) -> bytes:
    """The whole body, read no further than it may be. Raises TooLarge."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise TooLarge(f"a body has at most {most:,} bytes here", headers={"Connection": "close"})
    except ClientDisconnect:
        raise Unreadable("the connection ended before the body did", code="truncated") from None
    return body


async def json_of(model: type[Any], request: Request, parts: Parts) -> Any:
    """The body as this model says it, read under the same bounds as a lead's. Raises Refused."""
    body = await parts.bodies.read(request.receive, request.headers.get("content-length", ""))
    if not body:
        raise Unreadable("the body is empty; send JSON", code="empty")
    try:
        return TypeAdapter(model).validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False, include_context=False)) from None


def problem_response(refused: Refused) -> Response:
    return JSONResponse(
        refused.problem(),
        status_code=refused.status,
        headers=refused.headers,
        media_type="application/problem+json",
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem_response(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(invalid(error.errors()))


def invalid(errors: Sequence[Any]) -> Refused:
    """pydantic's list in our shape: where and what, never the value itself."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return Unreadable("broken JSON", code="syntax")
    where = ".".join(str(part) for part in first["loc"])
    return Unprocessable(f"{where}: {first['msg']}" if where else str(first["msg"]), where=where or None)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_response(
            WrongMethod("another method is needed here", headers=dict(error.headers or {}))
        )
    if error.status_code == 404:
        return problem_response(NotFound("there is nothing at this address"))
    if error.status_code == 400:
        return problem_response(Unreadable("the request can't be read"))
    return problem_response(Unprocessable(str(error.detail)))


async def _away(request: Request, error: Exception) -> Response:
    return problem_response(NotDurable("the database does not answer; try again"))


async def _bug(request: Request, error: Exception) -> Response:
    emit(bug(error, "api"))
    return JSONResponse(
        {"type": "/docs/problems#internal", "title": "Something went wrong here", "status": 500, "code": "internal",
         "detail": "it is logged; try again, and tell us if it stays"},
        status_code=500, media_type="application/problem+json",
    )  # fmt: skip
