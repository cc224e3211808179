"""What a contract says that a ranking looks at."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.catalog.documents import ContractDoc
from app.catalog.routing import Rank

_SAID: Mapping[str, tuple[str, Callable[[ContractDoc], Any]]] = {
    "priority": ("priority", lambda doc: doc.priority or None),
    "score": ("score", lambda doc: doc.from_score),
    "weight": ("weight", lambda doc: doc.weight if doc.weight != 1 else None),
    "percentage": ("percent", lambda doc: None if doc.percent is None else f"{doc.percent.normalize():f}"),
    "load": ("capacity", lambda doc: doc.capacity),
}


def configured(docs: Sequence[ContractDoc], rank: Sequence[Rank]) -> dict[str, dict[str, Any]]:
    """By name, then by contract; without what nobody says."""
    found = {
        name: {doc.id: said for doc in docs if (said := of(doc)) is not None}
        for name, of in (_SAID[word] for word in rank if word in _SAID)
    }
    return {name: said for name, said in found.items() if said}
