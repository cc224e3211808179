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
from typing import Any, Literal, Protocol, TypeVar

from app.catalog.documents import ContractDoc, Rank

SCALE = 232_792_560
"""One turn at weight 1; every whole number to 20 divides it."""

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


C = TypeVar("C", bound=Standing)

_SORTS: dict[str, Callable[[ContractDoc], Any]] = {
    "price": lambda doc: -doc.price,
    "priority": lambda doc: -doc.priority,
}


def ranked(contracts: Sequence[C], rank: Sequence[Rank]) -> tuple[list[C], list[int], Turning | None]:
    """In rank order, the tier of each, and how equals take turns.

    What stands before the first of `weight` and `round_robin` makes the tiers; what stands after it
    decides between equal tags, and last of all the id.
    """
    at = next((i for i, word in enumerate(rank) if word not in _SORTS), len(rank))
    turning: Turning | None = None
    if at < len(rank):
        turning = "weight" if rank[at] == "weight" else "round_robin"
    before = [_SORTS[word] for word in rank[:at]]
    after = [_SORTS[word] for word in rank[at:] if word in _SORTS]

    def tier(one: C) -> tuple[Any, ...]:
        return tuple(sort(one.doc) for sort in before)

    order = sorted(contracts, key=lambda one: (tier(one), [sort(one.doc) for sort in after], one.id))
    tiers: list[int] = []
    for i, one in enumerate(order):
        same = i > 0 and tier(order[i - 1]) == tier(one)
        tiers.append(tiers[-1] if same else i)
    return order, tiers, turning


def quantum(doc: ContractDoc, turning: Turning | None) -> int:
    """By how much a turn raises the contract's tag."""
    return SCALE // doc.weight if turning == "weight" else SCALE


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
