"""What can be done in a folder on another machine, whatever protocol leads there, and how it can fail."""

import re
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

_TIME = re.compile(r"[0-9]{1,14}(\.[0-9]{1,9})?")


class Trouble(Exception):
    """Nothing can be done at the other end now (no connection, refused log-in, broken listing). The message
    is for the operator: host and cause, never a password or a lead. `code` names the cause for whoever decides by it.

    `after` is the least number of seconds to wait, where the other end has said so."""

    def __init__(self, text: str, *, after: float = 0.0, code: str = "trouble") -> None:
        super().__init__(text)
        self.after, self.code = after, code


class Denied(Exception):
    """The server says no to this one thing, and is still there. `lasting`: it will say so again; `unknown`: to
    whatever is asked in this way; `code`: the protocol and its number."""

    def __init__(self, *, lasting: bool, unknown: bool = False, code: str = "") -> None:
        super().__init__()
        self.lasting, self.unknown, self.code = lasting, unknown, code


class Changed(Exception):
    """It is not the file any more that the look saw: somebody still writes, or has put another in its place."""


class Listed(Struct, frozen=True):
    """A file as a listing tells it; `modified` is digits. `exact`: the time is told so that it never changes by itself."""

    raw: bytes
    size: int
    modified: str
    exact: bool = True

    @property
    def name(self) -> str:
        """A name need not be UTF-8, where it is kept it must."""
        return self.raw.decode("utf-8", "replace")

    @property
    def mark(self) -> str:
        told = b"%s %d %s" % (self.raw, self.size, self.modified.encode())
        return blake2b(told, digest_size=8).hexdigest()


class Remote(Protocol):
    """A connection that stands in the folder. Everything raises Trouble where it is gone, and most things Denied.

    A path is a name in the folder, or in one of those below it.
    """

    host: str

    def listing(self) -> AsyncGenerator[Listed]: ...

    async def look_at(self, path: bytes) -> Listed | None:
        """None where there is none, or where the server can't tell of one alone."""

    async def fetch(self, raw: bytes, put: Callable[[bytes], Awaitable[None]]) -> None:
        """All of it. What `put` raises breaks off, and the connection is still good."""

    async def size(self, path: bytes) -> int | None:
        """Of a file; None where there is none. Denied where the server can't tell."""

    async def there(self, path: bytes) -> bool: ...

    async def make(self, folder: bytes) -> None: ...

    async def move(self, path: bytes, to: bytes) -> None: ...

    async def replace(self, path: bytes, to: bytes) -> None:
        """A move, over a file of that name if there is one."""

    async def remove(self, path: bytes) -> None: ...

    async def write(self, path: bytes, text: bytes) -> None: ...


def timed(modified: str | float | None) -> str:
    """A time as a server tells it: digits, or nothing. A number is seconds since 1970."""
    if isinstance(modified, str):
        return modified if _TIME.fullmatch(modified) else ""
    try:
        return datetime.fromtimestamp(modified or 0, UTC).strftime("%Y%m%d%H%M%S") if modified else ""
    except (ValueError, OverflowError, OSError):
        return ""


_CAUSES: tuple[tuple[type[BaseException], str, str], ...] = (
    (ssl.SSLCertVerificationError, "tls_failed", "its certificate is not one that is trusted"),
    (ssl.SSLError, "tls_failed", "its TLS handshake failed"),
    (socket.gaierror, "name_unknown", "its name has no address"),
    (TimeoutError, "timed_out", "it did not answer in time"),
    (ConnectionRefusedError, "connect_failed", "it can't be connected to"),
    (ConnectionError, "broken", "it broke the connection off"),
    (OSError, "connect_failed", "it can't be connected to"),
)


def cause_of(error: BaseException) -> str:
    return next((words for kind, _, words in _CAUSES if isinstance(error, kind)), "it can't be understood")


def code_of(error: BaseException) -> str:
    return next((code for kind, code, _ in _CAUSES if isinstance(error, kind)), "not_understood")
