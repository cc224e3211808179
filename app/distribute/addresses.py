"""Which addresses and ports the wire may dial, so that no buyer's URL can reach what is inside.

The check is made on the resolved address, at connect, and the address that was checked is the one that is
dialled: a name that changes its mind between check and use gains nothing. The table is our own, since
`ipaddress.is_global` of Python 3.11 calls 224.0.0.1, 64:ff9b::7f00:1, 2002:7f00:1::1, fec0::1, 5f00::1 and
3fff::1 global. Ports: those of the protocol (80 and 443 for HTTP) and everything from 1024 on that is no
well-known other service.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_PRIVATE_4: Final = (
    ("loopback", IPv4Network("127.0.0.0/8")),
    ("private", IPv4Network("10.0.0.0/8")),
    ("private", IPv4Network("172.16.0.0/12")),
    ("private", IPv4Network("192.168.0.0/16")),
)
_NEVER_4: Final = (
    ("this_network", IPv4Network("0.0.0.0/8")),
    ("shared", IPv4Network("100.64.0.0/10")),  # carrier NAT; 100.100.100.200 is a cloud's metadata
    ("link_local", IPv4Network("169.254.0.0/16")),  # 169.254.169.254 is metadata
    ("metadata", IPv4Network("168.63.129.16/32")),  # Azure's, in public space
    ("reserved", IPv4Network("192.0.0.0/24")),  # 192.0.0.192 is Oracle's metadata
    ("documentation", IPv4Network("192.0.2.0/24")),
    ("reserved", IPv4Network("192.31.196.0/24")),
    ("reserved", IPv4Network("192.52.193.0/24")),
    ("relay", IPv4Network("192.88.99.0/24")),
    ("reserved", IPv4Network("192.175.48.0/24")),
    ("benchmark", IPv4Network("198.18.0.0/15")),
    ("documentation", IPv4Network("198.51.100.0/24")),
    ("documentation", IPv4Network("203.0.113.0/24")),
    ("multicast", IPv4Network("224.0.0.0/4")),
    ("reserved", IPv4Network("240.0.0.0/4")),
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
_NEVER_6: Final = (
    ("teredo", IPv6Network("2001::/32")),
    ("reserved", IPv6Network("2001::/23")),
    ("documentation", IPv6Network("2001:db8::/32")),
    ("6to4", IPv6Network("2002::/16")),
    ("reserved", IPv6Network("2620:4f:8000::/48")),
    ("documentation", IPv6Network("3fff::/20")),
)
_PRIVATE_6: Final = (("loopback", IPv6Network("::1/128")), ("private", IPv6Network("fc00::/7")))
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)  # the two forms of its interface identifier's upper half
_METADATA_6: Final = (IPv6Address("fd00:ec2::254"), IPv6Address("fd20:ce::254"), IPv6Address("fd00:42::42"))

WEB_PORTS: Final = frozenset({80, 443})
MAIL_PORTS: Final = frozenset({25, 465, 587})
FILE_PORTS: Final = frozenset({21, 22, 990})
MAILBOX_PORTS: Final = frozenset({143, 993})

_OTHER_SERVICES: Final = frozenset(
    {1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061}
    | {5432, 5672, 5900, 5984, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9092}
    | {9200, 9300, 10080, 10250, 11211, 27017}
)


def refuse(address: str, *, allow_private: bool = False) -> str | None:
    """Why this address must not be dialled (a stable code), or None if it may.

    `allow_private` admits loopback and private networks only: link-local (metadata), multicast and the
    rest of the table stay closed.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "no_address"
    if isinstance(parsed, IPv4Address):
        return _refuse_4(parsed, allow_private)
    return _refuse_6(parsed, allow_private)


def refuse_port(port: int, *, usual: Collection[int] = WEB_PORTS) -> str | None:
    """Why this port must not be dialled, or None. `usual`: the low ones of the protocol that is spoken."""
    if port in usual or (1024 <= port <= 65535 and port not in _OTHER_SERVICES):
        return None
    return "port"


def _refuse_4(address: IPv4Address, allow_private: bool) -> str | None:
    for why, network in _PRIVATE_4:
        if address in network:
            return None if allow_private else why
    return next((why for why, network in _NEVER_4 if address in network), None)


def _refuse_6(address: IPv6Address, allow_private: bool) -> str | None:
    if address.scope_id:
        return "scoped"
    embedded = _embedded(address)
    if embedded is not None:
        return _refuse_4(embedded, allow_private)
    for why, network in _PRIVATE_6:
        if address in network:
            return None if allow_private and address not in _METADATA_6 else why
    if address not in _GLOBAL_6:
        return "not_global"
    for why, network in _NEVER_6:
        if address in network:
            return why
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return _refuse_4(IPv4Address(int(address) & 0xFFFFFFFF), allow_private)
    return None


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a mapped or translated form really leads to."""
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
