import pytest
from pydantic import ValidationError

from app.validate.checks.rule import Rule, RuleSettings


def test_the_golden_cases(agrees):
    assert agrees


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"when": "lead.bill >"},
        {"when": "true", "code": "No Roof"},
        {"when": "true", "message": ""},
        {"when": "true", "field": "No Field"},
    ],
)
def test_a_rule_that_means_nothing_is_refused(settings):
    with pytest.raises(ValidationError):
        RuleSettings.model_validate(settings)


def test_a_campaigns_own_code_is_what_it_may_give():
    to = RuleSettings.model_validate({"when": "true", "code": "no_roof", "message": "no roof"})
    assert Rule().codes_of(to) == {"no_roof": "no roof"}
