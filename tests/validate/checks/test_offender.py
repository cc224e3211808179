import pytest
from pydantic import ValidationError

from app.validate.check import Offences
from app.validate.checks.offender import Offender, OffenderSettings
from tests.validate.checks.conftest import lead_of


def test_the_golden_cases(agrees):
    assert agrees


def keys(settings, **given):
    asks = Offender().asks(lead_of(given), OffenderSettings.model_validate(settings))
    return [ask.key for ask in asks if isinstance(ask, Offences)]


def test_who_cheats_in_one_campaign_is_known_in_another_but_tests_are_apart():
    mail = {"fields": {"email": "anna@example.com"}}
    one = keys({"per": "email"}, **mail)
    assert one == keys({"per": "email"}, **mail, campaign="windows", source="other")
    assert one != keys({"per": "email"}, **mail, test=True)
    assert one != keys({"per": "email", "of": "bots"}, **mail)


@pytest.mark.parametrize(
    "settings", [{"share": 20, "most": 3}, {"share": 100}, {"within": "2000d"}, {"per": ""}]
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        OffenderSettings.model_validate(settings)
