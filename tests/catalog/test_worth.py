"""What `apply` says of a score and of a fraud that name what there is not: else they would be silent."""

import pytest

from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.components import discover

CAMPAIGN = """
campaigns:
  - id: solar
    fields: {email: {type: email}, bill: {type: number}, visited_on: {type: date}}
    %s
"""


def faults(said: str, more: str = "") -> list[tuple[str, str]]:
    try:
        read([("t.yaml", CAMPAIGN % said + more)], discover())
    except CatalogueErrors as errors:
        return [(one.path.removeprefix("campaigns[0]."), one.hint) for one in errors.problems]
    return []


def rule(when: str = "lead.bill > 1", more: str = "") -> str:
    return f"score: {{rules: [{{when: '{when}', points: 1, why: x{more}}}]}}"


@pytest.mark.parametrize(
    ("said", "path", "hint"),
    [
        (
            rule("lead.bil > 1"),
            "score.rules[0].when",
            'no field "bil" on campaign solar; did you mean "bill"?',
        ),
        (rule("lead.bill >"), "score.rules[0].when", "it ends too early"),
        (rule("price > 1"), "score.rules[0].when", 'nothing is called "price"; known: lead, source'),
        (rule("score > 1"), "score.rules[0].when", 'nothing is called "score"; did you mean "source"?'),
        (
            rule(more=", decay: {half_life: 7d, since: lead.visitd_on}"),
            "score.rules[0].decay.since",
            'did you mean "visited_on"?',
        ),
        (
            rule(more=", decay: {half_life: 7d, since: lead.bill}"),
            "score.rules[0].decay.since",
            "it is a number; write received, or a date",
        ),
        (
            "score: {sales_ready: {score: 60, when: reply.x}}",
            "score.sales_ready.when",
            'nothing is called "reply"; known: grade, lead, score, source',
        ),
        (
            "score: {sales_ready: {score: 60, when: lead.emial == grade}}",
            "score.sales_ready.when",
            'no field "emial" on campaign solar; did you mean "email"?',
        ),
        (
            "score: {model: {features: [bil]}}",
            "score.model.features[0]",
            'did you mean "bill"?',
        ),
        (
            "score: {model: {features: [{name: big, value: lead.bil > 3}]}}",
            "score.model.features[0].value",
            'no field "bil" on campaign solar; did you mean "bill"?',
        ),
        (
            "score: {model: {features: [bill, {name: told, value: reply.status}]}}",
            "score.model.features[1].value",
            'nothing is called "reply"; known: lead, source',
        ),
        (
            "score: {model: {features: [{name: seen, value: score > 3}]}}",
            "score.model.features[0].value",
            'nothing is called "score"; did you mean "source"?',
        ),
        ("fraud: {weights: {fomr: 3}}", "fraud.weights.fomr", 'did you mean "form"?'),
        (
            "fraud: {weights: {form.honeypott: 3}}",
            'fraud.weights["form.honeypott"]',
            'did you mean "honeypot"?',
        ),
    ],
)
def test_a_fault_is_told_at_its_place(said: str, path: str, hint: str) -> None:
    assert faults(said) == [(path, hint)]


@pytest.mark.parametrize(
    "said",
    [
        rule(more=", decay: {half_life: 7d, since: lead.visited_on}"),
        rule('source == "acme"', ", decay: {half_life: 7d}"),
        'score: {grades: {A: 80}, sales_ready: {score: 60, when: grade == "A" && score > 90}}',
        "score: {model: {features: [bill, {name: big, value: lead.bill > 3, kind: choice}], score: rank}}",
        "distribution: {priority: {within: 5m, ready_within: 1m, score: 0s, dear: '42.00'}}",
        "fraud: {}",
        "fraud: {weights: {form: 3, form.honeypot: 5}, reject: null}",
    ],
)
def test_what_is_right_applies(said: str) -> None:
    assert faults(said) == []


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("{within: 0s}", "review.within"),
        ("{then: accept}", "review"),
        ("{within: 4h, then: sell}", "review.then"),
    ],
)
def test_a_time_out_that_means_nothing_is_refused(said: str, path: str) -> None:
    assert [place for place, _ in faults(f"review: {said}")] == [path]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("score: {model: {features: []}}", "score.model"),
        ("score: {model: {features: [bill, bill]}}", "score.model"),
        ("score: {model: {features: [bill], target: rich}}", "score.model.target"),
        ("score: {model: {features: [Bill]}}", "score.model.features[0]"),
        ("score: {model: {features: [bill], l2: 0}}", "score.model.l2"),
        ("distribution: {priority: {score: 31d}}", "distribution.priority.score"),
        ("distribution: {priority: {dear: 0}}", "distribution.priority.dear"),
    ],
)
def test_a_model_or_a_priority_that_means_nothing_is_refused(said: str, path: str) -> None:
    assert [place for place, _ in faults(said)] == [path]


CONTRACT = """
buyers:
  - id: sunco
    contracts:
      - {id: west, campaign: solar, when: '%s', deliver: {adapter: webhook, url: "https://x.example", body: json, accepted: "true"}}
"""


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ('score >= 70 && sales_ready && probability > 0.5 && grade == "A"', []),
        ("scor >= 70", ['did you mean "score"?']),
    ],
)
def test_a_contract_may_ask_what_a_lead_is_worth(when: str, hint: list[str]) -> None:
    found = faults("", CONTRACT % when)
    assert [one.split("; ")[-1] for _, one in found] == hint
