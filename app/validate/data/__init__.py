"""The lists that ship with the checks, each read once, when first asked for."""

import lzma
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

_FOLDER = files(__name__)


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _rows(name: str) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines((_FOLDER / name).read_text(encoding="utf-8")))


@cache
def disposable_domains() -> frozenset[str]:
    """Domains of throw-away mailboxes. An operator's own file would be joined here."""
    packed = (_FOLDER / "disposable.txt.xz").read_bytes()
    return frozenset(_lines(lzma.decompress(packed).decode()))


@cache
def role_names() -> frozenset[str]:
    """Local parts of mailboxes that belong to an office."""
    return frozenset(_lines((_FOLDER / "roles.txt").read_text(encoding="utf-8")))


@cache
def area_states() -> Mapping[str, frozenset[str]]:
    """Area code of +1 → the states or provinces it serves."""
    return {area: frozenset(states.split()) for area, states in _rows("area_codes.tsv")}


@cache
def zip_ranges() -> tuple[tuple[str, str, str], ...]:
    """(first, last, state) of ZIP codes, in order."""
    return tuple((first, last, state) for first, last, state in _rows("zip_ranges.tsv"))


def zip_places() -> Iterator[list[str]]:
    """[ZIP code, latitude and longitude in thousandths, other states it may lie in]; read anew each time."""
    packed = (_FOLDER / "zips.txt.xz").read_bytes()
    return (line.split("\t") for line in _lines(lzma.decompress(packed).decode()))


def disposable(domain: str) -> str | None:
    """The listed domain that `domain` (lower case, ASCII) is or lies under, else None."""
    listed = disposable_domains()
    while True:
        if domain in listed:
            return domain
        _, _, domain = domain.partition(".")
        if "." not in domain:
            return None
