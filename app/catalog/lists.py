"""Under which eight bytes a value stands on a suppression list: the one place that loading and looking up share."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from phonenumbers import country_code_for_region

from app.catalog.documents import Catalogue, ListDoc

WIDTH = 8
"""Bytes of a key. Of 20 million entries, one look-up in 900,000 million hits by chance."""

_MAKES: Mapping[str, Callable[[bytes], Any]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "sha256": hashlib.sha256,
}
HEX = {"md5": 32, "sha1": 40, "sha256": 64}
"""Hash → how many hexadecimal digits it is written in."""

FORMS: Mapping[str, tuple[str, ...]] = {
    "phone": ("e164", "digits", "national"), "email": ("lower", "google"), "domain": (), "ip": (),
}  # fmt: skip
"""Kind → the forms of a value that partners make hashes of, the usual first."""

STEP = 8
"""Bits between the lengths of networks that are looked for; others are entered as several of the next length."""
_SHORTEST = {4: 8, 6: 16}
_MOST_PARENTS = 8
GOOGLE = ("gmail.com", "googlemail.com")


def unfilled(catalogue: Catalogue, filled: Collection[str]) -> list[str]:
    """The lists that checks look leads up on and that hold nothing: they pass everybody."""
    named = {
        use.get("list") if isinstance(use, Mapping) else use
        for campaign in catalogue.campaigns
        for entry in campaign.checks
        if entry.check == "suppression"
        for use in (entry.model_extra or {}).get("lists", ())
    }
    asked = [doc for doc in catalogue.lists if doc.id in named or doc.buyer is not None]
    return [doc.id for doc in asked if doc.id not in filled]


def key_of(text: str, hashed: str | None) -> bytes:
    """A plain list is kept as if its partner had hashed it by SHA-256: no entry is stored as it reads."""
    data = text.encode("utf-8", "surrogatepass")
    key: bytes = _MAKES[hashed or "sha256"](data).digest()[:WIDTH]
    return key


def forms_of(doc: ListDoc) -> tuple[str, ...]:
    """The forms that its hashes may have been made of; a plain list has one."""
    forms = FORMS[doc.of]
    return (doc.written or forms) if doc.hashed else forms[:1]


def texts_of(doc: ListDoc, value: str) -> tuple[str, ...]:
    """Every text under which a lead's normal value may stand on the list."""
    if doc.of == "domain":
        return tuple(_parents(value))
    if doc.of == "ip":
        return (value,) if doc.hashed else tuple(networks_around(value))
    made = [form(doc, value, name) for name in forms_of(doc)]
    return tuple(dict.fromkeys(text for text in made if text))


def form(doc: ListDoc, value: str, name: str) -> str:
    """A normal value in one form; empty where it has none, as a foreign number has no national one."""
    match name:
        case "digits":
            return value[1:]
        case "national":
            return value.removeprefix(before) if value.startswith(before := calling(doc.country)) else ""
        case "google":
            return _as_google(value)
    return value


@lru_cache
def calling(country: str) -> str:
    """`+1` of US."""
    return f"+{country_code_for_region(country)}"


def _as_google(address: str) -> str:
    """Its own mailboxes without dots and without what follows a plus, as its Customer Match wants them hashed."""
    local, _, domain = address.rpartition("@")
    if domain not in GOOGLE:
        return address
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _parents(domain: str) -> Iterator[str]:
    """An entry holds for what is below it: mail.spam.example, spam.example."""
    labels = domain.split(".")
    first = max(1, len(labels) - _MOST_PARENTS)
    yield domain
    yield from (".".join(labels[at:]) for at in range(first, len(labels) - 1))


def networks_around(address: str) -> Iterator[str]:
    """The address, and each network that it is in of the lengths that lists hold."""
    yield address
    try:
        whole = ip_network(address)
    except ValueError:
        return
    for length in range(_SHORTEST[whole.version], whole.max_prefixlen, STEP):
        yield str(whole.supernet(new_prefix=length))


def networks_of(text: str) -> tuple[str, ...]:
    """A network as those of the next length that is looked for, at most 128 of them. Raises ValueError."""
    network = ip_network(text.strip(), strict=False)
    length = -(-network.prefixlen // STEP) * STEP
    if network.prefixlen < _SHORTEST[network.version]:
        raise ValueError("is wider than any list may be")
    if network.prefixlen == network.max_prefixlen:
        return (str(network.network_address),)
    parts = network.subnets(new_prefix=length)
    if length == network.max_prefixlen:
        return tuple(str(part.network_address) for part in parts)
    return tuple(str(part) for part in parts)
