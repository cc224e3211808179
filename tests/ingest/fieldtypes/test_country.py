import phonenumbers
import pytest

from app.ingest.countries import NAMES, SPELLINGS
from app.ingest.fieldtypes.country import Country, CountrySettings


def normal(raw):
    return Country().normal(raw, CountrySettings()).normal


@pytest.mark.parametrize(
    "raw, code",
    [
        ("US", "US"),
        ("usa", "US"),
        ("U.S.A.", "US"),
        ("United  States of America", "US"),
        ("uk", "GB"),
        ("England", "GB"),
        ("Deutschland", "DE"),
        ("Cote d'Ivoire", "CI"),
        ("Türkiye", "TR"),
        ("Korea (South)", "KR"),
        ("Trinidad & Tobago", "TT"),
        ("St Lucia", "LC"),
        ("Atlantis", None),
        ("X", None),
        ("a" * 100, None),
        (840, None),
    ],
)
def test_codes_names_and_usual_spellings_are_known(raw, code):
    assert normal(raw) == code


def test_the_table_holds_all_249_countries_and_leads_back_to_each():
    assert len(NAMES) == 249
    assert set(SPELLINGS.values()) == set(NAMES)
    assert {name for name in NAMES if normal(NAMES[name]) != name} == set()
    assert set(phonenumbers.SUPPORTED_REGIONS) - set(NAMES) == {"XK", "TA", "AC"}
