"""Which contracts of a ranking stood level, as far as it is kept with a lead, and what told them apart then."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

from msgspec import Struct

from app.catalog.routing import Rank
from app.distribute.ranking import words_of
from app.distribute.reasons import Why

Ranked = Sequence[tuple[str, str]]
"""(contract, its price), best first."""

BY_ID = "id"


class Tie(Struct, frozen=True):
    """`level_in` are the words that left these contracts equal; `by` is the word that told them apart, `id` where none
    did, and empty where nobody had to: no lead came so far."""

    contracts: tuple[str, ...]
    level_in: tuple[Rank, ...]
    by: str


def ties(ranked: Ranked, why: Why, rank: Sequence[Rank]) -> list[Tie]:
    """In rank order. Contracts beyond those that are kept are not known."""
    if not rank:
        return []
    words, seen = words_of(rank), _Seen(ranked, why)
    groups = [
        tuple(contract for contract, _ in group)
        for _, group in groupby(ranked, lambda one: [seen.of(word, one[0]) for word in words.before])
    ]
    return [Tie(group, words.before, seen.apart(group, rank)) for group in groups if len(group) > 1]


def level_with_next(found: Sequence[Tie]) -> set[str]:
    """Contracts behind which an equal one stands."""
    return {contract for tie in found for contract in tie.contracts[:-1]}


class _Seen:
    """What the words saw of each contract."""

    def __init__(self, ranked: Ranked, why: Why) -> None:
        self._prices, self._why = dict(ranked), why

    def of(self, word: str, contract: str) -> Any:
        """As sorts see it; what is usual is not kept."""
        if word == "price":
            return Decimal(self._prices[contract])
        usual = {"priority": 0, "sticky": 2, "expected_value": None, "score": None}.get(word)
        return self._why.get(word, {}).get(contract, usual)

    def apart(self, contracts: Sequence[str], rank: Sequence[Rank]) -> str:
        words = words_of(rank)
        if not (words.stages or words.turning):
            return BY_ID
        counted = False
        for word, looked in self._looks(rank):
            values = [looked(one) for one in contracts]
            counted |= word not in words.after and any(value is not None for value in values)
            # Tags are kept with two places, and weights make finer ones.
            if counted and (len(set(values)) > 1 or word == "weight"):
                return word
        return BY_ID if counted else ""

    def _looks(self, rank: Sequence[Rank]) -> Iterator[tuple[str, Callable[[str], Any]]]:
        words = words_of(rank)
        for word in words.stages:
            yield word, self._load if word == "load" else partial(self.of, word)
        if words.turning:
            yield words.turning, self._why.get("turns", {}).get
        for word in words.after:
            yield word, partial(self.of, word)

    def _load(self, contract: str) -> float | None:
        """As it is compared: open ÷ capacity."""
        open_ = self._why.get("load", {}).get(contract)
        return None if open_ is None else open_ / (self._why.get("capacity", {}).get(contract) or 1)
