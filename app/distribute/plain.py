"""The two shapes that nearly every contract uses, without CEL: `reply.json.a.b` and `reply.json.a == "x"`.

CEL costs 6 µs an expression, most of it for handing the reply over; these cost 0.5. They answer as CEL does
(a test compares them), but for a reply with a number beyond 64 bits elsewhere, which CEL can't read at all.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from app.core.expressions import Failed
from app.distribute.replies import Opened

_SHAPE = re.compile(
    r"""\s*reply\.(?P<part>json|status)(?P<path>(?:\.[A-Za-z_]\w*)*)
        (?:\s*(?P<op>==|!=)\s*(?P<literal>"[^"\\]*"|-?\d{1,18}|true|false|null))?\s*""",
    re.VERBOSE,
)
_MISSING, _NO_MAP, _TOO_LARGE = Failed("not_found"), Failed("invalid_argument"), Failed("invalid_argument")
_RESERVED = frozenset(("in", "true", "false", "null"))


@lru_cache(4_096)
def plain(text: str) -> Callable[[Opened], Any] | None:
    """The value of the expression over a reply, or Failed; None where the text has another shape."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None
    names = [name for name in shape["path"].split(".") if name]
    if not _RESERVED.isdisjoint(names) or (shape["part"] == "status" and names):
        return None
    find = _finder(shape["part"], names)
    if shape["op"] is None:
        return find
    return _comparison(find, json.loads(shape["literal"]), same=shape["op"] == "==")


def _finder(part: str, names: list[str]) -> Callable[[Opened], Any]:
    def find(opened: Opened) -> Any:
        try:
            at = opened.part(part)
        except ValueError:
            return _MISSING
        for name in names:
            if type(at) is not dict:
                return _NO_MAP
            if name not in at:
                return _MISSING
            at = at[name]
        return at if type(at) is not int or -(2**63) <= at < 2**63 else _TOO_LARGE

    return find


def _comparison(find: Callable[[Opened], Any], literal: Any, *, same: bool) -> Callable[[Opened], Any]:
    kinds = (int, float) if type(literal) is int else (type(literal),)

    def compare(opened: Opened) -> Any:
        found = find(opened)
        if type(found) is Failed:
            return found
        return (type(found) in kinds and found == literal) is same

    return compare
