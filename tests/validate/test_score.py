"""Golden cases are in tests/data/worth/score.yaml; what they can't say is here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from ruamel.yaml import YAML

from app.catalog.worth import ScoreDoc
from app.model import Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Claim
from app.validate.judge import Judge

AT = datetime(2026, 11, 20, tzinfo=UTC)
CLAIM = Claim(b"c", 60)
GOLDEN = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "data/worth/score.yaml").read_text("utf-8")
)


class Gives(Check[CheckSettings]):
    """A finding for each of `points`; a claiming one only where its claim was taken."""

    codes = {}

    def __init__(self, *points, claims=False):
        self.name, self.order, self.claims = "late" if claims else "soon", 90 if claims else 10, claims
        self._found = [Finding(check=self.name, code="c", message="", points=p) for p in points]

    def run(self, lead, to, evidence):
        return self._found if not self.claims or evidence.get(CLAIM) else []


def lead(received_at=AT, **fields):
    values = {name: Value(str(v), v if isinstance(v, int | str) else str(v)) for name, v in fields.items()}
    return Lead(
        id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=received_at, fields=values
    )  # fmt: skip


def judge(doc, *says):
    return Judge([(check, CheckSettings()) for check in says], ScoreDoc.model_validate(doc))


def counted(verdict):
    return {f.message: f.points for f in verdict.findings if f.code == "points" and f.points}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["should"])
def test_a_score_should(case):
    court = judge(GOLDEN["score"], Gives(*case.get("found", ())))
    verdict = court.judge(lead(**case["given"]), {})
    expected = case["expect"]
    assert counted(verdict) == expected["counted"]
    assert (verdict.score, verdict.grade, verdict.sales_ready) == (
        expected["score"],
        expected["grade"],
        expected["ready"],
    )


def test_the_explanation_adds_up_and_names_the_definition_it_was_held_against():
    verdict = judge(GOLDEN["score"]).judge(lead(phone="+14155550100", bill=150, state="CA"), {})
    told = verdict.findings[-1]
    assert told.message == "grade B, sales-ready (version 3)"
    assert told.facts == {
        "score": 61, "start": 20, "grade": "B", "sales_ready": True, "version": 3, "reviewed": "2026-10-01",
    }  # fmt: skip
    assert told.facts["start"] + sum(f.points for f in verdict.findings) == verdict.score


def test_a_grade_is_given_anew_when_a_claiming_check_has_spoken_and_stands_last():
    court = judge({"grades": {"A": 60, "B": 30}}, Gives(15), Gives(-20, claims=True))
    judged = court.judge(lead(), {})
    assert (judged.score, judged.grade) == (65, "A")
    settled = court.settle(lead(), judged, {CLAIM: object()})
    assert (settled.score, settled.grade) == (45, "B")
    assert [(f.check, f.code) for f in settled.findings] == [
        ("soon", "c"),
        ("late", "c"),
        ("score", "graded"),
    ]


def test_points_of_rules_are_listed_after_what_the_checks_found_also_when_settled():
    court = judge(
        {"rules": [{"when": "true", "points": 1, "why": "always"}]}, Gives(2), Gives(3, claims=True)
    )
    settled = court.settle(lead(), court.judge(lead(), {}), {CLAIM: object()})
    assert [f.points for f in settled.findings] == [2, 3, 1]


def test_what_decays_from_receipt_is_whole_at_first_and_less_in_a_later_round():
    court = judge(
        {"rules": [{"when": "true", "points": 40, "why": "fresh", "decay": {"half_life": "1d"}}], "start": 0}
    )
    assert court.judge(lead(), {}).score == 40
    assert court.judge(lead(), {}, at=AT + timedelta(days=1)).score == 20
    assert court.judge(lead(), {}, at=AT - timedelta(days=1)).score == 40


def test_a_campaign_that_says_nothing_of_a_score_has_no_grade_and_no_finding():
    verdict = judge({}).judge(lead(), {})
    assert (verdict.score, verdict.grade, verdict.sales_ready, verdict.findings) == (50, "", False, ())


def test_a_definition_without_a_condition_asks_for_the_score_alone():
    court = judge({"sales_ready": {"score": 50}})
    assert court.judge(lead(), {}).sales_ready
    assert not judge({"start": 49, "sales_ready": {"score": 50}}).judge(lead(), {}).sales_ready


@pytest.mark.parametrize(
    "doc",
    [
        {"grades": {"A": 60, "B": 60}},
        {"grades": {"A": 101}},
        {"rules": [{"when": "true", "points": 1}]},
        {"rules": [{"when": "true", "points": 1, "why": "x", "decay": {"half_life": "0s"}}]},
        {"rules": [{"when": "true", "points": 1, "why": "x", "decay": {"half_life": "7d", "since": "then"}}]},
        {"sales_ready": {"score": 60, "version": 0}},
    ],
)
def test_a_score_that_means_nothing_is_refused(doc):
    with pytest.raises(ValueError, match="ScoreDoc"):
        ScoreDoc.model_validate(doc)
