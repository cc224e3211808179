"""How much work each contract has: leads that it was handed and that nobody has ended since."""

from collections.abc import Mapping
from datetime import datetime

from app.core.reserved import OPEN
from app.distribute.caps import CounterKey, Use
from app.model import Scalar

_EVER = 2**62


def open_key(contract: str) -> CounterKey:
    return f"{OPEN}{contract}"


class OpenLeads:
    """Counts as a cap does, and is never full: it is given back where the buyer says no, and where it is done with the
    lead (`store.openings`)."""

    __slots__ = ("_use", "limit", "name")
    per = "open"
    minds = False

    def __init__(self, contract: str) -> None:
        self.name, self.limit = open_key(contract), _EVER
        self._use = Use(self.name, 1, _EVER)

    def use(self, lead: Mapping[str, Scalar], source: str, at: datetime, price: int) -> Use | None:
        return self._use

    def part(self, at: datetime, by: int = 1) -> Use:
        return self._use
