from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.validate.checks.age import Age, AgeSettings
from tests.validate.checks.conftest import AT, lead_of


def test_the_golden_cases(agrees):
    assert agrees


def years(born: date) -> int:
    lead = lead_of({"fields": {"born": born.isoformat()}})
    (finding,) = Age().run(lead, AgeSettings(field="born", max=150, facts=True), {})
    return finding.facts["age.years"]


@given(st.dates(date(1900, 1, 1), date(2026, 11, 20)))
def test_a_person_has_lived_the_years_that_are_said_and_not_one_more(born):
    lived = years(born)
    birthdays = [y for y in range(born.year + 1, 2027) if (y, born.month, born.day) <= (2026, 11, 20)]
    assert lived == len(birthdays)
    assert 0 <= lived <= (AT.date() - born).days / 365


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"field": "born", "min": 30, "max": 20},
        {"field": "born", "zone": "Mars/Base"},
        {"field": "born", "zone": "../x"},
    ],
)
def test_bounds_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        AgeSettings.model_validate(settings)
