"""Which form is meant, who may show it, and what a browser is told to allow."""

from urllib.parse import urlencode, urlsplit

from fastapi import Request
from msgspec import Struct

from app.api.app import Parts
from app.api.form.shape import Shape, shape_of
from app.catalog.documents import SourceDoc
from app.core.errors import Foreign, NotFound
from app.pipeline.plans import SourcePlan


class Door(Struct, frozen=True):
    """A source's form, open."""

    shape: Shape
    plan: SourcePlan
    named: bool  # the address names the source
    test: bool

    def query(self, **more: str) -> str:
        """What its own addresses carry on."""
        pairs = {"source": self.shape.source if self.named else "", "test": "1" if self.test else "", **more}
        kept = {name: value for name, value in pairs.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


def door_of(parts: Parts, campaign: str, source: str, *, test: bool = False) -> Door:
    """The source that is named, else the first with a form for this campaign. Raises NotFound."""
    plans = parts.engine.plans()
    doc = _source(plans.snapshot.sources, campaign, source)
    plan = plans.source(doc.id) if doc else None
    if doc is None or plan is None:
        raise NotFound("there is no form at this address")
    if doc.paused:
        raise NotFound(f"source {doc.id} is paused", code="source_off")
    shape = shape_of(plans.snapshot.campaigns[campaign], doc)
    return Door(shape, plan, bool(source), test)


def _source(sources: object, campaign: str, source: str) -> SourceDoc | None:
    assert isinstance(sources, dict)
    having = [s for s in sources.values() if s.form is not None and s.campaign == campaign]
    if source:
        return next((s for s in having if s.id == source), None)
    return min(having, key=lambda s: (s.paused, s.id), default=None)


def refuse_foreign(door: Door, request: Request, parts: Parts) -> None:
    """Whoever asks from a page of another site must be among the form's origins. Raises Foreign."""
    origin = request.headers.get("origin", "")
    if (
        not origin
        or origin in door.shape.doc.origins
        or request.headers.get("sec-fetch-site") == "same-origin"
    ):
        return
    ours = {request.headers.get("host", ""), urlsplit(parts.public_url(request.scope)).netloc}
    if origin == "null" or urlsplit(origin).netloc not in ours:
        raise Foreign("name the site of this page among the form's origins")


def allowed(door: Door, request: Request) -> dict[str, str]:
    """CORS: a page of an allowed site may read the answer, without cookies: there are none."""
    origin = request.headers.get("origin", "")
    if origin not in door.shape.doc.origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }


def security(door: Door | None) -> dict[str, str]:
    """Of a page: nothing of anybody else runs on it, and only allowed sites may frame it."""
    origins = " ".join(door.shape.doc.origins) if door else ""
    thanks = door.shape.doc.thanks.url if door else None
    goes_to = f" {'/'.join(thanks.split('/')[:3])}" if thanks else ""  # a redirect is held to it, too
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        f"form-action 'self'{goes_to}; base-uri 'none'; frame-ancestors {origins or chr(39) + 'none' + chr(39)}"
    )
    return {
        "Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin", "Vary": "Accept, Origin",
    }  # fmt: skip
