import pytest
from pydantic import ValidationError

from app.validate.check import Listed
from app.validate.checks.suppression import Suppression, SuppressionSettings
from tests.validate.checks.conftest import lead_of

ANNA = {"fields": {"email": "anna@example.com", "phone": {"number": "+15125550100", "line_type": "fixed"}}}


def test_the_golden_cases(agrees):
    assert agrees


def asked(given, **settings):
    return list(Suppression().asks(lead_of(given), SuppressionSettings.model_validate(settings)))


def test_each_contact_is_asked_for_once_for_all_lists():
    assert asked(ANNA, lists=["dnc", "customers"]) == [
        Listed(("dnc", "customers"), "email", "anna@example.com"),
        Listed(("dnc", "customers"), "domain", "example.com"),
        Listed(("dnc", "customers"), "phone", "+15125550100"),
    ]


def test_nothing_is_asked_for_a_lead_without_contacts():
    assert asked({"fields": {"name": "Anna"}}, lists=["dnc"]) == []


def test_a_missing_answer_is_no_finding():
    settings = SuppressionSettings.model_validate({"lists": ["dnc"]})
    assert list(Suppression().run(lead_of(ANNA), settings, {})) == []


@pytest.mark.parametrize(
    "lists", [[], ["dnc", "dnc"], ["dnc", {"list": "dnc"}], ["No Id"], [{"action": "hold"}]]
)
def test_lists_that_can_not_be_meant_are_refused(lists):
    with pytest.raises(ValidationError):
        SuppressionSettings.model_validate({"lists": lists})
