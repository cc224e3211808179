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


def faults(said: str) -> list[tuple[str, str]]:
    try:
        read([("t.yaml", CAMPAIGN % said)], discover())
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
