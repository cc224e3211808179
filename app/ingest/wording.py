"""Writes a dialect's answer as XML or JSON, and chooses between kinds by Accept."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import orjson

from app.ingest.reply import Said

JSON = "application/json"
XML = "application/xml"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Tree = Mapping[str, Any]


def as_json(tree: Tree, status: int = 200, headers: Mapping[str, str] = {}) -> Said:
    return Said(status, orjson.dumps(tree), JSON, headers)


def as_xml(root: str, tree: Tree, status: int = 200, headers: Mapping[str, str] = {}) -> Said:
    """A list repeats its element; nothing is an empty one."""
    return Said(status, f"<{root}>{_inside(tree)}</{root}>".encode(), XML, headers)


def _inside(tree: Tree) -> str:
    return "".join(_element(name, value) for name, value in tree.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return "".join(_element(name, each) for each in value)
    inner = _inside(value) if isinstance(value, Mapping) else _text(value)
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_NO_XML.sub("", str(value)))


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """The offered kind that Accept prefers, the first offered among equals; None where it takes none of them."""
    if not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.lower().split(",")[:50]]
    weighed = [(_weight(kind, ranges), -place, kind) for place, kind in enumerate(offered)]
    weight, _, best = max(weighed)
    return best if weight > 0 else None


def _weight(kind: str, ranges: Iterable[tuple[str, float]]) -> float:
    """Of the most exact range that fits."""
    main = kind.partition("/")[0]
    found = dict(ranges)
    for name in (kind, f"{main}/*", "*/*"):
        if name in found:
            return found[name]
    return 0.0


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
