"""How an IP address is written: one spelling for each, whoever wrote it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address


@lru_cache(8_192)
def plain(text: str) -> str:
    """The shortest spelling, a mapped IPv4 address as IPv4; empty for what is no address."""
    if len(text) > 45 or "%" in text:
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(address.ipv4_mapped or address) if isinstance(address, IPv6Address) else str(address)


@lru_cache(8_192)
def network(text: str) -> str:
    """The neighbourhood that one household, office or server rents: /24 or /48; empty for what is no address."""
    known = plain(text)
    if not known:
        return ""
    if isinstance(ip_address(known), IPv4Address):
        return known[: known.rindex(".")] + ".0/24"
    return f"{IPv6Address(int(IPv6Address(known)) >> 80 << 80)}/48"


@lru_cache(8_192)
def public(text: str) -> bool:
    """Whether a consumer can have it: not of a private, reserved or documentation range, not a group's."""
    address = ip_address(text)
    return address.is_global and not address.is_multicast
