import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.ingest.fieldtype import fieldtypes
from app.validate.checks.postal import Postal, PostalSettings
from app.validate.data import zip_places
from app.validate.postcodes import place_of_zip
from tests.validate.checks.conftest import lead_of

TYPES = fieldtypes.discover()
PLACES = [(code, state) for code, *_ in zip_places() for state in place_of_zip(code).states]


def test_the_golden_cases(agrees):
    assert agrees


@given(st.sampled_from(PLACES))
def test_a_zip_code_agrees_with_each_of_its_states(one):
    code, state = one
    zips, states = TYPES["postal_code"], TYPES["state"]
    lead = lead_of({})
    lead.fields["postal_code"] = zips.normal(code, zips.settings())
    lead.fields["state"] = states.normal(state, states.settings())
    assert list(Postal().run(lead, PostalSettings(), {})) == []


@pytest.mark.parametrize("settings", [{"other_state": "off"}, {"state": "No Field"}, {"county": "flag"}])
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        PostalSettings.model_validate(settings)
