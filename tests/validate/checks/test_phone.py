from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from app.ingest.fieldtype import fieldtypes
from app.validate.checks.phone import LineType, Phone, PhoneSettings
from tests.validate.checks.conftest import lead_of

PHONES = [
    line.split("\t")
    for line in (Path(__file__).parents[2] / "data" / "phones.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def test_the_golden_cases(agrees):
    assert agrees


@pytest.mark.parametrize("settings", [{"numbers": ["555"]}, {"regions": ["us"]}, {"deny": ["fixed_line"]}])
def test_settings_that_could_never_match_are_refused(settings):
    with pytest.raises(ValidationError):
        PhoneSettings.model_validate(settings)


def test_every_line_type_of_the_field_type_can_be_named():
    known = fieldtypes.discover()["phone"].parts["line_type"].split(", ")
    assert set(get_args(LineType)) == {*known, "unknown"}


@pytest.mark.parametrize("region, written, becomes", PHONES)
def test_an_ordinary_number_of_any_country_is_taken_and_nothing_is_told_of_it(region, written, becomes):
    kind, lead = fieldtypes.discover()["phone"], lead_of({})
    value = kind.normal(written, kind.settings.model_validate({"country": region}))
    assert (value.valid, value.normal) == (True, becomes)
    lead.fields["phone"] = value
    assert list(Phone().run(lead, PhoneSettings(), {})) == []
