"""Pages for people: what the API takes and answers, and what each problem means. No script, no third party."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

router = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> Any:
    return HTMLResponse("<h1>leadgate</h1>" + str(request.app.title))


@router.get("/")
async def home() -> RedirectResponse:
    return RedirectResponse("/docs")
