"""What contracts ask of a lead and its worth: each part in an index, or among those that must be asked of CEL."""

from collections.abc import Sequence

from app.catalog.documents import ContractDoc
from app.core.conditions import Node, Question, conjuncts
from app.distribute.bitsets import FAMILY, Slot, slot
from app.distribute.ranking import Standing


def parts_of(doc: ContractDoc) -> tuple[Node, ...]:
    """What must be true of a lead and its worth."""
    parts = conjuncts(doc.when) if doc.when is not None else ()
    if doc.from_score is None:
        return parts
    return (Question("from", "$score", (doc.from_score,), f"score >= {doc.from_score}"), *parts)


class Filters:
    """Sorts every part of every filter into a slot, or among those that must be asked."""

    def __init__(self, contracts: Sequence[Standing]) -> None:
        self._every = (1 << len(contracts)) - 1
        self._slots: dict[tuple[str, str], Slot] = {}
        self._absent: dict[str, int] = {}
        self.groups: list[tuple[Node, int]] = []
        self.asked: dict[int, tuple[int, ...]] = {}
        self._group_of: dict[str, int] = {}
        for i, one in enumerate(contracts):
            for part in parts_of(one.doc):
                if not (isinstance(part, Question) and self._kept(i, part)):
                    self._ask(i, part)

    def fields(self) -> tuple[tuple[str, int, tuple[Slot, ...]], ...]:
        """Per field: its name, who stands where it is absent, its slots; most asked first."""
        by_field: dict[str, list[Slot]] = {}
        for (field, _), one in self._slots.items():
            one.close()
            by_field.setdefault(field, []).append(one)
        order = sorted(by_field, key=lambda field: self._absent[field].bit_count())
        return tuple((field, self._absent[field], tuple(by_field[field])) for field in order)

    def _kept(self, i: int, test: Question) -> bool:
        """One test of a family per contract and field; a second one is rare and asked instead."""
        family = FAMILY[test.op]
        key = (test.field, family)
        if key not in self._slots:
            self._slots[key] = slot(family, self._every)
        if family != "not_in" and self._slots[key].asks >> i & 1:
            return False
        self._slots[key].add(i, test)
        absent = self._absent.get(test.field, self._every)
        self._absent[test.field] = absent if family == "has_not" else absent & ~(1 << i)
        return True

    def _ask(self, i: int, part: Node) -> None:
        group = self._group_of.setdefault(part.text, len(self.groups))
        if group == len(self.groups):
            self.groups.append((part, 0))
        node, members = self.groups[group]
        self.groups[group] = node, members | 1 << i
        self.asked[i] = (*self.asked.get(i, ()), group)
