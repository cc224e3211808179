"""By which door a submission came and in which format, from what its row says: for whoever tells its story."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.errors import UnknownType
from app.ingest import platform, reply
from app.ingest.body import parameters
from app.ingest.channel import channels
from app.ingest.format import formats
from app.ingest.reading import Reader
from app.store import sent
from app.store.partials import Amendment

_IN_PARTS = {"partial": "POST /v1/leads?partial=1", "completes": "POST /v1/leads?completes", "patch": "PATCH"}


class Arrival(Struct, frozen=True):
    """`format` is the name of what read the body, empty where nothing did or the door says it already."""

    door: str = ""
    format: str = ""
    bytes: int = 0
    lines: Sequence[int] = ()  # where its leads stood in the file that brought them


async def arrivals(conn: Any, first: UUID, parts: Sequence[Amendment] = ()) -> dict[UUID, Arrival]:
    """Of a submission and of what was said after it; those that retention has dropped are missing."""
    kinds = {one.submission_id: one.kind for one in parts}
    rows = await sent.heads(conn, [first, *kinds])
    return {row["id"]: arrival(row, kinds.get(row["id"], "")) for row in rows}


def arrival(row: Mapping[str, Any], kind: str = "") -> Arrival:
    """`kind` is the amendment's, for one that is a later word on a lead."""
    door, told = _door(row, kind)
    format_ = "" if told else format_of(row["content_type"], bytes(row["head"]))
    return Arrival(door, format_, row["bytes"], row["lines"] or ())


async def refused(conn: Any, refusal_id: UUID) -> Arrival:
    """Of a body that was refused; which door refused it is not on record."""
    row = await sent.refused_head(conn, refusal_id)
    return Arrival("", format_of(row["content_type"], bytes(row["head"])), row["bytes"])


def format_of(content_type: str, head: bytes) -> str:
    """By the reader's own decision, which for some types depends on how the body begins."""
    try:
        return _reader().format_of(content_type, head, sniff_untyped=True).name
    except UnknownType:
        return content_type.partition(";")[0].strip().lower() or "without a content type"


def _door(row: Mapping[str, Any], kind: str) -> tuple[str, bool]:
    """Its name, and whether that says the format, too. Types of our own are told apart by nobody else's."""
    content_type, source = row["content_type"], row["source"]
    if name := _ours().get(content_type):
        if row["remote"] == name:
            return f"fetched from {name}", True
        return f"POST /in/{name.replace('_', '-')}/{source}", True
    if row["batch_id"] is not None:
        return f"{row['batch_name'] or 'a file'}, batch …{str(row['batch_id'])[-8:]}", False
    if row["remote"] in channels.discover():
        return f"channel {row['remote']}", False
    if not row["key_hint"]:  # every other door but these asks for a key of ours
        if by := parameters(content_type).get("door"):
            return by.upper(), False
        return f"form of {source}", True
    if kind or row["begun"]:
        return _IN_PARTS[kind or "partial"], False
    return "POST /v1/leads", False


@cache
def _reader() -> Reader:
    return Reader(formats.discover())


@cache
def _ours() -> Mapping[str, str]:
    """Content type → the platform or dialect that keeps what comes under it."""
    named = {platform.type_of(one.name): one.name for one in platform.platforms.discover()}
    return named | {reply.type_of(one.name): one.name for one in reply.replies.discover()}
