"""Conditions that need no CEL, answered at a tenth of what it takes."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from app.core.conditions import Facts, Node, Op, Question, asks, conjuncts
from app.core.expressions import Expression
from app.model import Scalar

Answer = Callable[[Facts], bool]


def quick(expression: Expression) -> Answer | None:
    """Whether it is true of a lead's facts; None where only CEL can tell."""
    parts = conjuncts(expression)
    if any(asks(part) for part in parts):
        return None
    answers = tuple(_answer(part) for part in parts)
    return answers[0] if len(answers) == 1 else lambda facts: all(answer(facts) for answer in answers)


def _answer(node: Node) -> Answer:
    """`node.holds`, and quicker for what is asked most."""
    if not isinstance(node, Question):
        return node.holds
    field, values = node.field, node.values
    match node.op:
        case "in" if all(isinstance(value, str) for value in values):
            wanted = frozenset(values)
            return lambda facts: facts.get(field) in wanted
        case "is":
            (truth,) = values
            return lambda facts: facts.get(field) is truth
        case "from" | "above" | "below" | "upto":
            return _beside(field, _BESIDE[node.op], values[0])
        case "has":
            return lambda facts: field in facts
    return node.holds


_BESIDE: Mapping[Op, Callable[[Any, Any], bool]] = {
    "above": operator.gt, "from": operator.ge, "below": operator.lt, "upto": operator.le,
}  # fmt: skip


def _beside(field: str, compare: Callable[[Any, Any], bool], limit: Scalar) -> Answer:
    def holds(facts: Facts) -> bool:
        value = facts.get(field)
        return (type(value) is int or type(value) is float) and compare(value, limit)

    return holds
