"""Where a lead's person may be, by what the lead says."""

import pytest

from app.catalog.documents import FieldDoc
from app.validate.clocks import Clocks

FIELDS = {
    "state": FieldDoc(type="state"),
    "zip": FieldDoc(type="postal_code"),
    "province": FieldDoc.model_validate({"type": "state", "country": "CA"}),
    "code": FieldDoc.model_validate({"type": "postal_code", "country": "CA"}),
    "phone": FieldDoc(type="phone"),
    "country": FieldDoc(type="country"),
    "remarks": FieldDoc(type="text"),
}
CLOCKS = Clocks(FIELDS)


@pytest.mark.parametrize(
    ("lead", "zones"),
    [
        ({"state": "NY"}, ["America/New_York"]),
        ({"state": "FL"}, ["America/Chicago", "America/New_York"]),
        ({"zip": "94110"}, ["America/Los_Angeles"]),
        ({"zip": "94110-1234"}, ["America/Los_Angeles"]),
        ({"province": "BC", "code": "V6B 1A1"}, None),
        ({"code": "M5V 2T6"}, None),
        ({"phone": "+14155550132"}, ["America/Los_Angeles"]),
        ({"state": "NY", "phone": "+14155550132"}, ["America/Los_Angeles", "America/New_York"]),
        ({"country": "DE"}, ["Europe/Berlin", "Europe/Zurich"]),
        ({"country": "DE", "state": "NY"}, ["America/New_York"]),
        ({"country": "US"}, []),
        ({"phone": "+18005550199"}, []),
        ({"state": "Bayern", "zip": "00000", "phone": "", "country": "XX", "remarks": "NY"}, []),
        ({"state": True, "zip": 94110, "phone": None}, []),
        ({}, []),
    ],
)
def test_every_clock_that_may_be_meant_is_told(lead, zones):
    found = list(CLOCKS.zones(lead))
    if zones is None:
        assert found
        assert all(zone.startswith("America/") for zone in found)
    else:
        assert found == zones


def test_a_campaign_without_such_fields_knows_nothing():
    assert Clocks({"email": FieldDoc(type="email")}).zones({"email": "ann@example.com"}) == ()
