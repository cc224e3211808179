"""Holds a platform's conversations: it says what to ask, the wire asks."""

from collections.abc import Generator
from contextlib import suppress
from typing import Any, TypeVar

from app.distribute.adapter import Call
from app.distribute.faults import WireFault
from app.distribute.wire import Wire
from app.ingest.platform import Get, Got, Later

T = TypeVar("T")
MOST_ASKED = 8
"""How much one conversation may ask; more is a bug of its platform."""


async def ask(wire: Wire, asking: Generator[Get, Got, T]) -> T:
    """What the platform made of the answers. Raises what it raises, and Later where the wire failed."""
    got: Any = None
    try:
        for _ in range(MOST_ASKED + 1):
            try:
                get = asking.send(got)
            except StopIteration as end:
                found: T = end.value
                return found
            reply = await wire.ask(_call(get))
            got = Got(status=reply.status, headers=reply.headers, body=reply.body)
        raise Later("asks_without_end")
    except WireFault as fault:
        raise Later(fault.code) from None
    finally:
        with suppress(Exception):
            asking.close()


def _call(get: Get) -> Call:
    return Call(method="GET", url=get.url, headers=get.headers, secrets=get.secrets, hands_over=False)
