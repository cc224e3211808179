"""Holds a platform's conversation by hand: answers in, what was asked and what came of it out."""

from collections.abc import Generator
from typing import Any

import msgspec

from app.ingest.platform import Get, Got


def converse(asking: Generator[Get, Got, Any], *answers: Got) -> tuple[list[Get], Any]:
    """(what was asked, what was returned); the platform's exceptions pass."""
    asked = [next(asking)]
    for answer in answers:
        try:
            asked.append(asking.send(answer))
        except StopIteration as end:
            return asked, end.value
    raise AssertionError("it asks for more than it was answered")


def got(body: Any = b"", status: int = 200, **headers: str) -> Got:
    """Header names are written with underscores."""
    told = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Got(status=status, headers=named, body=told)
