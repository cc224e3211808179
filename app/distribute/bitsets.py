"""Sets of contracts as whole numbers (bit i is contract i), looked up by a lead's value.

Each slot answers one kind of test on one field: which contracts does this value leave standing? Those
that don't ask are always among them.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Literal

from app.core.conditions import Question, identity

Family = Literal["in", "not_in", "lower", "upper", "prefix", "has", "has_not"]

FAMILY: dict[str, Family] = {
    "in": "in",
    "is": "in",
    "not_in": "not_in",
    "above": "lower",
    "from": "lower",
    "below": "upper",
    "upto": "upper",
    "prefix": "prefix",
    "has": "has",
    "has_not": "has_not",
}
_SPARSE = 24  # a value that fewer contracts name is kept as their numbers, not as a bitset of all
_FEW = 512


def positions(bits: int) -> Iterator[int]:
    """The numbers of the set bits, ascending."""
    if bits.bit_length() <= 256:
        while bits:
            low = bits & -bits
            yield low.bit_length() - 1
            bits ^= low
        return
    text = f"{bits:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


class Slot(ABC):
    """One family of tests on one field; `asks` are the contracts that have one."""

    def __init__(self, every: int) -> None:
        self.every, self.asks = every, 0

    def add(self, i: int, test: Question) -> None:
        self.asks |= 1 << i

    def close(self) -> None:
        self.free = self.every & ~self.asks

    @abstractmethod
    def passing(self, value: Any) -> int: ...


class Named(Slot):
    """`in` and `not_in`: a dictionary from values to those who name them."""

    def __init__(self, every: int, *, wanted: bool) -> None:
        super().__init__(every)
        self._wanted = wanted
        self._lists: dict[Any, list[int]] = {}

    def add(self, i: int, test: Question) -> None:
        super().add(i, test)
        for value in {identity(value) for value in test.values}:
            self._lists.setdefault(value, []).append(i)

    def close(self) -> None:
        super().close()
        self._rest = self.free if self._wanted else self.every
        few = self.every.bit_length() <= _FEW
        self._by: dict[Any, int | tuple[int, ...]] = {
            value: self._passing(at) if few or len(at) > _SPARSE else tuple(at)
            for value, at in self._lists.items()
        }
        self._lists = {}

    def passing(self, value: Any) -> int:
        found = self._by.get((value,) if value is True or value is False else value)
        if found is None:
            return self._rest
        return found if type(found) is int else self._passing(found)

    def _passing(self, named: Any) -> int:
        bits = 0
        for i in named:
            bits |= 1 << i
        return self._rest | bits if self._wanted else self._rest & ~bits


class Bounded(Slot):
    """Thresholds in order, each with all that stand once it is passed."""

    def __init__(self, every: int, *, lower: bool) -> None:
        super().__init__(every)
        self._lower = lower
        self._limits: dict[tuple[float, int], int] = {}

    def add(self, i: int, test: Question) -> None:
        super().add(i, test)
        (limit,) = test.values
        assert isinstance(limit, int | float)
        key = (limit, 1 if test.op in ("above", "upto") else 0)
        self._limits[key] = self._limits.get(key, 0) | 1 << i

    def close(self) -> None:
        super().close()
        self._keys = sorted(self._limits)
        masks = [self._limits[key] for key in self._keys]
        self._standing = [self.free]
        for mask in masks if self._lower else reversed(masks):
            self._standing.append(self._standing[-1] | mask)
        if not self._lower:
            self._standing.reverse()

    def passing(self, value: Any) -> int:
        kind = type(value)
        if (kind is not int and kind is not float) or value != value:
            return self.free
        return self._standing[bisect_left(self._keys, (value, 1))]


class Prefixed(Slot):
    """`startsWith`, by the lengths that occur."""

    def __init__(self, every: int) -> None:
        super().__init__(every)
        self._by: dict[str, int] = {}

    def add(self, i: int, test: Question) -> None:
        super().add(i, test)
        for value in test.values:
            assert isinstance(value, str)
            self._by[value] = self._by.get(value, 0) | 1 << i

    def close(self) -> None:
        super().close()
        self._lengths = sorted({len(prefix) for prefix in self._by})

    def passing(self, value: Any) -> int:
        bits = self.free
        if type(value) is str:
            for length in self._lengths:
                bits |= self._by.get(value[:length], 0)
        return bits


class Present(Slot):
    """`has` and `!has`; asked only where the field is there."""

    def __init__(self, every: int, *, wanted: bool) -> None:
        super().__init__(every)
        self._wanted = wanted

    def passing(self, value: Any) -> int:
        return self.every if self._wanted else self.free


def slot(family: Family, every: int) -> Slot:
    match family:
        case "in" | "not_in":
            return Named(every, wanted=family == "in")
        case "lower" | "upper":
            return Bounded(every, lower=family == "lower")
        case "prefix":
            return Prefixed(every)
    return Present(every, wanted=family == "has")
