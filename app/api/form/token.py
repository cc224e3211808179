"""A signed token in every form that is shown: when, to which form, with which consent text, and one name for one sending."""

import base64
import binascii
import hashlib
import hmac
from struct import Struct as Packing
from struct import error as PackingError
from typing import NamedTuple

from app.core.world import World

OLDEST = 86_400.0
"""Seconds after which a form is to be sent again; shorter than an idempotency key is remembered."""

_PARTS = Packing(">QQ12s8s")
_MAC = 16
_LONGEST = 200


class Token(NamedTuple):
    """`shown_at` is when the visitor saw the form first, `issued_at` when this token was made, both in seconds."""

    shown_at: float
    issued_at: float
    nonce: bytes
    consent: bytes


class Tokens:
    """Made and read with one key. A token is bound to its form, so that another form's is none."""

    def __init__(self, key: bytes, world: World) -> None:
        self._key, self._world = key, world

    def issue(self, form: str, consent: bytes, former: Token | None = None) -> str:
        """`former` is the visitor's earlier token: it is the same visit, and another sending."""
        now = self._now()
        shown = former.shown_at if former else now
        body = _PARTS.pack(int(shown * 1000), int(now * 1000), self._world.token(12), consent)
        return base64.urlsafe_b64encode(body + self._mac(form, body)).decode()

    def read(self, form: str, text: str) -> Token | None:
        """None for what is none of ours; how old it is, its reader judges."""
        if len(text) > _LONGEST:
            return None
        try:
            data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
            shown, issued, nonce, consent = _PARTS.unpack(data[:-_MAC])
        except (binascii.Error, UnicodeEncodeError, PackingError):
            return None
        if not hmac.compare_digest(data[-_MAC:], self._mac(form, data[:-_MAC])):
            return None
        return Token(shown / 1000, issued / 1000, nonce, consent)

    def age(self, token: Token) -> float:
        """Seconds since it was made; never negative, for clocks of two hosts differ."""
        return max(0.0, self._now() - token.issued_at)

    def _now(self) -> float:
        return self._world.now().timestamp()

    def _mac(self, form: str, body: bytes) -> bytes:
        return hmac.digest(self._key, f"{form}\0".encode() + body, "sha256")[:_MAC]


def mark_of(text: str) -> bytes:
    """What a token holds of the consent text that was shown with it."""
    return hashlib.sha256(text.encode()).digest()[:8]
