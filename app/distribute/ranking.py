"""Who comes first among the contracts that want a lead, and whose turn it is among equals.

Rotation is by tags, not by chance (start-time fair queueing): each contract has a tag that rises by
SCALE / weight with every turn, and the lowest tag is next. Tags are counters like caps: rows that the
pipeline locks, so the order holds under any interleaving of batches and processes.

There is no virtual time beside the tags. A clock shared by a campaign is driven by its busiest
contracts, and where it overtakes two quieter equals it erases whose turn it is among them. Instead gaps
that no fair rotation could have opened are closed among those who compete for the lead at hand: who
joins late or comes back from a pause starts level with the rest, without a burst.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct, field

from app.catalog.documents import ContractDoc
from app.catalog.limits import Account
from app.catalog.routing import TURNS, Rank

SCALE = 232_792_560
"""One turn at weight 1; every whole number to 20 divides it."""

COUNTS = ("percentage", "load", *TURNS)
"""Words that look at counters: what they say changes with every lead."""

Turning = Literal["weight", "round_robin"]


class Standing(Protocol):
    """What routing needs of the catalogue's contract."""

    @property
    def id(self) -> str: ...
    @property
    def buyer(self) -> str: ...
    @property
    def doc(self) -> ContractDoc: ...
    @property
    def paused(self) -> bool: ...
    @property
    def account(self) -> Account: ...


C = TypeVar("C", bound=Standing)

Values = Mapping[str, Decimal]
"""Contract → what a lead that it is offered is expected to bring."""

_SORTS: dict[str, Callable[[ContractDoc, Values], Any]] = {
    "price": lambda doc, _: -doc.price,
    "priority": lambda doc, _: -doc.priority,
    "score": lambda doc, _: 0 if doc.from_score is None else -1 - doc.from_score,
    "expected_value": lambda doc, values: -values.get(doc.id, doc.price),
}


class Words(Struct, frozen=True):
    """A ranking in its parts: what makes tiers, what then narrows a tier in this order, whose turn it is among those
    who are still equal, and what decides between equal tags."""

    before: tuple[Rank, ...]
    stages: tuple[Rank, ...]
    turning: Turning | None
    after: tuple[Rank, ...]
    clings: bool
    """Whether tiers are made by who has the person, too."""


def words_of(rank: Sequence[Rank]) -> Words:
    first = next((at for at, word in enumerate(rank) if word in COUNTS), len(rank))
    turn = next((at for at, word in enumerate(rank) if word in TURNS), len(rank))
    turning: Turning | None = None
    if turn < len(rank):
        turning = "weight" if rank[turn] == "weight" else "round_robin"
    before = tuple(rank[:first])
    return Words(before, tuple(rank[first:turn]), turning, tuple(rank[turn + 1 :]), "sticky" in before)


class Line(Struct, frozen=True, gc=False):
    """Contracts best first, and by number those of them that stand together."""

    ids: tuple[str, ...]
    tiers: tuple[tuple[int, ...], ...]


class Order(Struct, frozen=True):
    """Who is before whom for every lead alike, for as long as `values` are what is expected; each by number.

    `tiers` are equal where the words before the first that counts leave contracts equal, `outer` likewise of the words
    before `sticky`; `groups` are of each sort that stands after a word that counts.
    """

    values: Values
    places: tuple[int, ...]
    tiers: tuple[int, ...]
    outer: tuple[int, ...]
    groups: Mapping[Rank, tuple[int, ...]]
    plain: bool
    """Whether the numbers are the places."""
    lines: dict[int, "Line"] = field(default_factory=dict)
    """How sets of contracts stood that were asked for before: many leads want the same ones."""


def numbered(contracts: Sequence[C], rank: Sequence[Rank]) -> list[C]:
    """In rank order, as far as what is configured decides it; last of all by id."""
    return sorted(contracts, key=lambda one: (_key(one.doc, rank, {}), one.id))


def order_of(contracts: Sequence[Standing], rank: Sequence[Rank], values: Values) -> Order:
    """Of contracts as they are numbered."""
    words = words_of(rank)
    outer = words.before[: words.before.index("sticky")] if "sticky" in words.before else words.before
    places = _ranks([(_key(one.doc, rank, values), one.id) for one in contracts])
    groups = {
        word: _ranks([_key(one.doc, (word,), values) for one in contracts])
        for word in words.stages
        if word in _SORTS
    }
    return Order(
        values,
        places,
        _ranks([_key(one.doc, words.before, values) for one in contracts]),
        _ranks([_key(one.doc, outer, values) for one in contracts]),
        groups,
        places == tuple(range(len(contracts))),
    )


def _key(doc: ContractDoc, rank: Sequence[Rank], values: Values) -> tuple[Any, ...]:
    return tuple(_SORTS[word](doc, values) for word in rank if word in _SORTS)


def _ranks(keys: Sequence[Any]) -> tuple[int, ...]:
    known = {key: at for at, key in enumerate(sorted(set(keys)))}
    return tuple(known[key] for key in keys)


def quantum(doc: ContractDoc, turning: Turning | None) -> int:
    """By how much a turn raises the contract's tag."""
    return SCALE // doc.weight if turning == "weight" else SCALE


@lru_cache(4096)
def in_turns(tag: int) -> float:
    """As people count them: one turn at weight 1 is 1.0."""
    return round(tag / SCALE, 2)


def turn_key(contract: str) -> str:
    return f"turn:{contract}"


def levelled(tags: Mapping[int, int], quanta: Sequence[int]) -> dict[int, int]:
    """By how much each laggard must rise: contract → rise, only where it is not zero.

    In a fair rotation nobody stands further above his neighbour than his own quantum, so such a gap is
    history from elsewhere (a pause, other leads). All below it rise together, keeping their order.
    """
    lowest, highest = min(tags.values()), max(tags.values())
    if highest - lowest <= min(quanta[i] for i in tags):
        return {}
    rises: dict[int, int] = {}
    rise, above = 0, -1
    for i in sorted(tags, key=lambda i: tags[i], reverse=True):
        if above >= 0:
            rise += max(0, tags[above] - tags[i] - quanta[above])
            if rise:
                rises[i] = rise
        above = i
    return rises
