"""The words of a ranking that narrow a tier for one lead: what they look at changes from lead to lead."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Protocol

from app.catalog.routing import Rank
from app.distribute.caps import CounterKey
from app.distribute.load import open_key
from app.distribute.ranking import Order, Standing
from app.distribute.shares import WHOLE, credited, first_due, lowered, share_key, share_of

COMPARED = 64
"""So many of a tier are compared by their load; of more those that seemed to have least when they were seen last."""

TOLD = 20
"""Of more of them the why names those alone who came first."""


class Counters(Protocol):
    """What one lead's placing knows of counters."""

    def need(self, keys: Iterable[CounterKey]) -> None:
        """Goes on only where all of them are locked."""
        ...

    def value(self, key: CounterKey) -> int: ...
    def change(self, key: CounterKey, by: int) -> None: ...
    def note(self, word: str, said: Mapping[int, float]) -> None:
        """Kept for the why: contract → what the word saw of it."""
        ...


class Stages:
    """Of one campaign; its contracts are named by their numbers."""

    def __init__(self, words: Sequence[Rank], contracts: Sequence[Standing]) -> None:
        self.words = tuple(words)
        self.sharing, self.loading = "percentage" in words, "load" in words
        self._shares = {i: share_of(one.doc) for i, one in enumerate(contracts)} if self.sharing else {}
        self._credits = tuple(share_key(one.id) for one in contracts) if self.sharing else ()
        self._loads = tuple(open_key(one.id) for one in contracts) if self.loading else ()
        self._capacity = tuple(one.doc.capacity or 1 for one in contracts)

    def credit(self, competing: Sequence[int], copies: int, counters: Counters) -> dict[int, int]:
        """Share a new lead out; what each was credited."""
        found = credited(self._shares, competing, copies)
        counters.need(self._credits[i] for i in found)
        for i, share in found.items():
            counters.change(self._credits[i], share)
        return found

    def charge(self, i: int, counters: Counters) -> None:
        """Contract `i` gets the lead."""
        if self._shares[i]:
            counters.need((self._credits[i],))
            before = counters.value(self._credits[i])
            counters.change(self._credits[i], lowered(before) - before)

    def best(
        self,
        group: list[int],
        counters: Counters,
        *,
        order: Order,
        levels: Mapping[int, int],
        shares: Mapping[int, int] | None,
    ) -> list[int]:
        """Those of a tier who come first, equal in all of the words. `shares` are what they were credited of this lead."""
        for word in self.words:
            if len(group) < 2:
                break
            if word == "percentage":
                group = self._most_owed(group, counters, shares)
            elif word == "load":
                group = self._least_loaded(group, counters)
            elif word == "sticky":
                group = _lowest(group, {i: levels.get(i, 2) for i in group})
            else:
                group = _lowest(group, {i: order.groups[word][i] for i in group})
        return group

    def _most_owed(self, group: list[int], counters: Counters, shares: Mapping[int, int] | None) -> list[int]:
        shares = {i: self._shares[i] for i in group} if shares is None else shares
        mine = [i for i in group if self._shares[i]]
        counters.need(self._credits[i] for i in mine)
        credits = {i: counters.value(self._credits[i]) for i in mine}
        counters.note("percentage", {i: round(credit / WHOLE, 4) for i, credit in credits.items()})
        return first_due(group, shares, credits)

    def _least_loaded(self, group: list[int], counters: Counters) -> list[int]:
        def load(i: int) -> float:
            return counters.value(self._loads[i]) / self._capacity[i]

        compared = group if len(group) <= COMPARED else sorted(nsmallest(COMPARED, group, key=load))
        counters.need(self._loads[i] for i in compared)
        least = _lowest(compared, {i: load(i) for i in compared})
        told = compared if len(compared) <= TOLD else least[:TOLD]
        counters.note("load", {i: counters.value(self._loads[i]) for i in told})
        return least


def _lowest(group: Iterable[int], by: Mapping[int, float]) -> list[int]:
    least = min(by.values())
    return [i for i in group if by[i] == least]
