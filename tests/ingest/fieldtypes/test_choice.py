import pytest

from app.ingest.fieldtypes.choice import Choice, ChoiceSettings


def normal(raw, **said):
    return Choice().normal(raw, ChoiceSettings(**said)).normal


@pytest.mark.parametrize(
    "raw, becomes",
    [
        ("own", "own"),
        (" OWN ", "own"),
        ("Home  Owner", "own"),
        ("tenant", "rent"),
        ("lease", None),
        (1, None),
    ],
)
def test_values_and_other_spellings_are_known_in_any_case(raw, becomes):
    assert normal(raw, values=["own", "rent"], spelled={"home owner": "own", "Tenant": "rent"}) == becomes


def test_numbers_of_the_configuration_are_words():
    assert normal(5, values=[5, 10]) == "5"
    assert normal("10", values=[5, 10]) == "10"


def test_a_value_is_itself_even_if_a_spelling_says_otherwise():
    said = {"values": ["a", "A", "b"], "spelled": {"b": "a"}}
    assert [normal(raw, **said) for raw in ("a", "A", "b", "B")] == ["a", "A", "b", "b"]


@pytest.mark.parametrize("said", [{"values": []}, {}, {"values": ["a"], "spelled": {"x": "b"}}])
def test_settings_that_lead_nowhere_are_refused_when_saved(said):
    with pytest.raises(ValueError):
        ChoiceSettings(**said)
