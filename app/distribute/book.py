"""What is known of counters while the leads of a batch are placed, and what the batch has added to them."""

from collections.abc import Iterable, Mapping, Sequence

from app.distribute.caps import CounterKey, Use
from app.distribute.turns import Row, Turn, turns_of


class Missing(Exception):
    """These keys must be locked before this lead can be placed."""

    def __init__(self, keys: Iterable[CounterKey]) -> None:
        self.keys = tuple(dict.fromkeys(keys))


class Book:
    """Counter values with what this batch has added to them.

    In a rehearsal (`locked` is None) every key is taken at its hint, and what is looked at is noted, with `spare`
    equals beside each that is chosen.
    """

    def __init__(
        self, locked: Mapping[CounterKey, int] | None, hints: Mapping[CounterKey, int], spare: int = 1
    ) -> None:
        self.rehearsal, self.spare = locked is None, spare
        self.hints, self.locked = hints, locked or {}
        self.values = {**hints, **self.locked}  # now; of an unlocked key what was seen last
        self.added: dict[CounterKey, int] = {}
        self.touched: set[CounterKey] = set()
        self.said_full: set[CounterKey] = set()
        self._rows: dict[int, Row] = {}
        self._moved: list[CounterKey] = []

    def knows(self, key: CounterKey) -> bool:
        return self.rehearsal or key in self.locked

    def value(self, key: CounterKey) -> int:
        return self.values.get(key, 0)

    def full(self, use: Use) -> bool:
        if use.below_zero and use.key not in self.values:
            return False  # it must be looked at before anything is known of it
        level = self.values.get(use.key, 0)
        if use.also:
            level += sum(self.values.get(key, 0) for key in use.also)
        if not use.full(level):
            return False
        self.said_full.update(use.keys)
        return True

    def unknown(self, uses: Iterable[Use]) -> list[CounterKey]:
        return [key for use in uses for key in use.keys if not self.knows(key)]

    def add(self, key: CounterKey, n: int) -> None:
        self.values[key] = self.values.get(key, 0) + n
        self.added[key] = self.added.get(key, 0) + n

    def move(self, key: CounterKey, n: int) -> None:
        """The tag of a turn."""
        self.add(key, n)
        self._moved.append(key)

    def turns(
        self, waiting: Sequence[int], tier: Sequence[int], keys: Sequence[CounterKey]
    ) -> Sequence[Turn]:
        """Of those that wait, whose turn comes first; `tier` holds them. It is as it is until the next `move`."""
        if len(waiting) != len(tier) or type(tier) is not tuple:  # it will not be asked for again
            return turns_of(waiting, keys, self.values)
        row = self._rows.get(id(tier))
        if row is None:
            row = self._rows[id(tier)] = Row(tier, keys, self.values, len(self._moved))
        return row.follow(self._moved, self.values)
