"""`POST /admin/v1/leads/{id}/reprocess`: one more round of a lead, by the word of who operates the gate."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.amend import ANSWERS, mark_of
from app.api.app import id_of, key_of, parts_of
from app.api.leads import Reason

router = APIRouter(prefix="/admin/v1/leads", tags=["leads"])

DryRun = Annotated[
    Literal["", "0", "1", "true", "false"],
    Query(description="Say what would become of it, and change nothing."),
]


class NextRound(BaseModel):
    """What one more round would come to, before any service or buyer is asked."""

    lead: str
    round: int
    was: str
    state: str
    reasons: list[Reason]
    asked: list[str] = Field(description="The contracts that it would go to first.")
    not_asked: list[str] = Field(description="Services, and `bidders`, whose word may change all of it.")
    dry_run: Literal[True]


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Of a dry run: what would become of it.", "model": NextRound},
    **ANSWERS,
}


@router.post(
    "/{id}/reprocess",
    summary="One more round of a lead of any source",
    response_class=Response,
    responses=_ANSWERS,
    status_code=201,
)
async def reprocess(id: str, request: Request, dry_run: DryRun = "") -> Response:
    """One more round of a lead that is held, rejected or unsold: mapped, checked and routed as if it came today.

    By the same rules as its source's own wish. Its source is told as it is of any outcome that it does not wait for.
    """
    entry, parts, lead_id = key_of(request, "user"), parts_of(request), id_of(id)
    if dry_run in ("1", "true"):
        return JSONResponse((await parts.reprocessor.foretold(lead_id)).document())
    by = f"user {entry.owner}"
    answer = await parts.reprocessor.by_operator(lead_id, by=by, key=mark_of(request, lead_id, by=by))
    status = 202 if answer.outcome == "pending" else 201
    return JSONResponse(answer.document(parts.public_url(request.scope)), status)
