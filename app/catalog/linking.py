"""Finds contracts whose deliveries hold an address of this service, which needs to know its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.catalog.documents import Catalogue

_ASKS = re.compile(r"\bconfirm_url\b")


def linked(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Each contract that gives a link to be confirmed by, and the first key that does; those that are paused not."""
    for buyer in catalogue.buyers:
        for contract in buyer.contracts:
            if not (buyer.paused or contract.paused):
                key = next(_places(contract.deliver, "deliver"), None)
                if key is not None:
                    yield contract.id, key


def _places(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if _ASKS.search(value):
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _places(inner, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _places(inner, f"{path}[{at}]")
