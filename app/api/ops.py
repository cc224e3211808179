"""What monitoring asks: alive, ready, and the metrics of all processes."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app import __version__
from app.api.app import parts_of
from app.core.metrics import expose
from app.store.database import is_away

router = APIRouter(tags=["ops"])


@router.get("/healthz", summary="Whether the process runs")
async def healthz() -> dict[str, str]:
    """The process runs. Says nothing of the database: restarting us would not mend that."""
    return {"status": "ok", "version": __version__}


@router.get(
    "/readyz",
    summary="Whether a lead can be made durable now",
    responses={503: {"description": "No lead can be made durable now."}},
)
async def readyz(request: Request) -> Response:
    """A lead sent now would be made durable."""
    try:
        parts = parts_of(request)
        if not parts.ready():
            return _not_ready("starting or draining")
        took = await parts.database.ping()
    except Exception as error:
        if isinstance(error, AttributeError) or is_away(error):
            return _not_ready("the database does not answer")
        raise
    return JSONResponse({"status": "ready", "database_ms": round(took * 1000, 2)})


def _not_ready(why: str) -> Response:
    return JSONResponse({"status": "not ready", "why": why}, status_code=503, headers={"Retry-After": "2"})


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Any:
    """Prometheus text of every process of this service."""
    return Response(
        expose(parts_of(request).sharing.read_all()), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
