import pytest

from app.ingest.fieldtypes.text import Text, TextSettings


def normal(raw, **said):
    value = Text().normal(raw, TextSettings(**said))
    return value.normal if value.valid else value.note


@pytest.mark.parametrize(
    "raw, said, becomes",
    [
        (" two\nlines ", {}, "two\nlines"),
        (78701, {}, "78701"),
        (78701.0, {}, "78701"),
        (True, {}, "true"),
        ("abc", {"min_length": 3, "max_length": 3}, "abc"),
        ("abcd", {"max_length": 3}, "is longer than 3 characters"),
        ("ab", {"min_length": 3}, "is shorter than 3 characters"),
        ("AB12", {"pattern": "[A-Z]+[0-9]+"}, "AB12"),
        ("AB12x", {"pattern": "[A-Z]+[0-9]+"}, "is not of the pattern"),
    ],
)
def test_text_is_trimmed_and_held_to_its_settings(raw, said, becomes):
    assert normal(raw, **said) == becomes


@pytest.mark.parametrize("said", [{"pattern": "("}, {"min_length": 5, "max_length": 4}, {"max_length": 0}])
def test_settings_that_cannot_hold_are_refused_when_saved(said):
    with pytest.raises(ValueError):
        TextSettings(**said)
