from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from app.catalog.worth import FraudDoc, ScoreDoc
from app.model import Finding, Lead, Value, Verdict
from app.validate.check import Check, CheckSettings, Claim, Earlier, Seen, checks
from app.validate.fraud import Suspicion
from app.validate.judge import Judge

AT = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
LEAD = Lead(id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=AT)
CLAIM, SEEN = Claim(b"c", 60), Seen(b"s", 60)
FIELDS = {
    "email": Value("a@mailinator.com", "a@mailinator.com", True, {"domain": "mailinator.com"}),
    "phone": Value("+442072193000", "+442072193000", True, {"region": "GB", "line_type": "mobile"}),
    "dob": Value("x", None, False, {}, "is not a date"),
}


class Says(Check[CheckSettings]):
    """Gives the findings it was made with."""

    codes = {}

    def __init__(self, name, order, *actions, points=0, asks=(), claims=False):
        self.name, self.order, self.claims = name, order, claims
        self._asks = asks
        self._found = [Finding(check=name, code="c", message="", action=a, points=points) for a in actions]

    def asks(self, lead, to):
        return self._asks

    def run(self, lead, to, evidence):
        return self._found if not self.claims or evidence.get(CLAIM) else []


def judge(*says):
    return Judge([(check, CheckSettings()) for check in says])


@pytest.mark.parametrize(
    ("actions", "outcome"),
    [
        ([], "accepted"),
        (["flag", "flag"], "accepted"),
        (["flag", "hold"], "held"),
        (["hold", "reject", "flag"], "rejected"),
    ],
)
def test_the_strongest_action_of_all_findings_decides(actions, outcome):
    verdict = judge(Says("a", 1, *actions)).judge(LEAD, {})
    assert (verdict.outcome, len(verdict.findings)) == (outcome, len(actions))


def test_findings_are_listed_in_the_published_order_whatever_the_campaign_says():
    verdict = judge(Says("late", 40, "reject"), Says("soon", 10, "flag"), Says("mid", 20, "hold")).judge(
        LEAD, {}
    )
    assert [f.check for f in verdict.findings] == ["soon", "mid", "late"]


def test_rules_of_one_order_are_listed_as_configured():
    verdict = judge(Says("b", 10, "flag"), Says("a", 10, "flag")).judge(LEAD, {})
    assert [f.check for f in verdict.findings] == ["b", "a"]


@pytest.mark.parametrize(("points", "score"), [(0, 50), (12, 62), (-30, 20), (-80, 0), (1000, 100)])
def test_a_score_begins_at_fifty_and_stays_from_nought_to_a_hundred(points, score):
    assert judge(Says("a", 1, "flag", points=points)).judge(LEAD, {}).score == score


def test_claims_are_asked_apart_from_what_must_be_known_first():
    court = judge(Says("c", 9, asks=(CLAIM,), claims=True), Says("s", 1, asks=(SEEN,)))
    assert court.asks(LEAD) == [SEEN]
    assert court.claims(LEAD) == [CLAIM]


def test_a_claiming_check_speaks_only_when_settled_and_then_in_its_place():
    court = judge(
        Says("first", 10, "flag", points=5),
        Says("claims", 20, "reject", points=-20, claims=True),
        Says("last", 30, "hold", points=1),
    )
    judged = court.judge(LEAD, {CLAIM: object()})
    assert [f.check for f in judged.findings] == ["first", "last"]
    assert (judged.outcome, judged.score) == ("held", 56)
    settled = court.settle(LEAD, judged, {CLAIM: object()})
    assert [f.check for f in settled.findings] == ["first", "claims", "last"]
    assert (settled.outcome, settled.score) == ("rejected", 36)


def test_a_claim_that_was_given_changes_nothing():
    court = judge(Says("a", 1, "flag"), Says("c", 9, "reject", claims=True))
    judged = court.judge(LEAD, {})
    assert court.settle(LEAD, judged, {CLAIM: None}) is judged


def test_a_campaign_without_checks_accepts():
    assert judge().judge(LEAD, {}) == Verdict("accepted", (), 50)


def test_the_six_checks_say_all_they_have_to_say_of_one_bad_lead():
    court = Judge(
        (checks.discover()[name], checks[name].settings.model_validate(settings))
        for name, settings in [
            ("duplicate", {"on": ["email"]}),
            ("velocity", {"per": "source", "most": 1, "within": "1h", "action": "hold"}),
            ("phone", {"regions": ["US"], "action": "flag"}),
            ("email", {"disposable": "flag", "points": -30}),
            ("field", {}),
            ("required", {"fields": ["first_name"]}),
        ]
    )
    lead = Lead(
        id=UUID(int=1),
        submission_id=UUID(int=2),
        source="acme",
        campaign="solar",
        received_at=AT,
        fields=FIELDS,
    )
    seen = dict.fromkeys(court.asks(lead), 2)
    claimed = dict.fromkeys(court.claims(lead), Earlier(UUID(int=9), AT, "acme"))
    verdict = court.settle(lead, court.judge(lead, seen), claimed)
    assert [(f.check, f.code, f.action) for f in verdict.findings] == [
        ("required", "missing", "reject"),
        ("field", "invalid", "reject"),
        ("email", "disposable", "flag"),
        ("phone", "region", "flag"),
        ("velocity", "velocity", "hold"),
        ("duplicate", "duplicate", "reject"),
    ]
    assert (verdict.outcome, verdict.score) == ("rejected", 20)


def test_what_each_check_took_is_told_to_who_asks():
    took = {"late": 5.0}
    two = judge(Says("soon", 10, "flag"), Says("late", 40, "flag"), Says("last", 90, "flag", claims=True))
    verdict = two.judge(LEAD, {}, took=took)
    assert took["soon"] > 0
    assert took["late"] > 5.0
    two.settle(LEAD, verdict, {CLAIM: 1}, took)
    assert took["last"] > 0
    assert two.judge(LEAD, {}) == verdict


def test_what_points_a_model_and_a_suspicion_took_is_told_as_of_checks():
    took = {}
    score = ScoreDoc.model_validate(
        {"rules": [{"when": "true", "points": 3, "why": "of late"}], "grades": {"A": 50}}
    )
    fraud = Suspicion(FraudDoc.model_validate({"flag": 1, "weights": {"soon": 30}}))
    verdict = Judge([(Says("soon", 10, "flag"), CheckSettings())], score, fraud).judge(LEAD, {}, took=took)
    assert {f.check for f in verdict.findings} == set(took) == {"soon", "fraud", "score"}
    assert all(ms > 0 for ms in took.values())


def _everything():
    """Every check that needs no more than its settings, twice where that means something."""
    said = {"rule": [{"when": "lead.phone.startsWith('+44')", "code": "abroad"}], "age": [{"field": "dob"}]}
    told = {
        **said, "velocity": [{"per": "source", "most": 1, "within": "1h"}, {"per": "email", "most": 1, "within": "1h"}],
        "email": [{"facts": True}, {"role": "reject", "points": 3}], "phone": [{"regions": ["US"]}, {"facts": True}],
    }  # fmt: skip
    found = checks.discover()
    names = (
        "required",
        "field",
        "email",
        "phone",
        "postal",
        "address",
        "name",
        "age",
        "rule",
        "form",
        "device",
        "velocity",
    )
    return [
        (found[name], found[name].settings.model_validate(to))
        for name in names
        for to in told.get(name, [{"fields": ["nobody"]} if name == "required" else {}])
    ]


@given(rules=st.permutations(_everything()), fields=st.permutations(list(FIELDS.items())))
def test_the_order_in_which_checks_are_listed_and_fields_come_changes_nothing(rules, fields):
    lead = structs.replace(LEAD, fields=dict(fields), extra={"form.honeypot": True, "ip": "10.0.0.1"})
    known = dict.fromkeys(Judge(_everything()).asks(lead), 2)
    verdict = Judge(rules).judge(lead, known)
    straight = Judge(_everything()).judge(structs.replace(lead, fields=FIELDS), known)
    assert (verdict.outcome, verdict.score) == (straight.outcome, straight.score)
    assert sorted(map(repr, verdict.findings)) == sorted(map(repr, straight.findings))
    assert len(verdict.findings) > 8
