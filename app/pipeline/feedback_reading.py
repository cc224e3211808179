"""Reads what buyers send of their leads: JSON, JSON Lines, a form or a table, item by item."""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

from app.core.errors import TooLarge, UnknownType, Unreadable
from app.followup.item import Item, Wrong, item_of
from app.ingest.body import as_utf8, charset_named, charset_of, parameters, refuse_empty
from app.ingest.formats.form import Form
from app.ingest.objects import record_of, value_of
from app.ingest.tabular import encoding_of, rows
from app.model import Record

MOST_ITEMS = 10_000
TYPES = (
    "application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "text/csv",
    "text/tab-separated-values",
)  # fmt: skip
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq")
_TABLES = ("text/csv", "application/csv", "text/tab-separated-values")

LINES = ("ndjson", "jsonl")
"""What files of one object a line are named."""

Read = Item | Wrong
One = TypeVar("One")


def items_of(body: bytes, content_type: str) -> list[Read]:
    """In the order of the body. Raises Unreadable for a body that is not what it says, UnknownType for another kind."""
    refuse_empty(body)
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _TABLES:
        return _bounded(_of_table(body, content_type, tabs=kind == "text/tab-separated-values"))
    if kind == "application/x-www-form-urlencoded":
        return [_read(Form().read(body, content_type)[0])]
    if kind in _LINES:
        return _bounded(_of_lines(as_utf8(body, charset_of(content_type))))
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return _bounded(_of_json(as_utf8(body, charset_of(content_type))))
    raise UnknownType(f"send one of {', '.join(TYPES)}", taken=list(TYPES))


def file_items(file: BinaryIO, name: str) -> Iterator[Read]:
    """Of a file of any size, by how it is named; a table and JSON Lines in memory that doesn't grow with it."""
    suffix = suffix_of(name)
    if suffix == "json":
        yield from items_of(file.read(), "application/json")
    elif suffix in LINES:
        for line in file:
            yield from _of_lines(line)
    else:
        yield from (_read(record, strict=False) for record in table_of(file, suffix))


def suffix_of(name: str) -> str:
    return name.lower().removesuffix(".gz").rpartition(".")[2]


def table_of(file: BinaryIO, suffix: str) -> Iterator[Record]:
    return (record for _, record in rows(file, delimiter="\t" if suffix in ("tsv", "tab") else None))


def lines_of(file: BinaryIO) -> Iterator[Any]:
    """The value of each line, or what is Wrong with it."""
    for line in file:
        yield from (value for value, _ in _values(line))


def _of_json(body: bytes) -> Iterator[Read]:
    data = value_of(body)
    if type(data) is not dict and type(data) is not list:
        raise Unreadable("one item is an object, several are an array of objects", code="shape")
    has_nul = b"\\u0000" in body
    yield from (_of_object(one, has_nul) for one in (data if type(data) is list else [data]))


def _of_lines(body: bytes) -> Iterator[Read]:
    """A line that is broken is an item that is: the others were meant."""
    for data, has_nul in _values(body):
        yield data if isinstance(data, Wrong) else _of_object(data, has_nul)


def _values(body: bytes) -> Iterator[tuple[Any, bool]]:
    """(what stands on a line, whether NUL may stand in it)"""
    for line in body.replace(b"\x1e", b"\n").split(b"\n"):
        if not line or line.isspace():
            continue
        try:
            yield value_of(line), b"\\u0000" in line
        except Unreadable as error:
            yield Wrong("unreadable", error.detail), False


def _of_table(body: bytes, content_type: str, *, tabs: bool) -> Iterator[Read]:
    said = parameters(content_type)
    encoding = charset_named(said["charset"]) if said.get("charset") else encoding_of(body)
    table = rows(BytesIO(body), encoding=encoding, delimiter="\t" if tabs else None)
    yield from (_read(record, strict=False) for _, record in table)


def _of_object(data: Any, has_nul: bool) -> Read:
    try:
        return _read(record_of(data, None, has_nul))
    except Unreadable as error:
        return Wrong(error.reason, "an item is an object" if error.reason == "shape" else error.detail)


def _read(record: Record, *, strict: bool = True) -> Read:
    try:
        return item_of(record, strict=strict)
    except Wrong as wrong:
        return wrong


def _bounded(items: Iterable[Read]) -> list[Read]:
    found: list[Read] = []
    for one in items:
        found.append(one)
        if len(found) > MOST_ITEMS:
            raise TooLarge(f"more than {MOST_ITEMS:,} items in one body; send several", code="items")
    if not found:
        raise Unreadable("there is no item in the body", code="empty")
    return found


def chunks(items: Iterable[One], size: int) -> Iterator[Sequence[One]]:
    """Of a size that one transaction takes."""
    chunk: list[One] = []
    for one in items:
        chunk.append(one)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
