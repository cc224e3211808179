from typing import get_args

import pytest
from pydantic import ValidationError

from app.ingest.fieldtype import fieldtypes
from app.validate.checks.phone import LineType, PhoneSettings


def test_the_golden_cases(agrees):
    assert agrees


@pytest.mark.parametrize("settings", [{"numbers": ["555"]}, {"regions": ["us"]}, {"deny": ["fixed_line"]}])
def test_settings_that_could_never_match_are_refused(settings):
    with pytest.raises(ValidationError):
        PhoneSettings.model_validate(settings)


def test_every_line_type_of_the_field_type_can_be_named():
    known = fieldtypes.discover()["phone"].parts["line_type"].split(", ")
    assert set(get_args(LineType)) == {*known, "unknown"}
