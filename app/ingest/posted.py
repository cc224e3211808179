"""Takes a request apart as its dialect has it: the lead on one side, what is said to the system on the other."""

import re
from collections.abc import Mapping

import orjson
from msgspec.structs import replace

from app.core.errors import Unreadable
from app.ingest.body import no_fields
from app.ingest.raw import written
from app.ingest.reading import Reader
from app.ingest.reply import Asked, Posted, Reply
from app.model import Record

FORM = "application/x-www-form-urlencoded"
_FIRST = re.compile(r"[^.@]*")


def opened(reply: Reply, asked: Asked, reader: Reader) -> Posted:
    """What is known before the body is: the words of path and query. Raises Unreadable."""
    record = _of_query(reply, asked, reader)
    words = {**reply.said_by_path(asked.tail), **_words(reply, record)}
    return Posted(asked=asked, words=words, records=(_without(reply, record),))


def whole(reply: Reply, posted: Posted, reader: Reader) -> Posted:
    """With the body, over whose fields those of the query go. Raises Unreadable, UnknownType."""
    asked, from_query = posted.asked, posted.records[0]
    found = [] if asked.method == "GET" or not asked.body.strip() else _of_body(reply, posted, reader)
    if len(found) > 1 and not reply.several:
        raise Unreadable("one request holds one lead here", code="records")
    bodies = [_unwrapped(reply, record) for record in found] or [Record()]
    words = {**_words(reply, bodies[0]), **posted.words}
    records = [reply.renamed(_without(reply, record) | from_query) for record in bodies]
    return replace(posted, words=words, records=records)


def refuse_without_fields(posted: Posted) -> None:
    for index, record in enumerate(posted.records):
        if not record:
            raise no_fields(str(index) if len(posted.records) > 1 else None)


def kept_body(posted: Posted) -> bytes:
    """What is stored: the lead's fields, one or several, and nothing of what was said beside them."""
    records = posted.records
    return orjson.dumps(records[0] if len(records) == 1 else list(records))


def _of_query(reply: Reply, asked: Asked, reader: Reader) -> Record:
    if not asked.query.strip(b"&? "):
        return {}
    return _unwrapped(reply, reader.read(asked.query, FORM)[0])


def _of_body(reply: Reply, posted: Posted, reader: Reader) -> list[Record]:
    body, kind = posted.asked.body, reply.content_type(posted)
    if not reply.strict and kind.lower().startswith(FORM) and body.lstrip()[:1] in (b"<", b"{"):
        kind = ""  # what curl and PHP say of everything
    try:
        return reader.read(body, kind, sniff_untyped=not reply.strict)
    except Unreadable:
        mended = reply.mended(body)
        if mended is None:
            raise
        return reader.read(mended, kind, sniff_untyped=not reply.strict)


def _unwrapped(reply: Reply, record: Record) -> Record:
    """A name that stands both inside and outside of what it is nested under means the one outside."""
    if not reply.wraps:
        return record
    found: Record = {}
    for name, value in record.items():
        for wrap in reply.wraps:
            if name.lower().startswith(wrap + "."):
                name = name[len(wrap) + 1 :]
        found.setdefault(name, value)
    return found


def _controls(reply: Reply) -> frozenset[str]:
    redirect = {reply.redirect} if reply.redirect else set()
    return reply.words | redirect | {*reply.credentials.values(), *reply.key_words}


def _words(reply: Reply, record: Record) -> Mapping[str, str]:
    controls = _controls(reply)
    return {name.lower(): written(value) for name, value in record.items() if name.lower() in controls}


def _without(reply: Reply, record: Record) -> Record:
    """Not by whole names alone: a key that comes twice stands as `key.0` too."""
    controls = _controls(reply)
    return {name: value for name, value in record.items() if _first(name) not in controls}


def _first(name: str) -> str:
    found = _FIRST.match(name)
    return found[0].lower() if found else ""
