"""`/admin/v1/persons`: what is known of a person, given out or erased by programs, and the proof of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.app import Parts, id_of, json_of, key_of, parts_of
from app.core.errors import NotFound
from app.pipeline.person_export import export
from app.pipeline.persons import Found, Proof
from app.pipeline.whom import Kind

router = APIRouter(prefix="/admin/v1/persons", tags=["persons"])

Text = Annotated[str, StringConstraints(min_length=1, max_length=320)]


class Sought(BaseModel):
    """Who is meant, in the body: an address of ours holds nobody's contact."""

    model_config = ConfigDict(extra="forbid")

    who: Text = Field(description="An e-mail, a telephone number, or the id of a lead.")
    kind: Kind | None = Field(None, description="As what it is meant, where that is not seen.")
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] = Field(
        "US", description="Whose number it is where no country code is written."
    )
    alone: bool = Field(False, description="That lead only, not what else has one of its contacts.")


class Erasing(Sought):
    suppress: list[Annotated[str, StringConstraints(max_length=63)]] = Field(
        [], max_length=20, description="Suppression lists that the contact is put on."
    )
    dry_run: bool = Field(False, description="Say how much it is, and erase nothing.")


class ProofView(BaseModel):
    """That it was done; no personal datum is in it. `left` are leads that are being handed over: open until they end."""

    id: str
    kind: Literal["erase", "export"]
    state: Literal["open", "done"]
    by: str
    asked_at: datetime
    done_at: datetime | None = None
    rows: dict[str, int]
    buyers: dict[str, int]
    lists: list[str]
    left: int
    digest: str | None = None
    intact: bool | None = None


class FoundView(BaseModel):
    leads: int
    not_decided: int
    refused: int
    rows_not_read: int


def _taking(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/export",
    summary="Everything that is known of a person",
    openapi_extra=_taking(Sought),
    response_model=dict[str, Any],
)
async def export_person(request: Request) -> Response:
    """Everything that is known of a person, as one document. That it was given out is noted (`Leadgate-Request`)."""
    key = key_of(request, "user")
    parts = parts_of(request)
    found = await _found(parts, await json_of(Sought, request, parts))
    names = {id_: doc.name for id_, doc in parts.engine.plans().snapshot.buyers.items()}
    made = await export(
        parts.database, parts.persons.reader, parts.persons, found, by=f"user {key.owner}", buyers=names,
        at=parts.world.now(),
    )  # fmt: skip
    headers = {"Leadgate-Request": str(made.request.id), "Cache-Control": "no-store"}
    return Response(made.document, media_type="application/json", headers=headers)


@router.post(
    "/erase", summary="Erase a person", openapi_extra=_taking(Erasing), response_model=ProofView | FoundView
)
async def erase_person(request: Request) -> dict[str, Any]:
    """Erase a person wherever it is known. What is being handed over ends first: the answer is `open` until then."""
    key = key_of(request, "user")
    parts = parts_of(request)
    said = await json_of(Erasing, request, parts)
    found = await _found(parts, said)
    if said.dry_run:
        return {
            "leads": len(found.leads), "not_decided": len(found.undecided), "refused": len(found.refusals),
            "rows_not_read": len(found.lines),
        }  # fmt: skip
    done = await parts.persons.erase(found, by=f"user {key.owner}", suppress=said.suppress)
    return _view(await parts.persons.proof(done.id))


@router.get("/requests/{id}", summary="The proof of an export or an erasure", response_model=ProofView)
async def person_proof(id: str, request: Request) -> dict[str, Any]:
    """The proof of an export or an erasure."""
    key_of(request, "user")
    return _view(await parts_of(request).persons.proof(id_of(id)))


async def _found(parts: Parts, said: Sought) -> Found:
    found = await parts.persons.find(
        parts.persons.whom(said.who, country=said.country, kind=said.kind), alone=said.alone
    )
    if found.nothing:
        raise NotFound("nothing is known of that person")
    return found


def _view(found: Proof) -> dict[str, Any]:
    one = found.request
    return {
        "id": str(one.id), "kind": one.kind, "state": one.state, "by": one.by_whom, "asked_at": one.asked_at,
        "done_at": one.done_at, "rows": one.rows, "buyers": one.buyers, "lists": one.lists, "left": found.left,
        "digest": one.digest.hex() if one.digest else None, "intact": found.intact,
    }  # fmt: skip
