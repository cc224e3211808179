"""The lists that ship with the checks, each read once, when first asked for."""

import lzma
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_FOLDER = files(__name__)


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def disposable_domains() -> frozenset[str]:
    """Domains of throw-away mailboxes. An operator's own file would be joined here."""
    packed = (_FOLDER / "disposable.txt.xz").read_bytes()
    return frozenset(_lines(lzma.decompress(packed).decode()))


@cache
def role_names() -> frozenset[str]:
    """Local parts of mailboxes that belong to an office."""
    return frozenset(_lines((_FOLDER / "roles.txt").read_text(encoding="utf-8")))


def disposable(domain: str) -> str | None:
    """The listed domain that `domain` (lower case, ASCII) is or lies under, else None."""
    listed = disposable_domains()
    while True:
        if domain in listed:
            return domain
        _, _, domain = domain.partition(".")
        if "." not in domain:
            return None
