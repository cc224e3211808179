"""How well probabilities foretold what came, and whether they still do."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from math import log, sqrt

from app.catalog.modelling import Figures

TENTHS = 10
STRANGE = 0.25
"""From this population stability index on the leads are others than those that were learned from (0.1: a little)."""
ENOUGH, ENOUGH_ENDED = 500, 200
_LEAST_SHARE = 1e-4
_FAR_OFF, _ERRORS = 0.2, 3.0


def figures(probabilities: Sequence[float], hits: Sequence[bool]) -> Figures:
    """Of leads of both outcomes; raises ZeroDivisionError where there is only one."""
    pairs = sorted(zip(probabilities, hits, strict=True), key=lambda pair: pair[0])
    rate = sum(hits) / len(hits)
    groups = [pairs[len(pairs) * i // TENTHS : len(pairs) * (i + 1) // TENTHS] for i in range(TENTHS)]
    calibration = tuple(
        (sum(p for p, _ in group) / len(group), sum(hit for _, hit in group) / len(group), len(group))
        for group in groups
        if group
    )
    return Figures(
        auc=_auc(pairs), brier=sum((p - hit) ** 2 for p, hit in pairs) / len(pairs),
        lift=tuple(came / rate for _, came, _ in reversed(calibration)), calibration=calibration,
    )  # fmt: skip


def auc(probabilities: Sequence[float], hits: Sequence[bool]) -> float:
    """How often a lead that became it was thought more probable than one that didn't; equals count half."""
    return _auc(sorted(zip(probabilities, hits, strict=True), key=lambda pair: pair[0]))


def _auc(pairs: Sequence[tuple[float, bool]]) -> float:
    before, won, became = 0, 0.0, 0
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        hits = [hit for _, hit in group]
        yes = sum(hits)
        no = len(hits) - yes
        won += yes * (before + no / 2)
        before, became = before + no, became + yes
    return won / (became * before) if became and before else 0.5


def shares(hundredths: Sequence[float], probabilities: Sequence[float]) -> tuple[float, ...]:
    """Which share lies in each tenth of the leads it was tested on; not all a tenth where many are alike."""
    counts = [0] * TENTHS
    edges = hundredths[9::10]
    for one in probabilities:
        counts[bisect_right(edges, one)] += 1
    return tuple(n / len(probabilities) for n in counts)


def psi(expected: Sequence[float], counts: Sequence[int]) -> float:
    """The population stability index: 0 where both are spread alike."""
    total = sum(counts)
    found = 0.0
    for share, n in zip(expected, counts, strict=True):
        was, is_ = max(share, _LEAST_SHARE), max(n / total, _LEAST_SHARE)
        found += (is_ - was) * log(is_ / was)
    return found


def drifted(
    *, leads: int, index: float | None, ended: int, predicted: float | None, observed: float | None
) -> bool:
    """Whether people should look: other leads than it knows, or another rate than it says. Chance alone is no drift."""
    if leads >= ENOUGH and index is not None and index >= STRANGE:
        return True
    if ended < ENOUGH_ENDED or predicted is None or observed is None:
        return False
    off, error = abs(observed - predicted), sqrt(max(predicted * (1 - predicted), 1e-6) / ended)
    return off > _ERRORS * error and off > _FAR_OFF * predicted
