"""`/v1/batches`: a file of leads comes in as it is, of any size, and says how far it is and what was wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.api.app import Parts, id_of, key_of, parts_of
from app.api.uploads import received
from app.core.errors import NotYours, UnknownType, Unprocessable, Unreadable
from app.ingest.body import shown
from app.model import Raw
from app.pipeline.batch_errors import error_file
from app.pipeline.batch_spool import identity_of
from app.pipeline.batches import Given, Preview
from app.store import batches as store
from app.store.batches import Batch
from app.store.database import TROUBLE
from app.store.intake import KEPT_OF_A_REFUSED_BODY, Refusal

router = APIRouter(tags=["batches"])

_KEY_BYTES = 255


class Column(BaseModel):
    """Where a column goes. `by`: said in `map`, the source's mapping, a name that is alike, its values."""

    column: str
    field: str | None = Field(None, description="None: kept aside.")
    by: str = ""


class BatchProblem(BaseModel):
    code: str
    detail: str
    where: str | None = None


class BatchState(BaseModel):
    """`kept` rows are durable, `refused` ones could not be read; of the kept ones the next five say what
    became of them so far. `reading` → `deciding` → `done`; `failed`: the rest of the file can't be read;
    `cancelled`: no more of it is."""

    id: str
    name: str
    state: Literal["reading", "deciding", "done", "failed", "cancelled"]
    size: int = Field(description="Bytes of the file.")
    read: int = Field(description="Bytes of it that are read.")
    rows: int
    kept: int
    refused: int
    accepted: int
    rejected: int
    held: int
    parked: int = Field(description="Put aside for a person at the operator's.")
    undecided: int
    test: bool = False
    mapping: dict[str, str] = Field(
        {}, description="Column → the name under which it is kept, where that differs."
    )
    columns: list[Column] | None = None
    problem: BatchProblem | None = None
    created_at: datetime
    read_at: datetime | None = None
    ended_at: datetime | None = None
    status_url: str
    errors_url: str


class BatchPage(BaseModel):
    """Your batches, the newest first; `next` is where older ones are."""

    batches: list[BatchState]
    next: str | None = None


class BatchPreview(BaseModel):
    """How the file would be read; nothing was begun."""

    kind: str
    columns: list[Column]
    first: list[dict[str, Any]] = Field(description="The first rows, as they would be kept.")
    lacking: list[str] = Field([], description="Required fields that none of the first rows has.")


Name = Annotated[str, Query(max_length=255, description="The file's name, for you to know it by.")]
Map = Annotated[
    list[str] | None, Query(description="`column=field`, once for each; `column=` keeps it aside.")
]
Test = Annotated[bool, Query(description="Every row is a test lead: nothing of it is counted or owed.")]
Before = Annotated[UUID | None, Query(description="Batches older than this one.")]
Limit = Annotated[int, Query(ge=1, le=100)]
Look = Annotated[bool, Query(alias="preview", description="Only say how it would be read.")]


@router.post(
    "/v1/batches",
    summary="Send a file of leads",
    status_code=202,
    response_model=BatchState,
    response_model_exclude_none=True,
    responses={
        200: {"model": BatchState | BatchPreview, "description": "A preview, or a batch that was there."}
    },
)
async def begin(
    request: Request,
    response: Response,
    name: Name = "",
    map: Map = None,
    test: Test = False,
    preview: Look = False,
) -> Any:
    """Send a file as the body: CSV, XLSX, ODS, one JSON object a line, RSS. `202` when all of it is on the disk."""
    entry, parts = key_of(request, "source"), parts_of(request)
    parts.engine.source(entry.owner)
    said, batch_id, spool = _said(map or []), parts.world.new_id(), parts.batches.spool
    dropped = True
    try:
        identity, kind = _identity(request), _kind(request)
        digest = await received(request, parts, spool.part(batch_id))
        given = Given(
            file=spool.part(batch_id), fingerprint=digest.fingerprint, size=digest.size, name=name,
            content_type=kind, identity=identity, said=said, test=test or entry.test,
            remote=request.client.host if request.client else "", key_hint=entry.last4,
        )  # fmt: skip
        try:
            found = await parts.batches.preview(entry.owner, given)
        except Unreadable as why:
            _note(parts, entry.owner, given, why)
            raise
        if preview:
            response.status_code = 200
            return Response(previewed(found).model_dump_json(), media_type="application/json")
        spool.place(batch_id)
        batch, new = await parts.batches.begin(entry.owner, given, batch_id=batch_id, shown=found)
        dropped = not new
    except TROUBLE:  # it may have begun: the file stays for whoever finds the batch
        dropped = False
        raise
    finally:
        if dropped:
            spool.drop(batch_id)
    response.status_code = 202 if new else 200
    view = _view(batch, parts.public_url(request.scope), columns=_columns(found))
    response.headers["Location"] = view["status_url"]
    return view


@router.get(
    "/v1/batches", summary="Your own batches", response_model=BatchPage, response_model_exclude_none=True
)
async def batch_list(request: Request, before: Before = None, limit: Limit = 20) -> Any:
    """Your own batches, the newest first."""
    entry, parts = key_of(request, "source"), parts_of(request)
    async with parts.database.promptly() as conn:
        found = await store.of_source(conn, entry.owner, before, limit + 1)
    base = parts.public_url(request.scope)
    page: dict[str, Any] = {"batches": [_view(batch, base) for batch in found[:limit]]}
    if len(found) > limit:
        page["next"] = f"{base}/v1/batches?before={found[limit - 1].id}&limit={limit}"
    return page


@router.post(
    "/v1/batches/{id}/cancel",
    summary="Read no more of a batch",
    response_model=BatchState,
    response_model_exclude_none=True,
)
async def batch_cancel(id: str, request: Request) -> Any:
    """Read no more of one of your own batches. Its rows that are durable stay leads; `409` where all of them are."""
    batch, parts = await _own(id, request)
    return _view(await parts.batches.cancel(batch.id), parts.public_url(request.scope))


@router.get(
    "/v1/batches/{id}",
    summary="How far a batch is",
    response_model=BatchState,
    response_model_exclude_none=True,
)
async def batch_state(id: str, request: Request) -> Any:
    """How far one of your own batches is; another source's does not exist for you."""
    batch, parts = await _own(id, request)
    return _view(batch, parts.public_url(request.scope))


@router.get(
    "/v1/batches/{id}/errors",
    summary="The rows that were not taken",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}, "description": "The file."}},
)
async def batch_errors(id: str, request: Request) -> Response:
    """The rows that were rejected or could not be read, in the format they came in, with a column `reason`."""
    batch, parts = await _own(id, request)
    file = error_file(parts.database, batch)
    disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-store"}
    return StreamingResponse(file.chunks, media_type=file.content_type, headers=headers)


async def _own(id: str, request: Request) -> tuple[Batch, Parts]:
    entry, parts = key_of(request, "source"), parts_of(request)
    async with parts.database.promptly() as conn:
        batch = await store.by_id(conn, id_of(id))
    if batch is None or batch.source != entry.owner:
        raise NotYours("there is no such batch")
    return batch, parts


# what was sent --------------------------------------------------------------------------------------


def _said(pairs: Sequence[str]) -> dict[str, str]:
    """The last `=` parts them: a column's name may hold one, a field's doesn't."""
    for pair in pairs:
        if "=" not in pair:
            raise Unprocessable(f"map {shown(pair)!r} has no =; write map=column=field", where="map")
    return {column: field.strip() for column, _, field in (pair.rpartition("=") for pair in pairs)}


def _identity(request: Request) -> bytes:
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > _KEY_BYTES:
        raise Unprocessable(f"an Idempotency-Key has at most {_KEY_BYTES} bytes")
    return identity_of(f"key:{key}") if key else b""


def _kind(request: Request) -> str:
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/"):
        raise UnknownType("send the file itself as the body, not as a form: curl --data-binary @FILE")
    return kind


def _note(parts: Parts, source: str, given: Given, why: Unreadable) -> None:
    """For a person to see, as at the other doors."""
    with given.file.open("rb") as file:
        head = file.read(KEPT_OF_A_REFUSED_BODY)
    refusal = Refusal.of(
        why, id=parts.world.new_id(), source=source, at=parts.world.now(), content_type=given.content_type, body=head
    )  # fmt: skip
    parts.engine.receiver.note_refusal(refusal)


# what is told ---------------------------------------------------------------------------------------


def _view(batch: Batch, base: str, **more: Any) -> dict[str, Any]:
    url = f"{base}/v1/batches/{batch.id}"
    return {**standing(batch), "status_url": url, "errors_url": f"{url}/errors", **more}


def standing(batch: Batch) -> dict[str, Any]:
    return {
        "id": str(batch.id), "name": batch.name, "state": batch.state, "size": batch.size, "read": batch.read_bytes,
        "rows": batch.rows, "kept": batch.kept, "refused": batch.refused, "accepted": batch.accepted,
        "rejected": batch.rejected, "held": batch.held, "parked": batch.parked, "undecided": batch.undecided,
        "test": batch.test, "mapping": batch.mapping, "problem": batch.problem, "created_at": batch.created_at,
        "read_at": batch.read_at, "ended_at": batch.ended_at,
    }  # fmt: skip


def _columns(found: Preview) -> list[Column]:
    return [Column(column=one.column, field=one.field, by=one.by) for one in found.guesses]


def previewed(found: Preview) -> BatchPreview:
    first = [_named(record, found.names) for _, record in found.look.first]
    return BatchPreview(
        kind=found.look.shape.kind, columns=_columns(found), first=first, lacking=list(found.lacking)
    )


def _named(record: Mapping[str, Raw], names: Mapping[str, str]) -> dict[str, Raw]:
    return {names.get(column, column): raw for column, raw in record.items()}
