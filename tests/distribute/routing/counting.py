"""Counters as the database has them, and what each process remembers of them: one transaction after another."""

from collections.abc import Sequence
from typing import Any

from app.distribute.allocate import SPARE, allocate, rehearse
from app.distribute.owners import NOBODY, Owners
from app.distribute.route import RouteIndex
from app.distribute.wanting import Allocation, Choice, Want
from tests.distribute.routing.standing import NOON, Contract, index_of


class House:
    """Each `process` has its own memory of the counters that all of them share."""

    def __init__(self, *contracts: Contract, rank: tuple[str, ...] = ("price", "round_robin")) -> None:
        self.rank = rank
        self.spare = SPARE
        self.counters: dict[str, int] = {}
        self.hints: dict[str, dict[str, int]] = {}
        self.now_are(*contracts)

    def now_are(self, *contracts: Contract) -> None:
        """Another catalogue: contracts joined, left, were paused or changed."""
        self.index: RouteIndex[Contract] = index_of(*contracts, rank=self.rank)

    def want(self, lead: dict[str, Any] | None = None, owners: Owners = NOBODY, **more: Any) -> Want:
        return Want(self.index.match(lead or {}, source="acme", at=NOON, owners=owners), **more)

    def turn(self, wants: Sequence[Want], process: str = "one", again: set[str] | None = None) -> Allocation:
        """One transaction: lock, read, decide, write."""
        hints = self.hints.setdefault(process, {})
        tried = rehearse(wants, hints, self.spare)
        locked = {key: self.counters.get(key, 0) for key in {*tried.keys, *(again or ())}}
        done = allocate(wants, locked, hints)
        if tried.holds(locked):
            foreseen = tried.allocation.choices, tried.allocation.increments
            assert (done.choices, done.increments) == foreseen, "over what was true it chose otherwise"
        assert done.increments.keys() <= locked.keys()
        for key, n in done.increments.items():
            self.counters[key] = locked[key] + n
        hints.update({key: self.counters.get(key, 0) for key in locked})
        return done

    def choices(
        self, wants: Sequence[Want], process: str = "one", *, forgetful: bool = False
    ) -> list[Choice]:
        """Until no lead needs a second look."""
        if forgetful:
            self.hints.pop(process, None)
        made: dict[int, Choice] = {}
        rest, again = list(enumerate(wants)), set[str]()
        for _ in range(50):
            done = self.turn([want for _, want in rest], process, again)
            made |= {n: one for (n, _), one in zip(rest, done.choices, strict=True) if not one.again}
            again = {key for one in done.choices for key in one.again}
            rest = [at for at, one in zip(rest, done.choices, strict=True) if one.again]
            if not rest:
                return [made[n] for n in range(len(wants))]
        raise AssertionError("it never ends")

    def sell(
        self, wants: Sequence[Want], process: str = "one", *, forgetful: bool = False
    ) -> list[list[str]]:
        """Who got each lead."""
        made = self.choices(wants, process, forgetful=forgetful)
        return [[one.contract for one in choice.chosen] for choice in made]

    def give_back(self, choice: Choice) -> None:
        """The buyer said no."""
        for one in choice.chosen:
            for line in one.caps:
                self.counters[line] -= 1
        self.hints.clear()
