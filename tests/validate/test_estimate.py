"""What a model in force says of one lead, and what becomes of its score."""

import math
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from app.catalog.modelling import Choice, Figures, Fitted, Model, Number
from app.catalog.worth import ScoreDoc
from app.model import Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Claim
from app.validate.estimate import Estimator
from app.validate.judge import Judge

NONE = Figures(auc=0.5, brier=0.25, lift=(), calibration=())
FITTED = Fitted(
    target="sold",
    features=(
        Number(name="bill", value="", mean=100.0, scale=50.0, weight=1.0, present=0.0, absent=-0.5),
        Choice(name="state", value="", weights={"CA": 0.75, "true": 0.25}, rare=-0.1, absent=-0.2),
        Choice(name="big", value="lead.bill > 1000", weights={"true": 0.5}, rare=0.0, absent=0.0),
    ),
    intercept=-1.0, slope=1.0, shift=0.0, hundredths=tuple(i / 100 for i in range(1, 100)), shares=(0.1,) * 10, l2=1.0,
    first="2026-01-01", last="2026-06-01", leads=1000, hits=300, parts=(600, 200, 200), tested=NONE, points=NONE,
)  # fmt: skip
MODEL = Model(campaign="solar", version=3, fitted=FITTED)
CLAIM = Claim(b"c", 60)


def odds(estimate: Any) -> Any:
    return math.log(estimate.probability / (1 - estimate.probability))


def lead(**fields: Any) -> Any:
    values = {name: Value(str(value), value) for name, value in fields.items()}
    return Lead(
        id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar",
        received_at=datetime(2026, 11, 20, tzinfo=UTC), fields=values,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected", "contributions"),
    [
        ({"bill": 100, "state": "CA"}, -0.25, {"state": 75}),
        ({"bill": 150.0, "state": "CA"}, 0.75, {"bill": 100, "state": 75}),
        ({"bill": 50, "state": "WY"}, -2.1, {"bill": -100, "state": -10}),
        ({}, -1.7, {"bill": -50, "state": -20}),
        ({"bill": True, "state": True}, -1.25, {"bill": -50, "state": 25}),
        ({"bill": 10**400, "state": "CA"}, 5.25, {"bill": 500, "state": 75, "big": 50}),
        ({"bill": math.inf, "state": "CA"}, 5.25, {"bill": 500, "state": 75, "big": 50}),
        ({"bill": -math.inf, "state": "CA"}, -5.25, {"bill": -500, "state": 75}),
        ({"bill": math.nan, "state": "CA"}, -0.75, {"bill": -50, "state": 75}),
    ],
)
def test_each_feature_adds_to_the_odds_and_says_how_much(
    facts: Any, expected: Any, contributions: Any
) -> None:
    estimate = Estimator(MODEL).estimate(facts, "acme")
    if facts.get("bill") == 10**400:  # no value of CEL's: what asks of it is absent
        expected, contributions = expected - 0.5, {k: v for k, v in contributions.items() if k != "big"}
    assert odds(estimate) == pytest.approx(expected, abs=2e-3)
    assert estimate.contributions == contributions


def test_calibration_is_folded_into_what_each_feature_adds() -> None:
    calibrated = Model(campaign="solar", version=4, fitted=structs.replace(FITTED, slope=0.5, shift=0.25))
    estimate = Estimator(calibrated).estimate({"bill": 150, "state": "CA"}, "acme")
    assert odds(estimate) == pytest.approx(0.5 * 0.75 + 0.25, abs=1e-3)
    assert estimate.contributions == {"bill": 50, "state": 37}


def test_a_rank_is_how_many_in_a_hundred_were_less_probable() -> None:
    estimate = Estimator(MODEL).estimate({"bill": 150, "state": "CA"}, "acme")
    assert estimate.probability == 0.67918
    assert estimate.rank == 67


def judge(how: Any, *says: Any, model: Any = MODEL, more: Any = ()) -> Any:
    doc = {
        "start": 30,
        "grades": {"A": 60, "B": 30},
        "model": {"features": ["bill"], "score": how},
        **dict(more),
    }
    return Judge([(one, CheckSettings()) for one in says], ScoreDoc.model_validate(doc), None, model)


@pytest.mark.parametrize(
    ("how", "score", "grade"), [("points", 30, "B"), ("probability", 68, "A"), ("rank", 67, "A")]
)
def test_the_score_is_what_the_campaign_wants_it_to_be(how: Any, score: Any, grade: Any) -> None:
    verdict = judge(how).judge(lead(bill=150, state="CA"), {})
    assert (verdict.score, verdict.grade, verdict.probability) == (score, grade, 0.67918)
    model, graded = verdict.findings
    assert model.message == "67.9% likely to be sold (solar@3)"
    assert model.facts == {
        "model": "solar@3", "probability": 0.67918, "rank": 67, "contributions": {"bill": 100, "state": 75},
    }  # fmt: skip
    assert graded.facts == {"score": score, "start": 30, "grade": grade, "points": 30, "probability": 0.67918}


def test_without_one_in_force_nothing_of_it_is_said() -> None:
    verdict = judge("probability", model=None).judge(lead(bill=150), {})
    assert (verdict.score, verdict.probability) == (30, None)
    assert [one.code for one in verdict.findings] == ["graded"]


class Late(Check[CheckSettings]):
    name, order, codes, claims = "late", 90, {}, True

    def run(self, lead: Any, to: Any, evidence: Any) -> Any:
        return [Finding(check="late", code="c", message="", points=-5)] if evidence.get(CLAIM) else []


def test_a_claiming_check_changes_the_points_and_not_the_estimate() -> None:
    court = judge("rank", Late())
    judged = court.judge(lead(bill=150, state="CA"), {})
    settled = court.settle(lead(bill=150, state="CA"), judged, {CLAIM: object()})
    assert (settled.score, settled.probability) == (judged.score, judged.probability)
    assert [one.code for one in settled.findings] == ["c", "model", "graded"]
    assert settled.findings[-1].facts["points"] == 25


def test_sales_ready_may_ask_for_a_score_that_the_model_gives() -> None:
    ready = {"sales_ready": {"score": 60}}
    assert judge("rank", more=ready).judge(lead(bill=150, state="CA"), {}).sales_ready
    assert not judge("points", more=ready).judge(lead(bill=150, state="CA"), {}).sales_ready


def test_a_service_never_loads_what_learning_needs() -> None:
    code = "import sys, app.main, app.serving, app.validate.judge; sys.exit('numpy' in sys.modules or 'app.validate.fitting' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
