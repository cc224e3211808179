"""How probable it is that a lead becomes what its campaign wants, by the model in force, and why."""

from bisect import bisect_right
from collections.abc import Mapping
from math import exp
from typing import Any

from msgspec import Struct

from app.catalog.modelling import Choice, Model, Number
from app.core.expressions import Expression, Failed, activation
from app.model import Finding, Scalar

NAME, CODE = "score", "model"

_Facts = Mapping[str, Scalar]
_PARTS = 100  # a contribution is kept in hundredths of log-odds: 69 doubles the odds
FAR = 5.0
"""How many of its scale a number may lie off its mean."""
DIGITS = 5
"""Of a probability: equal ones stay equal wherever they are counted."""
_SURE = 30.0  # log-odds beyond which a probability is as good as certain


class Estimate(Struct, frozen=True, gc=False):
    """`rank`: how many in a hundred of the leads it was tested on were less probable."""

    probability: float
    rank: int
    contributions: Mapping[str, int]


class Estimator:
    """One model, compiled: scaling and calibration are folded into the weights. Needs nothing but this file."""

    def __init__(self, model: Model) -> None:
        self.model = model
        fitted, slope = model.fitted, model.fitted.slope
        self._base = slope * fitted.intercept + fitted.shift
        self._numbers = tuple(_number(one, slope) for one in fitted.features if isinstance(one, Number))
        self._choices = tuple(_choice(one, slope) for one in fitted.features if isinstance(one, Choice))
        self._asked = tuple((one.name, Expression(one.value)) for one in fitted.features if one.value)
        self._hundredths = fitted.hundredths

    def estimate(self, facts: _Facts, source: str) -> Estimate:
        """Pure: the same lead, the same estimate. Whatever has no value is absent."""
        if self._asked:
            facts = {**facts, **values_of(self._asked, facts, source)}
        odds, contributions = self._base, {}
        for key, name, factor, offset, absent, low, high in self._numbers:
            value: Any = facts.get(key)
            kind = type(value)
            if (kind is not int and kind is not float) or value != value:
                added = absent
            else:
                added = (value if low <= value <= high else low if value < low else high) * factor + offset
            odds += added
            if (part := int(added * _PARTS)) != 0:
                contributions[name] = part
        for key, name, weights, rare, absent in self._choices:
            value = facts.get(key)
            added = (
                absent if value is None else weights.get(value if type(value) is str else worded(value), rare)
            )
            odds += added
            if (part := int(added * _PARTS)) != 0:
                contributions[name] = part
        return self._estimate(odds, contributions)

    def _estimate(self, odds: float, contributions: Mapping[str, int]) -> Estimate:
        probability = round(1 / (1 + exp(-min(_SURE, max(-_SURE, odds)))), DIGITS)
        return Estimate(probability, bisect_right(self._hundredths, probability), contributions)

    def told(self, estimate: Estimate) -> Finding:
        """The estimate as a finding of its own: which model said it, and what made it so."""
        fitted = self.model.fitted
        return Finding(
            check=NAME, code=CODE,
            message=f"{estimate.probability:.1%} likely to be {fitted.target} ({self.model.id})",
            facts={
                "model": self.model.id, "probability": estimate.probability, "rank": estimate.rank,
                "contributions": estimate.contributions,
            },
        )  # fmt: skip


def asked_key(name: str) -> str:
    """Where the value of a feature that is asked of CEL lies: no field has such a name."""
    return f"={name}"


def values_of(asked: tuple[tuple[str, Expression], ...], facts: _Facts, source: str) -> dict[str, Scalar]:
    """What features come to that are more than a field; one without a plain value is absent."""
    over = activation({"lead": facts, "source": source})
    found: dict[str, Scalar] = {}
    for name, expression in asked:
        value: Any = expression.over(over)
        if not isinstance(value, Failed) and isinstance(value, str | int | float) and worded(value):
            found[asked_key(name)] = value
    return found


def key_of(name: str, value: str) -> str:
    return asked_key(name) if value else name


def worded(value: Any) -> str:
    """A choice as it stands in a model: `true`, `12`, and text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(one: Number, slope: float) -> tuple[str, str, float, float, float, float, float]:
    """Beyond `FAR` of its scale a number adds no more: one odd value must not decide alone."""
    factor = slope * one.weight / one.scale
    offset, far = slope * one.present - factor * one.mean, FAR * one.scale
    return (
        key_of(one.name, one.value), one.name, factor, offset, slope * one.absent, one.mean - far, one.mean + far,
    )  # fmt: skip


def _choice(one: Choice, slope: float) -> tuple[str, str, dict[str, float], float, float]:
    weights = {value: slope * weight for value, weight in one.weights.items()}
    return key_of(one.name, one.value), one.name, weights, slope * one.rare, slope * one.absent
