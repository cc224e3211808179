"""Whom a request comes from when proxies stand between: told by those we trust, and by nobody else."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal, NamedTuple

from app.core.addresses import plain

Header = Literal["either", "x-forwarded-for", "forwarded"]

_MOST_HOPS = 32
_MOST_BYTES = 8_192
_PAIR = re.compile(r'\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^"\s;,]+))\s*')


class Origin(NamedTuple):
    """The nearest address that no trusted proxy has, and the scheme that was asked for there."""

    address: str
    scheme: str


class _Hop(NamedTuple):
    """What one proxy says of whoever connected to it; `address` is None where it says nothing readable."""

    address: str | None
    scheme: str = ""


class Proxies:
    """Which proxies are believed: those of some networks, or the last so many, whoever they are.

    Headers are read from the right, where our own proxies wrote; what stands left of the first address that
    isn't trusted is anybody's invention. Where both headers come and lead to different addresses, one of them was
    let through unread by our proxy, and neither is believed, unless `header` says which of them it writes.
    """

    def __init__(self, networks: Iterable[Any], hops: int, header: Header) -> None:
        self._networks = tuple(networks)
        self._hops = hops
        self._header = header
        self._trusted = lru_cache(4_096)(self._is_trusted)

    @classmethod
    def of(cls, text: str, header: Header = "either") -> "Proxies | None":
        """`text` is a list of networks, or a number of proxies; None where nobody is trusted. Raises ValueError."""
        words = text.replace(",", " ").split()
        if not words or words == ["0"]:
            return None
        if len(words) == 1 and words[0].isdecimal():
            if int(words[0]) > _MOST_HOPS:
                raise ValueError(f"there are at most {_MOST_HOPS} proxies in a row")
            return cls((), int(words[0]), header)
        return cls([_network(word) for word in words], 0, header)

    def origin(self, peer: str, scheme: str, headers: Iterable[tuple[bytes, bytes]]) -> Origin:
        """Pure. `headers` have names in lower case; `peer` is who connected to us."""
        if not self._hops and not self._trusted(peer):
            return Origin(peer, scheme)
        given = _given(headers)
        ways = self._ways(given)
        if not ways:
            return Origin(peer, _scheme(_last(given.get(b"x-forwarded-proto", ""))) or scheme)
        ends = [self._walk(peer, way) for way in ways]
        address, hop, depth = ends[0]
        if any(other[0] != address for other in ends):
            address = peer
        asked = (hop.scheme if hop else "") or _nth(given.get(b"x-forwarded-proto", ""), depth)
        return Origin(address, _scheme(asked) or scheme)

    def behind(self, scope: Any) -> Any:
        """The ASGI scope as if there were no proxies, so that every door sees the same."""
        client = scope.get("client") or ("", 0)
        origin = self.origin(client[0], scope.get("scheme", "http"), scope["headers"])
        port = client[1] if origin.address == client[0] else 0
        return {**scope, "client": (origin.address, port), "scheme": origin.scheme}

    def _ways(self, given: dict[bytes, str]) -> list[Iterable[_Hop]]:
        ways: list[Iterable[_Hop]] = []
        if self._header != "forwarded" and b"x-forwarded-for" in given:
            ways.append(_x_forwarded_for(given[b"x-forwarded-for"]))
        if self._header != "x-forwarded-for" and b"forwarded" in given:
            ways.append(_forwarded(given[b"forwarded"]))
        return ways

    def _walk(self, peer: str, way: Iterable[_Hop]) -> tuple[str, _Hop | None, int]:
        """(address, what was said of it by whom we trust, how many proxies it is away)."""
        at, said, depth = peer, None, 0
        for hop in way:
            if hop.address is None:
                break
            at, said, depth = hop.address, hop, depth + 1
            if depth == self._hops or (not self._hops and not self._trusted(at)):
                break
        return at, said, depth

    def _is_trusted(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def _network(word: str) -> Any:
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        raise ValueError(
            f"{word!r} is no network; write 10.0.0.0/8, ::1, or the number of your proxies"
        ) from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return ip_network((int(network.network_address.ipv4_mapped), network.prefixlen - 96))
    return network


def _address(text: str) -> IPv4Address | IPv6Address | None:
    known = plain(text)
    return ip_address(known) if known else None


def _given(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """The three that matter; several of one name are one list (RFC 9110 §5.3), its end where it is too long."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in (b"x-forwarded-for", b"forwarded", b"x-forwarded-proto"):
            text = value.decode("latin-1")
            found[name] = (f"{found[name]},{text}" if name in found else text)[-_MOST_BYTES:]
    return found


def _from_right(text: str) -> Iterator[str]:
    for part in reversed(text.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]):
        if part.strip():
            yield part.strip()


def _x_forwarded_for(text: str) -> Iterator[_Hop]:
    return (_Hop(node(part)) for part in _from_right(text))


def _forwarded(text: str) -> Iterator[_Hop]:
    """RFC 7239. An element that holds a comma inside quotes is not read: nobody's proxy writes one."""
    return (_element(part) for part in _from_right(text))


def _element(part: str) -> _Hop:
    said: dict[str, str] = {}
    for pair in part.split(";"):
        if not pair.strip():
            continue
        match = _PAIR.fullmatch(pair)
        if match is None or match[1].lower() in said:
            return _Hop(None)
        said[match[1].lower()] = match[3] or re.sub(r"\\(.)", r"\1", match[2] or "")
    return _Hop(node(said.get("for", "")), said.get("proto", ""))


@lru_cache(4_096)
def node(text: str) -> str | None:
    """The address of `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; None for `unknown`, `_hidden` and noise."""
    text = text.strip().strip('"')
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        text = inner if bracket and ":" in inner and _is_port(port) else ""
    elif text.count(":") == 1:
        text, colon, port = text.partition(":")
        text = text if _is_port(colon + port) else ""
    return plain(text) or None


def _is_port(text: str) -> bool:
    """RFC 7239 lets a port be hidden too."""
    return not text or re.fullmatch(r":(?:[0-9]{1,5}|_[A-Za-z0-9._-]+)", text) is not None


def _last(text: str) -> str:
    return text.rpartition(",")[2]


def _nth(text: str, depth: int) -> str:
    """Said by the proxy that told us the address; some write one word for the whole way."""
    words = text.split(",")
    return words[max(0, len(words) - max(1, depth))]


def _scheme(text: str) -> str:
    word = text.strip().lower()
    return word if word in ("http", "https") else ""
