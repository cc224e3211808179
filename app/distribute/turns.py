"""The contracts of one tier in the order of their turns, kept in that order while a batch's leads are placed."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from app.distribute.caps import CounterKey

Turn = tuple[int, int, int]
"""(tag, place in the tier, contract): whose turn comes first sorts first."""


def turns_of(tier: Sequence[int], keys: Sequence[CounterKey], values: Mapping[CounterKey, int]) -> list[Turn]:
    """`keys` name the tag of each contract by its number; one that was never seen is 0."""
    return sorted([(values.get(keys[i], 0), place, i) for place, i in enumerate(tier)])


class Row:
    """A tier whose order follows the tags that change, instead of being made anew for every lead."""

    __slots__ = ("_places", "_read", "_tags", "tier", "turns")

    def __init__(
        self, tier: Sequence[int], keys: Sequence[CounterKey], values: Mapping[CounterKey, int], read: int
    ) -> None:
        self.tier = tier  # held, so that nothing else can be at its address
        self.turns = turns_of(tier, keys, values)
        self._tags = [0] * len(tier)
        for tag, place, _ in self.turns:
            self._tags[place] = tag
        self._places = {keys[i]: place for place, i in enumerate(tier)}
        self._read = read

    def follow(self, moved: Sequence[CounterKey], values: Mapping[CounterKey, int]) -> list[Turn]:
        """`moved` are the keys of all tags that changed since the batch began."""
        for key in moved[self._read :]:
            place = self._places.get(key)
            if place is not None and (tag := values[key]) != self._tags[place]:
                contract = self.tier[place]
                del self.turns[bisect_left(self.turns, (self._tags[place], place, contract))]
                insort(self.turns, (tag, place, contract))
                self._tags[place] = tag
        self._read = len(moved)
        return self.turns
