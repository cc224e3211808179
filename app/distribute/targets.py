"""Where a URL leads, read once: what to dial and the words to ask with."""

import re
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import AfterValidator

from app.distribute.addresses import refuse_port
from app.distribute.faults import AddressRefused, BadCall, WireFault
from app.distribute.identity import Identity
from app.distribute.templates import Template

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_HOST_ENDS = re.compile(r"^https?://[^/?#]*")

Line = tuple[str, str, int] | tuple[str, str, int, str]


class Target(Struct, frozen=True, eq=False):
    """Where a URL leads: the place to dial and the words to ask with."""

    place: tuple[str, str, int]  # scheme, name, port
    host: str  # the Host header
    path: str
    identity: Identity | None = None  # what a connection there shows

    @property
    def line(self) -> Line:
        """Equal for those that may share connections."""
        return self.place if self.identity is None else (*self.place, self.identity.id)


@lru_cache(4096)
def target_of(url: str) -> Target:
    """BadCall for a URL that we don't send to, whatever it resolves to; AddressRefused for its port."""
    if not _VISIBLE.fullmatch(url):
        raise BadCall("the URL has blanks or characters that must be percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadCall("the URL can't be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadCall("the URL must be http:// or https:// with a host")
    if "@" in parts.netloc or "\\" in url:
        raise BadCall("the URL must not carry a user or password")
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    if (why := refuse_port(port)) is not None:
        raise AddressRefused(why)
    name = parts.hostname.rstrip(".")
    host = f"[{name}]" if ":" in name else name
    plain = port == (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target((parts.scheme, name, port), host if plain else f"{host}:{port}", path)


def templated_address(url: str) -> str:
    """A URL whose values are templated; where it leads is not. ValueError for what is none."""
    host = _HOST_ENDS.match(url)
    if host is None or "{" in host[0]:
        raise ValueError("must begin with http:// or https:// and a host that is written out")
    Template(url, "form")
    try:
        target_of(_BRACES.sub("x", url))
    except AddressRefused:
        raise ValueError("the URL's port is not dialled; use 80, 443, or one above 1023") from None
    except WireFault as fault:
        raise ValueError(fault.detail) from None
    return url


def _web_address(url: str) -> str:
    try:
        target_of(url)
    except AddressRefused:
        raise ValueError(
            "the URL's port is not dialled; use 80, 443, or one above 1023 of no other service"
        ) from None
    except WireFault as fault:
        raise ValueError(fault.detail) from None
    return url


def _bare(url: str) -> str:
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("is scheme, host and perhaps a port, and nothing behind them")
    return url.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""A URL that can be sent to, as far as its text says."""

BareAddress = Annotated[WebAddress, AfterValidator(_bare)]
"""One to which paths are added."""
