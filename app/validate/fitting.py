"""Learns from outcomes how probable they are: logistic regression, split by time, with what it is worth told.

Needs numpy (`leadgate[fit]`), and is imported by the command that fits alone; a service never does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from msgspec import Struct, field

from app.catalog.modelling import Choice, FeatureDoc, Figures, Fitted, ModelDoc, Number
from app.model import Scalar
from app.validate.estimate import DIGITS, FAR, worded
from app.validate.quality import auc, figures, shares

NEED = 100
"""So many leads that became it, and so many that didn't, must be known."""
NEED_OF_PART = 10
"""And so many of both in each part."""
PARTS = (0.6, 0.2, 0.2)
_PART_NAMES = (
    "oldest three fifths, which it learns from",
    "next fifth, which calibrates it",
    "newest fifth, which it is tested on",
)
_SELDOM, _SELDOM_SHARE = 20, 0.005
_MOST_COLUMNS, _MOST_VALUES, _FEWEST_VALUES = 400, 50, 5
_TELLTALE = 0.98
_ROUNDS, _SHRINKS = 100, 0.3
_LOOKED_AT = 5_000

Array = Any
"""A numpy array of floats; numpy's own generic says no more here."""


class TooFew(Exception):
    """Says how many outcomes are missing, and of which kind."""


class Examples(Struct):
    """Leads whose outcome is known, the oldest first: a column for each feature, beside outcome and points."""

    columns: dict[str, list[Scalar]]
    hits: list[bool] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)


class _Coded(Struct):
    """One feature: its columns of the matrix, and how its weights are read out of theirs."""

    doc: FeatureDoc
    values: tuple[str, ...] = ()  # of a choice
    mean: float = 0.0
    scale: float = 1.0
    number: bool = False

    @property
    def width(self) -> int:
        return 2 if self.number else len(self.values) + 2

    def matrix(self, column: Sequence[Scalar]) -> Array:
        """A number: how far off its mean it is, and whether it is absent. A choice: one column for each value,
        for rare ones, and for none."""
        made = np.zeros((len(column), self.width))
        if self.number:
            numbers = np.array([_float(value) for value in column])
            absent = np.isnan(numbers)
            made[:, 0] = np.where(absent, 0.0, np.clip((numbers - self.mean) / self.scale, -FAR, FAR))
            made[:, 1] = absent
            return made
        place = {value: i for i, value in enumerate(self.values)}
        rare = len(self.values)
        at = [rare + 1 if value is None else place.get(worded(value), rare) for value in column]
        made[np.arange(len(column)), at] = 1.0
        return made

    def told(self, weights: Array, usual: Array) -> tuple[Number | Choice, float]:
        """The feature with its weights, counted from the usual lead; and what the usual lead gets of it."""
        value = "" if self.doc.value is None else self.doc.value.text
        level = float(weights @ usual)
        if self.number:
            return Number(
                name=self.doc.name, value=value, mean=self.mean, scale=self.scale, weight=float(weights[0]),
                present=-level, absent=float(weights[1]) - level,
            ), level  # fmt: skip
        worth = {one: float(weight) - level for one, weight in zip(self.values, weights, strict=False)}
        rare, absent = float(weights[-2]) - level, float(weights[-1]) - level
        return Choice(name=self.doc.name, value=value, weights=worth, rare=rare, absent=absent), level


def fit(doc: ModelDoc, found: Examples) -> Fitted:
    """Raises TooFew. The newest leads are never learned from: they test what was learned from the older ones."""
    hits = np.array(found.hits, dtype=float)
    learned, calibrated, tested = parts = _parts(len(hits))
    _refuse_too_few(doc, hits, parts)
    coded = _coded(doc, found.columns, learned)
    matrix = np.hstack([one.matrix(found.columns[one.doc.name]) for one in coded])
    weights = _logistic(matrix[learned], hits[learned], doc.l2)
    odds: Array = matrix @ weights[1:] + weights[0]
    slope, shift = _platt(odds[calibrated], hits[calibrated])
    probability: Array = np.round(_sigmoid(slope * odds[tested] + shift), DIGITS)
    foretold = list(map(float, probability))
    points = np.array(found.points, dtype=float)
    features, intercept, warnings = _features(coded, matrix[learned], weights, hits[learned])
    figures_of = figures(foretold, found.hits[tested])
    if figures_of.auc < 0.55:
        warnings.append(f"it hardly tells one lead from another: AUC {figures_of.auc:.2f}")
    hundredths = tuple(map(float, np.quantile(probability, np.arange(1, 100) / 100)))
    return Fitted(
        target=doc.target, features=features, intercept=intercept, slope=slope, shift=shift,
        hundredths=hundredths, shares=shares(hundredths, foretold), l2=doc.l2,
        first=found.at[0].astimezone(UTC).isoformat(timespec="seconds"),
        last=found.at[-1].astimezone(UTC).isoformat(timespec="seconds"),
        leads=len(hits), hits=int(hits.sum()), parts=tuple(one.stop - one.start for one in parts),
        tested=figures_of, points=_points(points, hits, calibrated, tested), warnings=tuple(warnings),
    )  # fmt: skip


def _parts(n: int) -> tuple[slice, slice, slice]:
    first, second = int(n * PARTS[0]), int(n * (PARTS[0] + PARTS[1]))
    return slice(0, first), slice(first, second), slice(second, n)


def _refuse_too_few(doc: ModelDoc, hits: Array, parts: Sequence[slice]) -> None:
    _refuse(doc, hits, NEED, "")
    for one, name in zip(parts, _PART_NAMES, strict=True):
        _refuse(doc, hits[one], NEED_OF_PART, f" in the {name}")


def _refuse(doc: ModelDoc, hits: Array, need: int, where: str) -> None:
    became = int(hits.sum())
    counts = {doc.target: became, f"not {doc.target}": len(hits) - became}
    missing = [f"{need - n} more that were {what}" for what, n in counts.items() if n < need]
    if missing:
        known = " and ".join(f"{n:,} were {what}" for what, n in counts.items())
        raise TooFew(
            f"too few outcomes{where}: {known}; {need} of each are needed, so {' and '.join(missing)}"
        )


def _coded(doc: ModelDoc, columns: Mapping[str, Sequence[Scalar]], learned: slice) -> list[_Coded]:
    """How each feature is read, from the leads that are learned from alone."""
    seen = {one.name: [v for v in columns[one.name][learned] if v is not None] for one in doc.features}
    numbers = {one.name: _is_number(one, seen[one.name]) for one in doc.features}
    choices = max(1, sum(not number for number in numbers.values()))
    most = max(_FEWEST_VALUES, min(_MOST_VALUES, (_MOST_COLUMNS - 2 * len(numbers)) // choices))
    coded = []
    for one in doc.features:
        if numbers[one.name]:
            mean, scale = _spread(seen[one.name])
            coded.append(_Coded(one, mean=mean, scale=scale, number=True))
        else:
            counts = Counter(worded(value) for value in seen[one.name])
            least = max(_SELDOM, _SELDOM_SHARE * len(seen[one.name]))
            coded.append(_Coded(one, tuple(v for v, n in counts.most_common(most) if n >= least)))
    return coded


def _spread(column: Sequence[Scalar]) -> tuple[float, float]:
    """Mean and deviation of all but the hundredth at each end: one odd value must not flatten the others."""
    values = np.array([x for x in map(_float, column) if x == x])
    if not len(values):
        return 0.0, 1.0
    usual = np.clip(values, *np.quantile(values, (0.01, 0.99)))
    return float(usual.mean()), float(usual.std()) or 1.0


def _is_number(doc: FeatureDoc, values: Sequence[Scalar]) -> bool:
    if doc.kind is not None:
        return doc.kind == "number"
    return bool(values) and all(type(value) is int or type(value) is float for value in values)


def _float(value: Scalar) -> float:
    """What is no number is none: NaN."""
    if type(value) is not int and type(value) is not float:
        return float("nan")
    try:
        return float(min(1e300, max(-1e300, value)))
    except (OverflowError, ValueError):
        return float("nan")


def _sigmoid(odds: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def _logistic(matrix: Array, hits: Array, l2: float) -> Array:
    """Weights, the intercept first, by iteratively reweighted least squares; the intercept is not held back. The
    curvature, which is most of the work, is taken anew only where steps don't shrink well without."""
    x = np.hstack([np.ones((len(hits), 1)), matrix])
    held = np.full(x.shape[1], l2)
    held[0] = 1e-9
    weights = np.zeros(x.shape[1])
    rate = min(1 - 1e-6, max(1e-6, float(hits.mean())))
    weights[0] = np.log(rate / (1 - rate))
    loss, curve, before = _loss(x, hits, weights, held), None, 0.0
    for _ in range(_ROUNDS):
        p = _sigmoid(x @ weights)
        slope = x.T @ (hits - p) - held * weights
        step = None if curve is None else np.linalg.solve(curve, slope)
        if step is None or np.abs(step).max() > _SHRINKS * before:
            curve = x.T @ ((p * (1 - p))[:, None] * x) + np.diag(held)
            step = np.linalg.solve(curve, slope)
        while (tried := _loss(x, hits, weights + step, held)) > loss and np.abs(step).max() > 1e-9:
            step = step / 2
        weights, loss, before = weights + step, tried, np.abs(step).max()
        if np.abs(step).max() < 1e-6:
            break
    return weights


def _loss(x: Array, hits: Array, weights: Array, held: Array) -> float:
    odds = x @ weights
    return float(np.sum(np.logaddexp(0, odds) - hits * odds) + 0.5 * np.sum(held * weights**2))


def _platt(odds: Array, hits: Array) -> tuple[float, float]:
    """Slope and shift that make the odds true on leads that nothing was learned from (Platt 1999, with his priors)."""
    became = float(hits.sum())
    aimed = np.where(hits == 1, (became + 1) / (became + 2), 1 / (len(hits) - became + 2))
    shift, slope = _logistic(odds[:, None], aimed, 1e-6)
    return float(slope), float(shift)


def _points(points: Array, hits: Array, calibrated: slice, tested: slice) -> Figures:
    """What the points foretold of the same leads, once they are made probabilities in the same way."""
    middle, scale = float(points[calibrated].mean()), float(points[calibrated].std()) or 1.0
    slope, shift = _platt((points[calibrated] - middle) / scale, hits[calibrated])
    foretold = _sigmoid(slope * (points[tested] - middle) / scale + shift)
    return figures(list(map(float, foretold)), [bool(hit) for hit in hits[tested]])


def _features(
    coded: Sequence[_Coded], matrix: Array, weights: Array, hits: Array
) -> tuple[tuple[Number | Choice, ...], float, list[str]]:
    """The features as they are kept, the intercept that goes with them, and what to beware of."""
    features: list[Number | Choice] = []
    warnings: list[str] = []
    intercept, at = float(weights[0]), 0
    every = max(1, len(hits) // _LOOKED_AT)
    some = [bool(hit) for hit in hits[::every]]
    for one in coded:
        mine = matrix[:, at : at + one.width]
        own = weights[1 + at : 1 + at + one.width]
        feature, level = one.told(own, mine.mean(axis=0))
        features.append(feature)
        intercept, at = intercept + level, at + one.width
        if not (mine != mine[0]).any():
            warnings.append(f"{one.doc.name} was the same in all leads, so it tells nothing")
        elif auc(list(map(float, (mine @ own)[::every])), some) > _TELLTALE:
            warnings.append(
                f"{one.doc.name} alone tells nearly every outcome: is it known before the lead is handed over?"
            )
    return tuple(features), intercept, warnings
