import pytest

from app.ingest.fieldtypes.address import Address as AddressType
from app.ingest.fieldtypes.address import AddressSettings as TypeSettings
from app.validate.checks.address import Address, AddressSettings
from tests.ingest.fieldtypes.test_address import WRITTEN
from tests.validate.checks.conftest import lead_of


def test_the_golden_cases(agrees):
    assert agrees


def test_the_list_of_addresses_is_of_many_countries():
    assert len({country for country, _, _ in WRITTEN}) > 30


@pytest.mark.parametrize("country, raw, _", WRITTEN)
def test_nothing_is_told_of_ordinary_addresses(country, raw, _):
    lead = lead_of({})
    lead.fields["address"] = AddressType().normal(raw, TypeSettings(country=country))
    assert list(Address().run(lead, AddressSettings(), {})) == []
