"""What was said on the wire, kept for the trace: sizes capped, secrets hidden."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from msgspec import Struct

from app.distribute.adapter import Call, Reply, Token
from app.distribute.filing import Filed, Put, place_of
from app.distribute.mailing import Mail, Sent
from app.distribute.offering import Offer
from app.distribute.xml import escaped
from app.model import Outcome

SHOWN_BYTES = 65_536
HIDDEN = "***"
OFFER = "OFFER"
"""Stands for a method where a lead is offered to people: nothing was sent."""
_ALWAYS_HIDDEN = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)


class Exchange(Struct, frozen=True, kw_only=True):
    """One request and what came of it. `error` is a fault's code, `cut` says that bytes were left out."""

    method: str
    url: str
    sent_headers: Mapping[str, str]
    sent: bytes
    status: int | None = None
    received_headers: Mapping[str, str] = {}
    received: bytes = b""
    ms: float = 0.0
    error: str | None = None
    cut: bool = False


class Conversed(Struct, frozen=True, kw_only=True):
    """How a conversation ended. `handed_over`: the lead has left, or perhaps has."""

    outcome: Outcome
    exchanges: tuple[Exchange, ...] = ()
    handed_over: bool = False


def shown(call: Call, reply: Reply | None, *, ms: float, error: str | None = None) -> Exchange:
    """The exchange as people may see it."""
    hide = _hiding(call.secrets)
    sent, received = call.body or call.query.encode(), reply.body if reply else b""
    for secret, _ in hide:
        sent, received = sent.replace(secret, b"***"), received.replace(secret, b"***")
    return Exchange(
        method=call.method,
        url=_hidden(call.url, hide),
        sent_headers=_headers(call.headers, hide),
        sent=sent[:SHOWN_BYTES],
        status=reply.status if reply else None,
        received_headers=_headers(reply.headers, hide) if reply else {},
        received=received[:SHOWN_BYTES],
        ms=ms,
        error=error,
        cut=len(sent) > SHOWN_BYTES or len(received) > SHOWN_BYTES,
    )


def shown_grant(call: Call, got: Reply | Token | None, *, ms: float, error: str | None = None) -> Exchange:
    """Likewise: of a token nothing is shown but that it came, since who reads it has it."""
    if isinstance(got, Token) or (got is not None and got.status < 300 and b"token" in got.body):
        got = Reply(status=got.status if isinstance(got, Reply) else 200, body=HIDDEN.encode())
    return shown(call, got, ms=ms, error=error)


def shown_mail(mail: Mail, sent: Sent | None, *, ms: float, error: str | None = None) -> Exchange:
    """Likewise: the envelope stands for headers, and what the server said for the reply."""
    hide = _hiding(mail.secrets)
    server = mail.server
    message, said = mail.message, sent.said if sent else ()
    words = "\n".join(map(str, said)).encode()
    for secret, _ in hide:
        message, words = message.replace(secret, b"***"), words.replace(secret, b"***")
    return Exchange(
        method="MAIL",
        url=f"smtp://{server.host}:{server.port}" if server else "smtp://relay",
        sent_headers={"mail from": mail.sender, "rcpt to": ", ".join((*mail.to, *mail.also))},
        sent=message[:SHOWN_BYTES],
        status=said[-1].code if said else None,
        received=words[:SHOWN_BYTES],
        ms=ms,
        error=error,
        cut=len(message) > SHOWN_BYTES or len(words) > SHOWN_BYTES,
    )


def shown_put(put: Put, filed: Filed | None, *, ms: float, error: str | None = None) -> Exchange:
    """Likewise: the server's last number stands for the status."""
    body = put.body
    for secret, _ in _hiding(put.secrets):
        body = body.replace(secret, b"***")
    return Exchange(
        method="PUT",
        url=f"{place_of(put.server)}/{put.name}",
        sent_headers={"written as": put.part},
        sent=body[:SHOWN_BYTES],
        status=filed.status if filed else None,
        received=_filed(filed).encode(),
        ms=ms,
        error=error,
        cut=len(body) > SHOWN_BYTES,
    )


def shown_offer(offer: Offer) -> Exchange:
    """Likewise: to whom, one after another."""
    return Exchange(
        method=OFFER, url=f"pool:{offer.contract}", sent_headers={}, sent="\n".join(offer.steps).encode()
    )


def _filed(filed: Filed | None) -> str:
    if filed is None:
        return ""
    return "the file is there" if filed.whole else f"refused: {filed.code}"


def _headers(headers: Mapping[str, str], hide: Iterable[tuple[bytes, str]]) -> dict[str, str]:
    return {
        name: HIDDEN if name.lower() in _ALWAYS_HIDDEN else _hidden(value, hide)
        for name, value in headers.items()
    }


def _hidden(text: str, hide: Iterable[tuple[bytes, str]]) -> str:
    for _, secret in hide:
        text = text.replace(secret, HIDDEN)
    return text


@lru_cache(1024)
def _hiding(secrets: tuple[str, ...]) -> tuple[tuple[bytes, str], ...]:
    """Each secret in every writing that a body, a query or a form may have given it; the longest first."""
    writings = {written for secret in secrets if secret for written in _writings(secret)}
    return tuple((w.encode(), w) for w in sorted(writings, key=len, reverse=True))


def _writings(secret: str) -> tuple[str, ...]:
    as_json = json.dumps(secret, ensure_ascii=False)[1:-1]
    as_ascii = json.dumps(secret)[1:-1]
    in_url = (quote(secret, safe=""), quote(secret), quote_plus(secret))
    return (secret, *in_url, as_json, as_ascii, escaped(secret))
