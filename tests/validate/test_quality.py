"""Figures of probabilities against what came, by hand."""

import random
from math import log
from typing import Any

import pytest

from app.validate.quality import drifted, figures, psi, shares

TENTH = (0.1,) * 10
STEADY = {"leads": 5_000, "index": 0.05, "ended": 1_000, "predicted": 0.2, "observed": 0.2}


def test_auc_is_how_often_the_better_lead_stood_higher_and_equals_count_half() -> None:
    assert figures([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).auc == 0.75
    assert figures([0.5, 0.5], [True, False]).auc == 0.5
    assert figures([0.9, 0.1], [False, True]).auc == 0.0


def test_brier_is_the_mean_square_off_the_truth() -> None:
    assert figures([0.5, 1.0], [True, False]).brier == pytest.approx((0.25 + 1.0) / 2)


def test_lift_and_calibration_are_by_tenths() -> None:
    found = figures([i / 100 for i in range(100)], [i >= 90 for i in range(100)])
    assert list(found.lift) == [10.0, *[0] * 9]
    assert list(found.calibration[0]) == [pytest.approx(0.045), 0.0, 10]
    assert list(found.calibration[-1]) == [pytest.approx(0.945), 1.0, 10]


def test_fewer_leads_than_tenths_are_no_error() -> None:
    found = figures([0.2, 0.3, 0.9], [False, True, True])
    assert [leads for _, _, leads in found.calibration] == [1, 1, 1]


def test_psi_is_nought_of_the_same_and_grows_with_what_has_moved() -> None:
    assert psi(TENTH, [7] * 10) == pytest.approx(0)
    assert psi((0.5, 0.5), [80, 20]) == pytest.approx(0.3 * log(1.6) - 0.3 * log(0.4))
    assert psi(TENTH, [100, *[0] * 9]) > 1


def test_where_many_leads_are_alike_a_tenth_holds_more_than_a_tenth() -> None:
    found = shares([0.2] * 99, [0.2] * 60 + [0.1] * 40)
    assert found[0] == 0.4
    assert found[9] == 0.6
    assert sum(found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, False),
        ({"index": 0.3}, True),
        ({"index": 0.3, "leads": 100}, False),  # too few to tell
        ({"observed": 0.3}, True),
        ({"observed": 0.1}, True),
        ({"observed": 0.3, "ended": 100}, False),
        ({"observed": 0.22, "ended": 100_000}, False),  # sure, and too little to matter
        ({"observed": 0.26, "ended": 200}, False),  # much, and perhaps chance
        ({"index": None, "predicted": None, "observed": None, "leads": 0, "ended": 0}, False),
    ],
)
def test_people_are_called_where_it_is_much_and_no_chance(changed: Any, told: Any) -> None:
    assert drifted(**{**STEADY, **changed}) is told


def test_chance_alone_calls_nobody() -> None:
    chance = random.Random(3)
    calls = 0
    for _ in range(200):
        counts = [0] * 10
        for _ in range(600):
            counts[chance.randrange(10)] += 1
        hits = sum(chance.random() < 0.2 for _ in range(300))
        calls += drifted(leads=600, index=psi(TENTH, counts), ended=300, predicted=0.2, observed=hits / 300)
    assert calls <= 2
