"""A server of a buyer that answers as its documentation says, each path in its own order; and a conversation with it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from app.distribute.adapter import Handover, adapters
from app.distribute.exchange import Conversed
from app.distribute.wire import Limits, Wire
from tests.buyer import Buyer, Received, Stream
from tests.buyer import reply as http
from tests.distribute.drive import ANN

Answers = Sequence[bytes] | Callable[[Received], bytes]
QUICK = Limits(dns=0.5, connect=1.0, total=3.0, longest=6.0)


class Scripted(Buyer):
    """`says`: method and path → what it answers, the last again and again; or what makes an answer of the request."""

    def __init__(self, says: Mapping[str, Answers], tls: object = None) -> None:
        super().__init__(tls)
        self._says = {place: one if callable(one) else list(one) for place, one in says.items()}

    async def answer(self, request: Received, stream: Stream) -> None:
        says = self._says.get(
            f"{request.method} {request.path.partition('?')[0]}", [http(404, b"no such path")]
        )
        if callable(says):
            await stream.send_all(says(request))
        else:
            await stream.send_all(says.pop(0) if len(says) > 1 else says[0])

    @property
    def asked(self) -> list[str]:
        return [f"{one.method} {one.path.partition('?')[0]}" for one in self.received]


def said(status: int, document: Any, *headers: str) -> bytes:
    """A reply in JSON."""
    return http(status, json.dumps(document).encode(), *headers)


def token(text: str, **more: Any) -> bytes:
    return said(200, {"access_token": text, "token_type": "Bearer", "expires_in": 3600, **more})


def form(request: Received) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


async def conversed(
    adapter: str, settings: Mapping[str, Any], *, handover: Handover = ANN, wire: Wire | None = None
) -> Conversed:
    """By the real wire, one of its own or this."""
    known = adapters.discover()[adapter]
    conversation = known.converse(handover, known.settings.model_validate(settings))
    if wire is not None:
        return await wire.converse(conversation)
    async with Wire(allow_private=True, limits=QUICK) as own:
        return await own.converse(conversation)
