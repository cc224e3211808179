"""`/f/{campaign}`: the hosted form, its script and its style, for visitors who have no key."""

import hashlib
from asyncio import timeout
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.api.app import parts_of, problem_response, small_body
from app.api.form import page
from app.api.form.doors import Door, allowed, door_of, refuse_foreign, security
from app.api.form.sent import MOST_BYTES, from_script, read
from app.api.form.submission import Done, begin, leave, submit
from app.api.spec import prefers_page
from app.core.errors import Refused, TooSlow

router = APIRouter(include_in_schema=False)
_KEEP = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
_BODY_SECONDS = 30
_YES = ("1", "true")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "600",
}  # fmt: skip


@router.get("/f/{campaign}.js")
async def script(request: Request) -> Response:
    """Embeds the form on any page, or attaches to a form that is there."""
    return _static(request, page.SCRIPT, "text/javascript")


@router.get("/f/{campaign}.css")
async def style(campaign: str, request: Request, source: str = "") -> Response:
    """Whatever is not known here has the usual colour: a notice has to look like something."""
    try:
        colour = door_of(parts_of(request), campaign, source).shape.doc.colour
    except Refused:
        return _static(request, page.style(), "text/css")
    return _static(request, page.style(colour), "text/css")


@router.get("/f/{campaign}")
async def show(campaign: str, request: Request, source: str = "", test: str = "") -> Response:
    """The form: a page for a browser, JSON for the script on a page that may show it."""
    door: Door | None = None
    try:
        parts = parts_of(request)
        door = door_of(parts, campaign, source, test=test in _YES)
        refuse_foreign(door, request, parts)
        view = begin(parts, door, request)
    except Refused as refused:
        return _refused(request, refused, door)
    if wants_page(request):
        return Response(page.whole(view), media_type="text/html", headers=security(door))
    body = {
        "outcome": "form", "html": page.part(view), "added": page.additions(view), "token": view.token,
        "partial": door.shape.doc.partial,
    }  # fmt: skip
    return _json(body, 200, door, request)


@router.options("/f/{campaign}")
@router.options("/f/{campaign}/partial")
async def preflight(campaign: str, request: Request, source: str = "") -> Response:
    """A script of an allowed page may post JSON."""
    try:
        parts = parts_of(request)
        door = door_of(parts, campaign, source)
        refuse_foreign(door, request, parts)
    except Refused as refused:
        return problem_response(refused)
    return Response(status_code=204, headers={**_PREFLIGHT, **allowed(door, request)})


@router.post("/f/{campaign}")
async def take(campaign: str, request: Request, source: str = "", test: str = "") -> Response:
    """What a visitor sends: kept and thanked for, or shown again with what is to be mended."""
    door: Door | None = None
    try:
        parts = parts_of(request)
        began = parts.world.monotonic()
        door = door_of(parts, campaign, source, test=test in _YES)
        refuse_foreign(door, request, parts)
        sent = read(await _body(request), request.headers.get("content-type", ""))
        done = await submit(parts, door, request, sent, began)
    except Refused as refused:
        return _refused(request, refused, door)
    return _answer(done, door, request, script=not wants_page(request))


@router.post("/f/{campaign}/partial")
async def partial(campaign: str, request: Request, source: str = "", test: str = "") -> Response:
    """The script's last word when its visitor goes away; nobody is there to read an answer."""
    door: Door | None = None
    try:
        parts = parts_of(request)
        door = door_of(parts, campaign, source, test=test in _YES)
        refuse_foreign(door, request, parts)
        await leave(parts, door, request, from_script(await _body(request)))
    except Refused as refused:
        return _refused(request, refused, door)
    return Response(status_code=204, headers=allowed(door, request))


@router.get("/f/{campaign}/thanks")
async def thanks(campaign: str, request: Request, source: str = "") -> Response:
    """The same for everybody: it says nothing of any lead."""
    try:
        door = door_of(parts_of(request), campaign, source)
    except Refused as refused:
        return _refused(request, refused, None, root="../")
    return Response(page.thanks(door.shape), media_type="text/html", headers=security(door))


def wants_page(request: Request) -> bool:
    """A page for whoever doesn't ask for JSON, as our script does: a link's preview asks for anything."""
    return "application/json" not in request.headers.get("accept", "") or prefers_page(request)


async def _body(request: Request) -> bytes:
    try:
        async with timeout(_BODY_SECONDS):
            return await small_body(request, MOST_BYTES)
    except TimeoutError:
        raise TooSlow(
            f"the whole body must be here within {_BODY_SECONDS} seconds", headers={"Connection": "close"}
        ) from None


def _answer(done: Done, door: Door, request: Request, *, script: bool) -> Response:
    if script:
        return _json(_told(done, door), done.status, door, request, done.headers)
    if done.view is None:
        address = door.shape.doc.thanks.url or f"{door.shape.campaign}/thanks{door.query()}"
        return Response(status_code=303, headers={**security(door), "Location": address})
    headers = {**security(door), **done.headers}
    return Response(page.whole(done.view), done.status, media_type="text/html", headers=headers)


def _told(done: Done, door: Door) -> dict[str, Any]:
    if done.view is None:
        return {"outcome": "thanks", "html": page.thanks_part(door.shape), "url": door.shape.doc.thanks.url}
    view = done.view
    errors = [{"field": f.name, "names": f.names or (f.name,), "message": f.message} for f in view.faults]
    outcome = "again" if errors or view.notice else "step"
    return {
        "outcome": outcome, "errors": errors, "notice": view.notice, "html": page.part(view),
        "added": page.additions(view), "token": view.token,
    }  # fmt: skip


def _json(
    body: Any, status: int, door: Door, request: Request, more: Mapping[str, str] | None = None
) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **allowed(door, request)}
    return JSONResponse(body, status_code=status, headers={**headers, **(more or {})})


_WORDS = {
    403: (
        "This form can't be used from there",
        "The site that you came from is not among those that may show it.",
    ),
    404: ("There is no form here", "The address may be old, or the form is closed at the moment."),
    413: ("That was too much", "Shorten your answers, and send them again."),
}


def _refused(request: Request, refused: Refused, door: Door | None, *, root: str = "") -> Response:
    """In words for a person, or the problem for the script, which may read it where the form may be shown."""
    if not wants_page(request):
        response = problem_response(refused)
        response.headers.update(allowed(door, request) if door else {})
        return response
    usual = ("That could not be read", "Go back, check your answers, and send them again.")
    text = page.notice(*_WORDS.get(refused.status, usual), root=root)
    headers = {**security(door), **refused.headers}
    return Response(text, refused.status, media_type="text/html", headers=headers)


def _static(request: Request, text: str, kind: str) -> Response:
    tag = f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
    headers = {**_KEEP, "ETag": tag, "Cross-Origin-Resource-Policy": "cross-origin"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=kind, headers=headers)
