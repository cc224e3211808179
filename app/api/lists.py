"""`/admin/v1/lists`: what is on suppression lists, added to, taken off and looked up by programs."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.app import json_of, key_of, parts_of
from app.catalog.documents import ListDoc
from app.core.errors import NotFound
from app.store.suppression import State

router = APIRouter(prefix="/admin/v1/lists", tags=["lists"])

MOST = 10_000
"""Entries of one request; a file of any size is loaded by `leadgate list load`."""

Text = Annotated[str, StringConstraints(max_length=1_000)]
Texts = Annotated[list[Text], Field(max_length=MOST)]


class ListView(BaseModel):
    """A declared list. `changes` are entries added and taken off since it was loaded, not counted in `entries`."""

    id: str
    of: str
    hashed: str | None = None
    tell: bool
    buyer: str | None = None
    entries: int
    changes: int
    loaded_at: datetime | None = None


class EntryChange(BaseModel):
    """As they are written, or as hashes where the list is hashed. What is in both is taken off, then added."""

    model_config = ConfigDict(extra="forbid")

    add: Texts = []
    remove: Texts = []


class NoEntry(BaseModel):
    where: str = Field(description="Its place in the request, as `add.3`.")
    reason: str


class EntryChanged(BaseModel):
    """In force for every lead that is decided from now on. What was refused stands beside it; the rest was done."""

    added: int
    removed: int
    refused: list[NoEntry] = []
    list: str


class Sought(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Text = Field(min_length=1, description="A number, an address, a domain, or its hash.")


class FoundOn(BaseModel):
    """The lists that a lead with this value would be found on."""

    lists: list[str]


def _taking(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.get("", summary="Every suppression list", response_model=list[ListView])
async def every_list(request: Request) -> list[dict[str, Any]]:
    """Every declared list, and how many are on it."""
    key_of(request, "user")
    parts = parts_of(request)
    states = await parts.lists.states()
    return [_view(doc, states.get(doc.id, State(list=doc.id))) for doc in parts.declared().values()]


@router.post(
    "/{id}/entries",
    summary="Put entries on a list, or take them off",
    response_model=EntryChanged,
    openapi_extra=_taking(EntryChange),
)
async def change_entries(id: str, request: Request) -> dict[str, Any]:
    """Put entries on a list and take others off, at most 10,000 each. Twice is the same as once."""
    key_of(request, "user")  # before the body: a stranger's is not even read
    parts = parts_of(request)
    doc = parts.declared().get(id)
    if doc is None:
        raise NotFound("there is no such list")
    said = await json_of(EntryChange, request, parts)
    refused = await parts.lists.change(doc, add=said.add, remove=said.remove)
    wrong = {word: sum(where == word for where, _, _ in refused) for word in ("add", "remove")}
    return {
        "list": id, "added": len(said.add) - wrong["add"], "removed": len(said.remove) - wrong["remove"],
        "refused": [{"where": f"{where}.{at}", "reason": why} for where, at, why in refused],
    }  # fmt: skip


@router.post(
    "/check", summary="On which lists a value is", response_model=FoundOn, openapi_extra=_taking(Sought)
)
async def check(request: Request) -> dict[str, Any]:
    """On which lists a value is. It comes in the body: an address of ours holds nobody's number."""
    key_of(request, "user")
    parts = parts_of(request)
    sought = await json_of(Sought, request, parts)
    found, _ = await parts.lists.look_up(parts.declared().values(), sought.value)
    return {"lists": found}


def _view(doc: ListDoc, state: State) -> dict[str, Any]:
    return {
        "id": doc.id, "of": doc.of, "hashed": doc.hashed, "tell": doc.tell, "buyer": doc.buyer, "entries": state.entries,
        "changes": state.changes, "loaded_at": state.loaded_at,
    }  # fmt: skip
