"""Which contracts get which leads of a batch, decided over counters that the pipeline holds locked.

    tried = rehearse(wants, hints)      # `tried.keys`: what to lock, in one statement; a row that is not there is 0
    done = tried.allocation if tried.holds(locked) else allocate(wants, locked, hints)
    …write done.increments in the same transaction; after its commit `locked` + increments are hints

`hints` are values seen earlier, without a lock. They only save locks: a choice is made over locked values
alone, and where those don't suffice the lead comes back as `again`, with keys to lock beside `needs` in
the next transaction (what was learned in this one makes sure that it ends). A cap that a hint says is full
is believed (it is among `Allocation.full`), so forget its hint soon: something may have been given back to it.

A turn is used up by being asked: a rejection gives back the caps (`Reservation.caps`), not the turn, else
a buyer who always says no would be asked first every time.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.core.money import units
from app.core.reserved import line
from app.distribute.book import Book, Missing
from app.distribute.caps import BALANCE, CounterKey, Use
from app.distribute.chain import index_with
from app.distribute.hybrid import asked_last
from app.distribute.ranking import in_turns, levelled
from app.distribute.route import RouteIndex
from app.distribute.wanting import Allocation, Choice, Reservation, Want

SPARE = 8
"""Equals beyond the chosen ones that are locked too, so that other processes' turns in between cost no second look."""

NEARLY = 64
"""A cap that was seen so close to its limit may be full by now."""


class Rehearsal(Struct, frozen=True):
    """What would be chosen if the hints were true: the keys to lock to know whether they are, and what they were
    taken for (None: never seen). Hints may have changed by the time that the keys are locked."""

    taken: Mapping[CounterKey, int | None]
    allocation: Allocation

    @property
    def keys(self) -> Collection[CounterKey]:
        return self.taken.keys()

    @property
    def ahead(self) -> dict[CounterKey, int]:
        """What the counters are afterwards, if the hints are true."""
        return {key: (self.taken[key] or 0) + n for key, n in self.allocation.increments.items()}

    def holds(self, locked: Mapping[CounterKey, int]) -> bool:
        """Whether nothing that it looked at was otherwise: then `allocate` would choose the same. What was never seen
        was taken for 0, but for what may be below it."""
        return all(
            locked[key] == (value if value is not None or key.startswith(BALANCE) else 0)
            for key, value in self.taken.items()
        )


def rehearse(
    wants: Sequence[Want], hints: Mapping[CounterKey, int] | None = None, spare: int = SPARE
) -> Rehearsal:
    """Over the hints. With `spare` equals beside each chosen one a turn that was taken meanwhile costs no second look;
    where nobody else takes turns they would be locked for nothing."""
    book = Book(None, hints or {}, spare)
    choices = _place_all(wants, book)
    return Rehearsal({key: book.hints.get(key) for key in book.touched}, _allocation(choices, book))


def needs(wants: Sequence[Want], hints: Mapping[CounterKey, int] | None = None) -> list[CounterKey]:
    """The keys to lock for these leads, sorted: those of a rehearsal over the hints, and some spare."""
    return sorted(rehearse(wants, hints).keys)


def allocate(
    wants: Sequence[Want],
    locked: Mapping[CounterKey, int],
    hints: Mapping[CounterKey, int] | None = None,
) -> Allocation:
    """First come, first served, in the order of `wants`. A key that is absent from `locked` is not locked."""
    book = Book(locked, hints or {})
    return _allocation(_place_all(wants, book), book)


def _allocation(choices: tuple[Choice, ...], book: Book) -> Allocation:
    return Allocation(choices, {key: n for key, n in book.added.items() if n}, book.said_full)


def _place_all(wants: Sequence[Want], book: Book) -> tuple[Choice, ...]:
    choices: list[Choice] = []
    for want in wants:
        got = {
            _buyer_of(wants[place], one) for place in want.apart for one in choices[place].chosen
        } if want.apart else ()  # fmt: skip
        choices.append(_place(want if not got else replace(want, buyers={*want.buyers, *got}), book))
    return tuple(choices)


def _buyer_of(want: Want, one: Reservation) -> str:
    index = index_with(want.passage.legs, one.contract) if want.passage is not None else None
    return (index or want.match.index).buyer_of(one.contract)


def _place(want: Want, book: Book) -> Choice:
    return asked_last(want, lambda part: _placed(part, book))


def _placed(want: Want, book: Book) -> tuple[Choice, Callable[[], None]]:
    """The choice, and how to take it back."""
    placing = _Placing(want, book)
    try:
        placing.run()
    except Missing as missing:
        placing.undo()
        return Choice(again=missing.keys), _nothing
    if book.rehearsal:
        placing.note_spare()
    short = len(placing.chosen) < want.copies
    choice = Choice(
        tuple(placing.chosen), tuple(placing.full), short, refused=placing.refused, why=placing.why
    )
    return choice, placing.undo


def _nothing() -> None:
    """There is nothing to take back."""


class _Placing:
    """One lead's way down its tiers."""

    def __init__(self, want: Want, book: Book) -> None:
        self.want, self.book = want, book
        self.index: RouteIndex[Any] = want.match.index
        self.chosen: list[Reservation] = []
        self.full: list[tuple[str, CounterKey]] = []
        self.buyers = set(want.buyers)
        self._picked: list[int] = []
        self.refused: CounterKey = ""
        self._uses: dict[int, tuple[Use, ...]] = {}
        self._added: list[tuple[CounterKey, int]] = []
        self._moved: list[tuple[CounterKey, int]] = []
        self.why: dict[str, dict[str, float]] = {}
        self.value = book.value

    def run(self) -> None:
        if (self.want.gate and not self._admitted()) or (self.index.common and self._closed()):
            return
        for tier in self.want.match.tiers():
            waiting, turning = self._untried(tier), len(tier) > 1  # alone there are no turns to take
            if turning and self.index.stages.words:
                waiting = self._run_staged(waiting)
            while waiting and len(self.chosen) < self.want.copies:
                i = self._next(waiting, tier) if turning else self._first(waiting)
                if i is None:
                    break
                waiting = [other for other in waiting if other != i]
                self._reserve(i, turning)
            if len(self.chosen) >= self.want.copies:
                return

    def _run_staged(self, waiting: list[int]) -> list[int]:
        """One tier whose contracts are told apart by what counters say of each, before any turn is taken."""
        stages, match = self.index.stages, self.want.match
        shares: Mapping[int, int] | None = None
        while len(self.chosen) < self.want.copies:
            if stages.sharing:
                waiting = [i for i in waiting if not self._refused(i)]
                self.need(key for i in waiting for key in self._keys(i, turning=False))
                if shares is None and not self.want.tried:  # who is asked after others were: not a lead more
                    shares = stages.credit(waiting, self.want.copies, self)
            group = stages.best(waiting, self, order=match.order, levels=match.levels, shares=shares)
            if refused := {i for i in group if not stages.sharing and self._refused(i)}:
                waiting = [i for i in waiting if i not in refused]
                continue
            turning = len(group) > 1 and self.index.turning is not None
            i = self._next(group, group) if turning else self._first(group)
            if i is None:
                break
            waiting = [other for other in waiting if other != i]
            self._reserve(i, turning)
            if stages.sharing:
                stages.charge(i, self)
        return []

    def need(self, keys: Iterable[CounterKey]) -> None:
        if self.book.rehearsal:
            self.book.touched.update(keys)
        elif missing := [key for key in keys if not self.book.knows(key)]:
            raise Missing(missing)

    def note(self, word: str, said: Mapping[int, float]) -> None:
        contracts, told = self.index.contracts, self.why.get(word)
        new = {contracts[i].id: value for i, value in said.items()}
        self.why[word] = new if told is None else new | told  # what was seen first, stands

    def _admitted(self) -> bool:
        """Whether its source may bring one more; counted where it may."""
        gate = self.want.gate
        self.refused = next((use.key for use in gate if self.book.full(use)), "")
        if not self.refused:
            if missing := self.book.unknown(gate):
                raise Missing(missing)
            self._take(gate)
        return not self.refused

    def _closed(self) -> bool:
        """Whether a cap of the campaign is full: then no contract need be looked at."""
        match = self.want.match
        for cap in self.index.common:
            use = cap.use(match.lead, match.source, match.at, 0)
            if use is not None and self.book.full(use):
                self.full.append(("", use.key))
                return True
        return False

    def undo(self) -> None:
        for key, n in self._added:
            self.book.add(key, -n)
        for key, n in self._moved:
            self.book.move(key, -n)

    def note_spare(self) -> None:
        """Where a chosen one may turn out to be full, lock the next ones too: fewer second looks."""
        if not self._is_tight():
            return
        left, turns = SPARE, self.index.turning is not None
        for tier in self.want.match.tiers():
            for i in self._untried(tier):
                if left and self._full(i) is None:
                    left -= 1
                    self.book.touched.update(self._keys(i, turning=turns and len(tier) > 1))
            if not left:
                return

    def _is_tight(self) -> bool:
        hints, value = self.book.hints, self.book.value
        for i in self._picked:
            for use in self._counted(i):
                if use.key not in hints or use.full(sum(map(value, use.keys)) + NEARLY * use.by):
                    return True
        return False

    def _untried(self, tier: Sequence[int]) -> list[int]:
        tried = self.want.tried
        return [i for i in tier if self.index.contracts[i].id not in tried] if tried else list(tier)

    def _first(self, waiting: list[int]) -> int | None:
        for i in waiting:
            if not self._refused(i):
                if missing := self.book.unknown(self._counted(i)):
                    raise Missing(missing)
                return i
        return None

    def _next(self, waiting: list[int], tier: Sequence[int]) -> int | None:
        """Whose turn it is: the lowest tag of those with room, provably lowest, whether locked or not."""
        turns = self.book.turns(waiting, tier, self.index.turns)
        while turns and self._refused(turns[0][2]):
            waiting.remove(turns[0][2])  # not looked at again for this lead
            turns = turns[1:]
        if not turns:
            return None
        # Tags only rise: one that was seen earlier is a lower bound of what an unlocked one is now.
        lowest, _, first = turns[0]
        best = None
        for tag, _, i in turns:
            if tag != lowest:
                break
            if self._ready(i, first):
                best = i
                break
        if best is None or self.book.rehearsal:
            spare = self.book.spare if best is not None else SPARE
            keys = [key for _, _, i in turns[:spare] for key in self._keys(i, turning=True)]
            if best is None:
                raise Missing(key for key in keys if not self.book.knows(key))
            self.book.touched.update(keys)
        if self.index.turning is not None:
            self.note(self.index.turning, {i: in_turns(tag) for tag, _, i in turns[:SPARE]})
        if turns[-1][0] - lowest > self.index.least_quantum:
            self._level({i: tag for tag, _, i in turns})
        return best

    def _level(self, tags: Mapping[int, int]) -> None:
        for i, rise in levelled(tags, self.index.quanta).items():
            key = self.index.turns[i]
            if self.book.knows(key):
                self._turn(key, rise)

    def _turn(self, key: CounterKey, n: int) -> None:
        self.book.touched.add(key)
        self.book.move(key, n)
        self._moved.append((key, n))

    def _ready(self, i: int, first: int) -> bool:
        """As the first in order, which has been looked at: it may be chosen on what is locked."""
        if i != first and (self.index.contracts[i].buyer in self.buyers or self._full(i) is not None):
            return False
        return self._known(i)

    def _known(self, i: int) -> bool:
        return self.book.rehearsal or all(map(self.book.knows, self._keys(i, turning=True)))

    def _keys(self, i: int, *, turning: bool) -> list[CounterKey]:
        caps = [key for use in self._counted(i) for key in use.keys]
        return [*caps, self.index.turns[i]] if turning else caps

    def _refused(self, i: int) -> bool:
        """Whether a cap is full (noted), or the buyer has this lead already."""
        contract = self.index.contracts[i]
        if contract.buyer in self.buyers:
            return True
        full = self._full(i)
        if full is not None:
            self.full.append((contract.id, full))
        return full is not None

    def _full(self, i: int) -> CounterKey | None:
        for use in self._counted(i):
            if self.book.full(use):
                return use.key
        return None

    def _counted(self, i: int) -> tuple[Use, ...]:
        """What this lead would use up at contract `i`."""
        share = self.want.share
        if share is None and not self.index.caps[i]:
            return ()
        found = self._uses.get(i)
        if found is None:
            found = self._looked_up(i)
            if share is not None:
                contract = self.index.contracts[i]
                price = self.want.price_of(contract)
                found += share.uses(contract.doc.price if price is None else price)
            self._uses[i] = found
        return found

    def _looked_up(self, i: int) -> tuple[Use, ...]:
        index, match = self.index, self.want.match
        price = self.want.price_of(index.contracts[i])
        if price is None and index.steady[i]:
            return index.steady_uses(i, match.at)
        return index.uses(i, match.lead, match.source, match.at, None if price is None else units(price))

    def _reserve(self, i: int, turning: bool) -> None:
        contract = self.index.contracts[i]
        uses = self._counted(i)
        turn = self.index.turns[i] if turning else None
        self._take(uses)
        if turn is not None:
            self._turn(turn, self.index.quanta[i])
        self._picked.append(i)
        self.buyers.add(contract.buyer)
        held = tuple(line(use.key, use.by) for use in uses if use.by)
        self.chosen.append(Reservation(contract.id, held, turn))

    def _take(self, uses: Iterable[Use]) -> None:
        for use in uses:
            self.book.touched.update(use.also)
            self.change(use.key, use.by)

    def change(self, key: CounterKey, n: int) -> None:
        self.book.touched.add(key)
        self.book.add(key, n)
        self._added.append((key, n))
