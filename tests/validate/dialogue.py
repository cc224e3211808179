"""Holds a remote check's conversation without a network."""

from collections.abc import Sequence
from typing import Any

from app.validate.remote import Asking, Request, Response


def held(asking: Asking, *answers: Response) -> tuple[Sequence[Request], Any]:
    """What was asked, in order, and what the conversation returned once it had heard these answers."""
    asked: list[Request] = []
    left = iter(answers)
    try:
        asked.append(next(asking))
        while True:
            asked.append(asking.send(next(left)))
    except StopIteration as end:
        return asked, end.value
