"""`GET /v1/spec`: a source reads its own posting instructions, and `/spec/{source}` whoever was given a link."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from app.api.app import key_of, parts_of
from app.core.errors import NotFound, NotYours
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.pipeline.spec import Known, Spec, spec_of
from app.pipeline.spec_history import dated, with_changes
from app.pipeline.spec_link import PURPOSE, standing_of
from app.validate.check import checks

router = APIRouter(tags=["intake"])
_PAGES = Environment(loader=PackageLoader("app.api"), autoescape=select_autoescape(), trim_blocks=True)
_PAGES.globals["pretty"] = lambda body: json.dumps(body, indent=2, ensure_ascii=False)
KNOWN = Known(fieldtypes, checks, formats)
# A link is a right to read: it stays out of caches, indexes and other pages' logs.
HIDDEN = {
    "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}  # fmt: skip
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, X-API-Key"}

Since = Annotated[
    int | None,
    Query(ge=0, lt=2**63, description="A catalogue version: `changes` says which fields differ from then."),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Your fields, answers, tests and samples; the samples hold KEY, never a key. `ETag` is its state.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    },
    304: {"description": "What `If-None-Match` names is still so."},
}


@router.get("/v1/spec", summary="Your own posting instructions", response_model=Spec, responses=_ANSWERS)
async def spec(request: Request, since: Since = None) -> Response:
    """Your own posting instructions: a page where Accept prefers HTML, else JSON."""
    kind: Literal["html", "json"] = "html" if prefers_page(request) else "json"
    return await _answer(request, since, kind)


@router.get(
    "/v1/spec.json",
    summary="Your own posting instructions, as JSON",
    response_model=Spec,
    responses={304: _ANSWERS[304]},
)
async def spec_json(request: Request, since: Since = None) -> Response:
    """The same as JSON, whatever Accept says."""
    return await _answer(request, since, "json")


@router.get("/v1/spec.html", include_in_schema=False)
async def spec_html(request: Request, since: Since = None) -> Response:
    """The same as a page that can be saved and printed."""
    return await _answer(request, since, "html")


@router.get("/spec/{source}", include_in_schema=False)
async def linked(
    source: str,
    request: Request,
    expires: str = "",
    sig: str = "",
    shown: Annotated[str, Query(alias="as")] = "",
) -> Response:
    """The same for whoever has a signed link (`leadgate spec ID --link`); it opens nothing else."""
    parts = parts_of(request)
    standing = standing_of(parts.derived(PURPOSE), source, expires, sig, parts.world.now())
    if standing == "forged":
        raise NotYours("there is nothing at this address", headers=HIDDEN)
    if standing == "expired":
        raise NotFound("this link has expired; ask for a new one", code="link_expired", headers=HIDDEN)
    told = await _spec(request, source, None)
    if shown == "json":
        return Response(told.model_dump_json(), media_type="application/json", headers=HIDDEN)
    as_json = str(request.url.include_query_params(**{"as": "json"}).replace(scheme="", netloc=""))
    return Response(page(told, as_json), media_type="text/html", headers=HIDDEN)


def prefers_page(request: Request) -> bool:
    """As browsers ask: HTML is named, and JSON isn't wanted as much."""
    wanted = dict(_weights(request.headers.get("accept", "").lower()))
    return wanted.get("text/html", 0) > wanted.get("application/json", 0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        with suppress(ValueError):
            yield kind, float(quality)


def page(told: Spec, as_json: str = "") -> str:
    """One page without script, for a screen of any width and for paper. `as_json`: where it is to be had so."""
    return _PAGES.get_template("spec.html").render(
        spec=told, as_json=as_json or "/v1/spec.json", base=told.endpoint.removesuffix("/v1/leads")
    )


async def _answer(request: Request, since: int | None, kind: Literal["html", "json"]) -> Response:
    told = await _told(request, since)
    body = (page(told) if kind == "html" else told.model_dump_json()).encode()
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {**_HEADERS, "ETag": tag}
    known = request.headers.get("if-none-match", "")
    if tag in (one.strip().removeprefix("W/") for one in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/html" if kind == "html" else "application/json", headers=headers)


async def _told(request: Request, since: int | None) -> Spec:
    return await _spec(request, key_of(request, "source").owner, since)


async def _spec(request: Request, source: str, since: int | None) -> Spec:
    parts = parts_of(request)
    snapshot = parts.engine.plans().snapshot
    told = spec_of(snapshot, source, KNOWN, base=parts.public_url(request.scope))
    if told is None:
        raise NotFound(f"source {source} is not configured", code="source_off")
    campaign = snapshot.sources[source].campaign
    async with parts.database.acquire() as conn:
        told = await dated(conn, told, campaign, KNOWN)
        return told if since is None else await with_changes(conn, told, since, snapshot.version, KNOWN)
