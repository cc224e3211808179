import pytest
from pydantic import ValidationError

from app.validate.checks.phone import PhoneSettings


def test_the_golden_cases(agrees):
    assert agrees


@pytest.mark.parametrize("settings", [{"numbers": ["555"]}, {"regions": ["us"]}, {"deny": ["Fixed Line"]}])
def test_settings_that_could_never_match_are_refused(settings):
    with pytest.raises(ValidationError):
        PhoneSettings.model_validate(settings)
