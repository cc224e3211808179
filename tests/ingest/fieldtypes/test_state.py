import pytest

from app.ingest.fieldtypes.state import State, StateSettings


def normal(raw, country="US"):
    value = State().normal(raw, StateSettings(country=country))
    return value.normal if value.valid else None


@pytest.mark.parametrize(
    "raw, becomes",
    [
        ("CA", "CA"),
        (" ca ", "CA"),
        ("California", "CA"),
        ("calif.", "CA"),
        ("US-CA", "CA"),
        ("N. Carolina", "NC"),
        ("NEW  YORK", "NY"),
        ("Washington", "WA"),
        ("Washington, D.C.", "DC"),
        ("D.C.", "DC"),
        ("Hawai‘i", "HI"),
        ("Puerto Rico", "PR"),
        ("Guam", "GU"),
        ("AE", "AE"),
        ("ON", None),
        ("XX", None),
        ("Calif0rnia", None),
        ("c" * 100, None),
        (12, None),
    ],
)
def test_states_and_territories_are_known_by_code_name_and_usual_spellings(raw, becomes):
    assert normal(raw) == becomes


@pytest.mark.parametrize(
    "raw, becomes", [("Québec", "QC"), ("ont", "ON"), ("Newfoundland", "NL"), ("YUKON", "YT"), ("CA", None)]
)
def test_provinces_are_canada_s(raw, becomes):
    assert normal(raw, "CA") == becomes


def test_elsewhere_it_is_text():
    assert normal("  Nordrhein-  Westfalen", "DE") == "Nordrhein- Westfalen"


def test_its_name_comes_with_it():
    assert State().normal("tx", StateSettings()).parts == {"name": "Texas"}
