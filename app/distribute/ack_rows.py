"""Reads the rows of a file that a buyer wrote: a table, JSON, a JSON text a line, XML, or bare lines."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import orjson

from app.distribute import xml
from app.distribute.templates import text_of

Kind = Literal["csv", "json", "ndjson", "xml", "lines"]
Row = Mapping[str, str]

_DELIMITERS = ",;\t|"
_DEEPEST = 16


def rows_of(body: bytes, kind: Kind | None, *, header: bool) -> Iterator[Row]:
    """Each as column → text. ValueError for what is none of that kind; of a table the rows before may have come."""
    text = _decoded(body)
    match kind or _looks(text):
        case "csv":
            return _table(text, header)
        case "json":
            return _objects(_json(text))
        case "ndjson":
            return (_flat(_json(line)) for line in text.splitlines() if line.strip())
        case "xml":
            return _elements(text)
        case "lines":
            return (_numbered(line.split()) for line in text.splitlines() if line.strip())


def _decoded(body: bytes) -> str:
    """Windows-1252, which those who say latin-1 mean, where it is no UTF-8; what stands for nothing there is kept apart."""
    for mark, charset in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            return body.decode(charset, "replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _looks(text: str) -> Kind:
    begins = text.lstrip()[:1]
    if begins == "<":
        return "xml"
    if begins == "[":
        return "json"
    if begins == "{":
        return "json" if _is_json(text) else "ndjson"
    return "csv"


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise ValueError("is no JSON") from None


def _table(text: str, header: bool) -> Iterator[Row]:
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    names: list[str] | None = None
    try:
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if header and names is None:
                names = [cell.strip() for cell in cells]
            elif names is None:
                yield _numbered(cells)
            else:
                yield {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
    except csv.Error:
        raise ValueError("is no table") from None


def _numbered(cells: list[str]) -> Row:
    return {str(n): cell.strip() for n, cell in enumerate(cells, 1)}


def _objects(value: Any) -> Iterator[Row]:
    """Those of the first list that has any, however deep it stands; else the one that there is."""
    found = _list_in(value, 0)
    if found is None and not isinstance(value, dict):
        raise ValueError("has no list of rows")
    return (_flat(one) for one in (found if found is not None else [value]))


def _list_in(value: Any, depth: int) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    return next(
        (found for one in value.values() if (found := _list_in(one, depth + 1)) is not None),
        None,
    )


def _flat(value: Any, above: str = "", depth: int = 0) -> dict[str, str]:
    """`{"a": {"b": 1}}` as `{"a.b": "1"}`."""
    if isinstance(value, dict) and depth <= _DEEPEST:
        inside = (_flat(one, f"{above}.{name}" if above else name, depth + 1) for name, one in value.items())
        return {name: text for one in inside for name, text in one.items()}
    if isinstance(value, dict | list):
        return {}
    return {above: text_of(value).strip()}


def _elements(text: str) -> Iterator[Row]:
    """The children of the root, or of an only child that is around them all."""
    root = xml.read(text.encode())
    rows = list(root.iterchildren("*"))
    if len(rows) == 1 and any(len(child) for child in rows[0].iterchildren("*")):
        rows = list(rows[0].iterchildren("*"))
    return (_flat(*xml.tree(row).values()) for row in rows)
