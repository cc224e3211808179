"""Sells a lead leg by leg of its chain, and where a campaign sells either way, in the way that earns more.

Both ways are tried over the same counters, and one of them is taken back: to the best buyer alone at his price, or
to as many sharers as have room, at the sum of theirs. What costs the same goes to one.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from app.distribute.chain import Passage
from app.distribute.route import Match

if TYPE_CHECKING:
    from app.distribute.wanting import Choice, Want

Ask = Callable[["Want"], tuple["Choice", Callable[[], None]]]
"""Places a lead among the contracts of one leg; with the choice comes how to take it back."""


def asked_last(want: "Want", ask: Ask) -> "Choice":
    """Where nobody takes the lead it waits for one of its campaign who would, and rests."""
    passage = want.passage
    choice = ask(want)[0] if passage is None else along(want, passage, ask)
    if choice.chosen or choice.again or choice.refused or not want.match.rested or not want.copies:
        return choice
    if passage is None:
        last = ask(replace(want, match=want.match.last_resort, gate=()))[0]
    else:
        free = passage.free(0, shared=False) if 0 in passage.open() else []
        match = passage.match(0).last_resort
        last = ask(replace(want, match=match, gate=(), copies=len(free), passage=None))[0]
        last = replace(last, slots=tuple(free))
    return last if last.chosen or last.again else choice


def along(want: "Want", passage: Passage, ask: Ask) -> "Choice":
    """The first leg with room for the lead has it. What its source may bring is counted with the first."""
    full: list[tuple[str, str]] = []
    choice, gate = None, want.gate
    for n in passage.open():
        choice = _sold(replace(want, gate=gate), passage, n, ask)
        gate = ()
        full += [one for one in choice.full if one not in full]
        if choice.chosen or choice.again or choice.refused:
            return choice if choice.again else replace(choice, full=tuple(full))
    nobody = ask(replace(want, copies=0, passage=None))[0] if choice is None else choice
    return replace(nobody, full=tuple(full), exhausted=True)


def _sold(want: "Want", passage: Passage, n: int, ask: Ask) -> "Choice":
    if passage.legs[n].shared is None:
        return _asked(want, passage, n, ask, shared=False)[0]
    shared, take_back = _asked(want, passage, n, ask, shared=True)
    take_back()
    alone, take_back = _asked(want, passage, n, ask, shared=False)
    if shared.again or alone.again:
        take_back()
        return replace(alone, chosen=(), again=(*shared.again, *alone.again))
    earns = tuple(_earned(one, passage.match(n, shared=one.shared), want) for one in (alone, shared))
    if earns[1] <= earns[0] and (alone.chosen or not shared.chosen):
        return replace(alone, earns=earns)
    take_back()
    return replace(_asked(want, passage, n, ask, shared=True)[0], earns=earns)


def _asked(
    want: "Want", passage: Passage, n: int, ask: Ask, *, shared: bool
) -> tuple["Choice", Callable[[], None]]:
    free = passage.free(n, shared=shared)
    part = replace(want, match=passage.match(n, shared=shared), copies=len(free), passage=None)
    choice, take_back = ask(part)
    return replace(choice, leg=n, shared=shared, slots=tuple(free)), take_back


def _earned(choice: "Choice", match: Match, want: "Want") -> Decimal:
    index, total = match.index, Decimal(0)
    for one in choice.chosen:
        contract = index.contracts[index.number[one.contract]]
        price = want.price_of(contract)
        total += contract.doc.price if price is None else price
    return total
