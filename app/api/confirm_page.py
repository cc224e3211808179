"""`/c/{delivery}`: a person confirms a delivery by the link in it. Looking changes nothing; mail scanners look."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from app.api.app import Parts, id_of, parts_of
from app.api.spec import HIDDEN
from app.core.errors import Conflict, NotFound, NotYours
from app.model import Accepted
from app.pipeline.confirm_link import PURPOSE
from app.pipeline.spec_link import standing_of

router = APIRouter(include_in_schema=False)
_PAGES = Environment(loader=PackageLoader("app.api"), autoescape=select_autoescape(), trim_blocks=True)


@router.get("/c/{delivery}")
async def look(delivery: str, request: Request, expires: str = "", sig: str = "") -> Response:
    """A button, and nothing of the lead: whoever reads the mail knows it, and nobody else should."""
    _checked(parts_of(request), delivery, expires, sig)
    return _page("ask")


@router.post("/c/{delivery}")
async def press(delivery: str, request: Request, expires: str = "", sig: str = "") -> Response:
    parts = parts_of(request)
    id_ = _checked(parts, delivery, expires, sig)
    confirmed = Accepted(read="confirmed by the link in the delivery")
    try:
        step = await parts.settler.settle(id_, confirmed, by="link")
    except Conflict:
        return _page("ended", 409)
    if step is not None:
        parts.engine.follow(step)
    return _page("done")


def _checked(parts: Parts, delivery: str, expires: str, sig: str) -> UUID:
    """The delivery that the link is for. Raises NotYours and NotFound."""
    id_ = id_of(delivery)
    standing = standing_of(parts.derived(PURPOSE), str(id_), expires, sig, parts.world.now())
    if standing == "forged":
        raise NotYours("there is nothing at this address", headers=HIDDEN)
    if standing == "expired":
        raise NotFound("this link has expired; tell us by another way", code="link_expired", headers=HIDDEN)
    return id_


def _page(state: str, status: int = 200) -> Response:
    page = _PAGES.get_template("confirm.html").render(state=state)
    return Response(page, status_code=status, media_type="text/html", headers=HIDDEN)
