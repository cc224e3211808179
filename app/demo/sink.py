"""Two buyers in one small server, so that the demo's deliveries have somewhere real to go.

What they say depends on the lead alone, so it can be foretold:

    POST /sunco        JSON   Nevada: rejected, state_not_licensed · a phone that ends in 7: 503 at the first try
    POST /brightroof   form   a bill under 60: rejected, bill_too_low
    everything else is accepted; a signature that isn't ours is answered 401
"""

import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

import orjson

from app.demo.catalogue import SECRET

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Answer = tuple[int, dict[str, Any]]

_MOST_BYTES = 1_000_000
_MOST_SEEN = 100_000


def signed(headers: Mapping[str, str], body: bytes, secret: str = SECRET) -> bool:
    """Whether one of the `v1` signatures of a Standard Webhooks request is ours."""
    identity, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{identity}.{at}.".encode() + body, sha256)
    ours = b"v1," + base64.b64encode(mac)
    return any(
        hmac.compare_digest(ours, one.encode()) for one in headers.get("webhook-signature", "").split()
    )


class Buyers:
    """Both buyers. Remembers only which deliveries it has seen, to be down once and no more."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._seen: set[str] = set()

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        buyer = {"/sunco": self._sunco, "/brightroof": self._brightroof}.get(path)
        delivery = headers.get("webhook-id", "")
        if buyer is None:
            return 404, {"error": "no such buyer"}
        if not signed(headers, body):
            status, said = 401, {"error": "signature"}
        else:
            status, said = buyer(delivery, _fields(headers, body))
        self._remember(delivery)
        self._say(f"{path[1:]:<10} {delivery[-8:]:<8}  {status}  {_gist(said)}")
        return status, said

    def _sunco(self, delivery: str, lead: Mapping[str, str]) -> Answer:
        if lead.get("phone", "").endswith("7") and delivery not in self._seen:
            return 503, {"status": "down", "reason": "maintenance"}
        if lead.get("state") == "NV":
            return 200, {"status": "rejected", "reason": "state_not_licensed"}
        return 200, {"status": "accepted", "id": _reference("SC", delivery), "price": "42.00"}

    def _brightroof(self, delivery: str, lead: Mapping[str, str]) -> Answer:
        if float(lead.get("bill") or 0) < 60:
            return 200, {"result": "no", "why": "bill_too_low"}
        return 200, {"result": "ok", "lead": _reference("BR", delivery), "pays": "39.00"}

    def _remember(self, delivery: str) -> None:
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen.add(delivery)


def _fields(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    if headers.get("content-type", "").startswith("application/json"):
        return {name: str(value) for name, value in orjson.loads(body).items()}
    return dict(parse_qsl(body.decode()))


def _reference(prefix: str, delivery: str) -> str:
    """The same for the same delivery, however often it comes."""
    return f"{prefix}-{crc32(delivery.encode()) % 90_000 + 10_000}"


def _gist(said: Mapping[str, Any]) -> str:
    """Words and references of an answer; what a buyer answers holds no personal data."""
    return " ".join(str(value) for value in said.values())


def build_sink(say: Callable[[str], None] = print) -> App:
    """An ASGI app; `say` gets one line a delivery, with ids only."""
    buyers = Buyers(say)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            body = await _body(receive)
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            status, said = _judged(buyers, scope, headers, body)
            await _reply(send, status, orjson.dumps(said))

    return app


def _judged(buyers: Buyers, scope: Message, headers: Mapping[str, str], body: bytes) -> Answer:
    if scope["method"] != "POST":
        return 405, {"error": "post a delivery"}
    if len(body) > _MOST_BYTES:
        return 413, {"error": "too large"}
    try:
        return buyers.answer(scope["path"], headers, body)
    except (ValueError, AttributeError):
        return 400, {"error": "unreadable"}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= _MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
