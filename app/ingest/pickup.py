"""Which files are picked up, when, each once, and under which name they are put away, wherever they lie."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, Field

from app.core.errors import Refused
from app.ingest.named import is_table, is_unfinished, type_of

AT_ONCE = 500
"""Files of one visit; the oldest first. What is left is told by `more`."""
LARGEST = 10_000_000
"""Bytes of a file that is one submission."""
REASON = ".reason.txt"

T = TypeVar("T")


def _below(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or not name.isprintable():
        raise ValueError("is the name of a folder in that folder, without /")
    return name


Below = Annotated[str, AfterValidator(_below)]
Match = Annotated[tuple[str, ...], Field(min_length=1, description="Names of files to take, as *.csv.")]


class Marked(Protocol):
    @property
    def mark(self) -> str:
        """Another one as soon as anything that a look tells of the file is."""


M = TypeVar("M", bound=Marked)


def is_wanted(name: str, match: Sequence[str]) -> bool:
    lower = name.lower()
    return not is_unfinished(name) and any(fnmatchcase(lower, pattern.lower()) for pattern in match)


def is_body(name: str) -> bool:
    """Whether it is one submission; everything else is taken for a table."""
    return bool(type_of(name)) and not is_table(name)


def settled(found: Sequence[M], seen: Collection[str]) -> list[M]:
    """Those that the last look saw as they are now, as many as one visit takes."""
    return [one for one in found if one.mark in seen][:AT_ONCE]


def waiting(found: Sequence[M], ended: Sequence[M], seen: Collection[str], *, more: bool) -> list[str]:
    """What the next look must have seen. A visit that ends with `more` is followed by another at once, which
    would be no second look at what is new."""
    over = {one.mark for one in ended}
    marks = (one.mark for one in found)
    return [mark for mark in marks if mark not in over and (not more or mark in seen)][: 2 * AT_ONCE]


def identity_of(name: str, size: int, modified: int | str, digest: str) -> str:
    return f"{name} {size} {modified} {digest}"


def reason_of(refused: Refused) -> str:
    """What stands beside a file in `failed`."""
    where = f" ({refused.where})" if refused.where else ""
    return f"{refused.detail}{where} [{refused.reason}]"


def rows_refused(rows: int) -> str:
    """What stands beside a table in `done`, if anything."""
    return f"{rows} rows were refused; the others were taken in" if rows else ""


def numbered(name: str) -> Iterator[str]:
    """`leads.csv`, `leads-2.csv`, …"""
    yield name
    stem, ending = os.path.splitext(name)
    for n in range(2, 1_000_000):
        yield f"{stem}-{n}{ending}"


async def beside(work: Callable[..., T], *given: Any) -> T:
    """In a thread, and to its end also when the visit is broken off: it works with what is closed afterwards."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *given))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
