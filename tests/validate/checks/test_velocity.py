import pytest

from app.validate.checks.velocity import Velocity, VelocitySettings
from tests.validate.checks.conftest import lead_of

ANNA = {"fields": {"email": "anna@example.com"}}


def test_the_golden_cases(agrees):
    assert agrees


def key(given, **settings):
    (ask,) = Velocity().asks(lead_of(given), VelocitySettings.model_validate({"most": 3} | settings))
    return ask


def test_equal_leads_are_counted_together_and_others_apart():
    first = key(ANNA, per="email", within="1h")
    assert key({"fields": {"email": "Anna@Example.com"}}, per="email", within="1h") == first
    assert key({"fields": {"email": "ines@example.com"}}, per="email", within="1h") != first
    assert key(ANNA | {"campaign": "roofing"}, per="email", within="1h") != first
    assert key(ANNA | {"test": True}, per="email", within="1h") != first


def test_two_windows_count_under_keys_of_their_own():
    hour, day = key(ANNA, per="email", within="1h"), key(ANNA, per="email", within="1d")
    assert (hour.within, day.within) == (3600, 86400)
    assert hour.key != day.key


@pytest.mark.parametrize("fields", [{}, {"email": {"invalid": "anna"}}])
def test_nothing_is_counted_for_a_lead_without_a_valid_value(fields):
    settings = VelocitySettings.model_validate({"per": "email", "most": 1, "within": "1h"})
    assert list(Velocity().asks(lead_of({"fields": fields}), settings)) == []


def test_a_missing_answer_is_no_finding():
    settings = VelocitySettings.model_validate({"per": "source", "most": 1, "within": "1h"})
    assert list(Velocity().run(lead_of({}), settings, {})) == []
