"""Answers on the raw route: JSON or XML by Accept, problems always as problem+json."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
from msgspec import Struct

from app.core.errors import Refused

JSON = b"application/json"
XML = b"application/xml"
PROBLEM = b"application/problem+json"

Send = Any


class Reply(Struct, frozen=True, gc=False):
    """One whole answer, whichever way it leaves."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()

    async def send(self, send: Send) -> None:
        await respond(send, self.status, self.body, self.content_type, self.headers)


def wants_xml(accept: bytes) -> bool:
    """XML only where it is named and preferred; JSON for `*/*`, nothing, or a tie in which JSON is named too."""
    accept = accept.lower()
    if b"xml" not in accept:
        return False
    xml = _weight(accept, (b"application/xml", b"text/xml"))
    named = _weight(accept, (b"application/json",))
    if named is not None:
        return xml is not None and xml > named
    any_kind = _weight(accept, (b"application/*", b"*/*")) or 0.0
    return xml is not None and xml > 0 and xml >= any_kind


def _weight(accept: bytes, types: Sequence[bytes]) -> float | None:
    """None where none of them is named."""
    best: float | None = None
    for part in accept.split(b","):
        name, _, parameters = part.strip().partition(b";")
        if name.strip() in types:
            best = max(best or 0.0, _quality(parameters))
    return best


def _quality(parameters: bytes) -> float:
    for parameter in parameters.split(b";"):
        name, _, value = parameter.strip().partition(b"=")
        if name == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


async def respond(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def told(refused: Refused, instance: str | None = None) -> Reply:
    """The problem as an answer."""
    headers = [(k.lower().encode(), v.encode()) for k, v in refused.headers.items()]
    return Reply(refused.status, orjson.dumps(refused.problem(instance)), PROBLEM, headers)


async def problem(send: Send, refused: Refused, instance: str | None = None) -> None:
    await told(refused, instance).send(send)


def as_xml(documents: Sequence[Mapping[str, Any]], *, several: bool) -> bytes:
    """`<result>` for one lead, `<results>` of them for several."""
    results = "".join(_result(document) for document in documents)
    return f"<results>{results}</results>".encode() if several else results.encode()


def _result(document: Mapping[str, Any]) -> str:
    parts = [f"<outcome>{document['outcome']}</outcome>", f"<lead><id>{document['lead']['id']}</id></lead>"]
    parts += [f"<{name}>{escape(str(document[name]))}</{name}>" for name in _PLAIN if name in document]
    if reasons := document.get("reasons"):
        inner = "".join(
            f"<reason code={quoteattr(r['code'])} field={quoteattr(r['field'])}{_named(r)}>"
            f"{escape(r['message'])}</reason>"
            for r in reasons
        )
        parts.append(f"<reasons>{inner}</reasons>")
    return f"<result>{''.join(parts)}</result>"


def _named(reason: Mapping[str, str]) -> str:
    """The source's own lead that it speaks of."""
    return f" lead={quoteattr(reason['lead'])}" if "lead" in reason else ""


_PLAIN = ("state", "price", "reason", "status_url")
