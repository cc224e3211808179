"""What is learned from outcomes, and when nothing may be."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import json, structs

from app.catalog.modelling import Choice, Fitted, Model, ModelDoc, Number, read_model
from app.validate.estimate import Estimator
from app.validate.fitting import NEED, Examples, TooFew, fit
from app.validate.quality import figures

START = datetime(2026, 1, 1, tzinfo=UTC)
DOC = ModelDoc.model_validate({"features": ["bill", "state", {"name": "zip", "kind": "choice"}]})


def sigmoid(odds: Any) -> Any:
    return 1 / (1 + math.exp(-odds))


def examples(n: Any = 3_000, *, seed: Any = 7, odds: Any = None, points: Any = None) -> Any:
    """Half of the truth is in the bill, half in the state; the ZIP code says nothing."""
    chance = random.Random(seed)
    bills: list[Any] = [None if chance.random() < 0.1 else chance.gauss(150, 50) for _ in range(n)]
    states: list[Any] = [chance.choice(["CA", "NV", "TX", None]) for _ in range(n)]
    zips: list[Any] = [chance.choice([94110, 89101]) for _ in range(n)]

    def true(i: Any) -> Any:
        bill = 0 if bills[i] is None else (bills[i] - 150) / 50
        return -0.5 + 1.2 * bill + {"CA": 1.0, "NV": -1.0}.get(states[i], 0)

    hits = [chance.random() < sigmoid((odds or true)(i)) for i in range(n)]
    return Examples(
        {"bill": bills, "state": states, "zip": zips}, hits,
        [(points or (lambda i: 50))(i) for i in range(n)], [START + timedelta(minutes=i) for i in range(n)],
    )  # fmt: skip


def facts(found: Any, i: Any) -> Any:
    return {name: column[i] for name, column in found.columns.items() if column[i] is not None}


def test_what_is_true_of_the_leads_is_found_and_what_is_not_weighs_little() -> None:
    fitted = fit(DOC, examples(8_000))
    bill, state, zip_ = fitted.features
    assert isinstance(bill, Number)
    assert isinstance(state, Choice)
    assert isinstance(zip_, Choice)
    assert bill.weight == pytest.approx(1.2, abs=0.15)
    assert state.weights["CA"] - state.weights["NV"] == pytest.approx(2.0, abs=0.25)
    assert abs(zip_.weights["94110"] - zip_.weights["89101"]) < 0.2
    assert fitted.tested.auc > 0.75
    assert all(abs(said - came) < 0.1 for said, came, _ in fitted.tested.calibration)
    assert fitted.warnings == ()


def test_a_lead_is_estimated_as_the_fit_saw_it_to_the_last_tenth() -> None:
    """The same figures from the estimator alone, without numpy, after a trip through JSON."""
    found = examples()
    fitted = fit(DOC, found)
    read = read_model("solar", 1, json.encode(fitted).decode())
    assert read is not None
    estimator = Estimator(read)
    newest = range(len(found.hits) - fitted.parts[2], len(found.hits))
    again = figures(
        [estimator.estimate(facts(found, i), "acme").probability for i in newest],
        [found.hits[i] for i in newest],
    )
    assert again.auc == pytest.approx(fitted.tested.auc, abs=1e-6)
    assert again.brier == pytest.approx(fitted.tested.brier, abs=1e-6)


def test_the_newest_leads_are_tested_on_and_never_learned_from() -> None:
    found = examples()
    other = examples()
    split = int(len(other.hits) * 0.8) + 1
    other.hits[split:] = [not hit for hit in other.hits[split:]]
    assert fit(DOC, found).features == fit(DOC, other).features
    assert fit(DOC, found).tested.auc > 0.6 > 0.4 > fit(DOC, other).tested.auc


def test_probabilities_are_made_true_by_leads_that_nothing_was_learned_from() -> None:
    """What came to be twice as rare is foretold twice as rarely, though the oldest leads say otherwise."""
    n = 6_000
    found = examples(n, odds=lambda i: 0.0 if i < n * 0.6 else -2.0)
    fitted = fit(DOC, found)
    mean = sum(said * leads for said, _, leads in fitted.tested.calibration) / fitted.parts[2]
    assert mean == pytest.approx(sigmoid(-2.0), abs=0.03)


def test_the_points_are_measured_on_the_same_leads() -> None:
    found = examples()
    found.points = [90 if hit else 10 for hit in found.hits]
    fitted = fit(DOC, found)
    assert fitted.points.auc == 1.0
    assert fitted.points.brier < 0.01 < fitted.tested.brier


def test_contributions_are_counted_from_the_usual_lead() -> None:
    found = examples()
    fitted = fit(DOC, found)
    estimator = Estimator(
        Model(campaign="solar", version=1, fitted=structs.replace(fitted, slope=1.0, shift=0.0))
    )
    learned = [estimator.estimate(facts(found, i), "acme").contributions for i in range(fitted.parts[0])]
    for name in ("bill", "state", "zip"):
        assert sum(one.get(name, 0) for one in learned) / len(learned) == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("became", "not_", "told"),
    [
        (
            0,
            500,
            f"0 were sold and 500 were not sold; {NEED} of each are needed, so {NEED} more that were sold",
        ),
        (500, 0, f"{NEED} more that were not sold"),
        (60, 500, f"{NEED - 60} more that were sold"),
        (3, 4, f"{NEED - 3} more that were sold and {NEED - 4} more that were not sold"),
        (0, 0, f"{NEED} more that were sold and {NEED} more that were not sold"),
    ],
)
def test_too_few_outcomes_are_refused_with_how_many_are_missing(became: Any, not_: Any, told: Any) -> None:
    hits = [i % 2 == 0 for i in range(2 * min(became, not_))] + [became > not_] * abs(became - not_)
    n = len(hits)
    found = Examples(
        {"bill": [1.0] * n, "state": ["CA"] * n, "zip": [1] * n},
        hits,
        [50] * n,
        [START + timedelta(i) for i in range(n)],
    )
    with pytest.raises(TooFew) as few:
        fit(DOC, found)
    assert told in str(few.value)


def test_outcomes_that_all_lie_in_one_time_are_refused() -> None:
    found = examples()
    newest = int(len(found.hits) * 0.8)
    found.hits[newest:] = [False] * (len(found.hits) - newest)
    with pytest.raises(TooFew, match=r"newest fifth.*10 more that were sold"):
        fit(DOC, found)


def test_what_tells_the_outcome_by_itself_and_what_is_always_the_same_are_warned_of() -> None:
    found = examples()
    found.columns["state"] = ["yes" if hit else "no" for hit in found.hits]
    found.columns["zip"] = [94110] * len(found.hits)
    warnings = fit(DOC, found).warnings
    assert "state alone tells nearly every outcome: is it known before the lead is handed over?" in warnings
    assert "zip was the same in all leads, so it tells nothing" in warnings


def test_features_that_say_nothing_are_told_as_that() -> None:
    fitted = fit(DOC, examples(odds=lambda i: 0.0))
    assert any(one.startswith("it hardly tells one lead from another") for one in fitted.warnings)


def test_values_that_come_seldom_stand_together_so_that_no_person_is_learned() -> None:
    found = examples()
    found.columns["state"] = [f"ann{i}@example.com" for i in range(len(found.hits))]
    _, state, _ = fit(DOC, found).features
    assert isinstance(state, Choice)
    assert state.weights == {}


def test_odd_values_break_nothing() -> None:
    found = examples()
    for i, odd in enumerate([math.inf, -math.inf, math.nan, 10**400, True, "x", ""]):
        found.columns["bill"][i * 20] = odd
        found.columns["state"][i * 20] = odd
    doc = ModelDoc.model_validate({"features": [{"name": "bill", "kind": "number"}, "state", "zip"]})
    fitted = fit(doc, found)
    assert math.isfinite(fitted.intercept)
    assert read_model("solar", 1, json.encode(fitted).decode()) is not None
    assert isinstance(fitted, Fitted)
