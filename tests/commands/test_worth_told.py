"""What a lead is worth, and what it is suspected of, as the trace says it."""

from datetime import UTC, datetime

from app.catalog.worth import FraudDoc, ScoreDoc
from app.commands.telling import tell
from app.model import Finding, Lead, Value
from app.pipeline.details import findings_json
from app.store.leads import decode
from app.validate.check import Check, CheckSettings
from app.validate.fraud import Suspicion
from app.validate.judge import Judge
from tests.commands.stories import LEAD, setting, story

SCORE = ScoreDoc.model_validate(
    {
        "start": 20,
        "rules": [{"when": "lead.bill >= 150", "points": 90, "why": "a bill of 150 or more"}],
        "grades": {"A": 80},
        "sales_ready": {"score": 60, "version": 3},
    }
)


class Typed(Check[CheckSettings]):
    name, order, codes = "phone", 40, {}

    def run(self, lead, to, evidence):
        return [
            Finding(check="phone", code=code, message=f"phone is {code}", points=-5)
            for code in ("repeated", "fictional")
        ]


def told(doc: ScoreDoc, fraud: FraudDoc | None, *says: Check) -> str:
    suspicion = None if fraud is None else Suspicion(fraud)
    lead = Lead(
        id=LEAD, submission_id=LEAD, source="acme", campaign="solar", received_at=datetime(2025, 11, 20, tzinfo=UTC),
        fields={"bill": Value("180", 180)},
    )  # fmt: skip
    verdict = Judge([(one, CheckSettings()) for one in says], doc, suspicion).judge(lead, {})
    state = {"accepted": "sold", "held": "held", "rejected": "rejected"}[verdict.outcome]
    rows = decode(findings_json(verdict.findings))
    return "\n".join(
        tell(story(state, outcome=None, price=None, score=verdict.score, findings=rows), setting())
    )


def test_each_rule_that_counted_stands_with_its_points_and_the_grade_beside_the_score() -> None:
    text = told(SCORE, None, Typed())
    assert "accepted, score 100 (from 20): grade A, sales-ready (version 3)" in text
    assert "+90 score      a bill of 150 or more" in text
    assert " −5 phone      phone is repeated" in text


def test_a_lead_that_is_held_for_fraud_shows_every_factor_with_its_weight() -> None:
    text = told(ScoreDoc(), FraudDoc(), Typed())
    assert (
        "held by fraud: signs of fraud add up to 70 of 100: phone.fictional +40, phone.repeated +30" in text
    )
