"""Golden cases are in tests/data/worth/fraud.yaml; what they can't say is here."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from ruamel.yaml import YAML

from app.catalog.worth import FraudDoc
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Claim, checks
from app.validate.fraud import BOTS, SIGNS, Suspicion
from app.validate.judge import Judge

CLAIM = Claim(b"c", 60)
CASES = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "data/worth/fraud.yaml").read_text("utf-8")
)
LEAD = Lead(
    id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=datetime(2026, 11, 20, tzinfo=UTC)
)  # fmt: skip


class Finds(Check[CheckSettings]):
    codes = {}

    def __init__(self, *factors, claims=False):
        self.name, self.order, self.claims = "late" if claims else "soon", 90 if claims else 10, claims
        pairs = [factor.split(".") for factor in factors]
        self._found = [Finding(check=check, code=code, message="") for check, code in pairs]

    def run(self, lead, to, evidence):
        return self._found if not self.claims or evidence.get(CLAIM) else []


def judge(doc, *says):
    suspicion = Suspicion(FraudDoc.model_validate(doc))
    return Judge([(check, CheckSettings()) for check in says], fraud=suspicion)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["should"])
def test_a_fraud_score_should(case):
    verdict = judge(case.get("fraud", {}), Finds(*case["given"])).judge(LEAD, {})
    told = [f for f in verdict.findings if f.check == "fraud"]
    expected = dict(case["expect"])
    assert verdict.outcome == expected.pop("outcome")
    assert [{"action": f.action, **f.facts} for f in told] == ([expected] if expected else [])


def test_what_a_source_may_read_of_it_names_no_factor():
    verdict = judge({}, Finds("form.honeypot")).judge(LEAD, {})
    (told,) = verdict.against()
    assert (told.code, told.message, told.field) == ("fraud", "signs of fraud add up to 90 of 100", "")


def test_it_is_summed_anew_when_a_claiming_check_has_spoken_and_said_once():
    court = judge(
        {"weights": {"duplicate.duplicate": 40}},
        Finds("velocity.velocity"),
        Finds("duplicate.duplicate", claims=True),
    )
    judged = court.judge(LEAD, {})
    assert judged.outcome == "accepted"
    settled = court.settle(LEAD, judged, {CLAIM: object()})
    assert settled.outcome == "held"
    assert [f.facts["score"] for f in settled.findings if f.check == "fraud"] == [80]


def test_a_campaign_that_says_nothing_of_fraud_sums_nothing_up():
    court = Judge([(Finds("form.honeypot"), CheckSettings())])
    assert court.judge(LEAD, {}).outcome == "accepted"


@pytest.mark.parametrize("factor", sorted({*SIGNS, *BOTS}))
def test_every_sign_is_one_that_a_check_can_give(factor):
    check, _, code = factor.partition(".")
    assert code in checks.discover()[check].codes


@pytest.mark.parametrize(
    "doc",
    [{"flag": 60}, {"hold": 90}, {"flag": None, "hold": 95}, {"reject": 101}, {"weights": {"a": 101}}],
)
def test_thresholds_that_do_not_grow_and_weights_beyond_a_hundred_are_refused(doc):
    with pytest.raises(ValueError, match="FraudDoc"):
        FraudDoc.model_validate(doc)


def test_the_usual_weights_stand_on_the_page():
    page = (Path(__file__).parents[2] / "docs/score.md").read_text("utf-8")
    said = re.findall(r"^\| `([a-z_.]+)` \| (-?\d+) \|$", page, re.MULTILINE)
    assert {factor: int(weight) for factor, weight in said} == SIGNS
    assert all(f"`{bot}`" in page for bot in BOTS)
