import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.name_parts import NameParts, name_parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ann Miller", ("", "Ann", "", "Miller", "")),
        ("Dr. Ann B. Miller Jr.", ("Dr.", "Ann", "B.", "Miller", "Jr.")),
        ("Prof Dr Ann Miller", ("Prof Dr", "Ann", "", "Miller", "")),
        ("Ann Miller, PhD", ("", "Ann", "", "Miller", "PhD")),
        ("Martin Luther King, Jr.", ("", "Martin", "Luther", "King", "Jr.")),
        ("Miller, Ann", ("", "Ann", "", "Miller", "")),
        ("Miller, Dr. Ann B., Jr.", ("Dr.", "Ann", "B.", "Miller", "Jr.")),
        ("van der Berg, Jan", ("", "Jan", "", "van der Berg", "")),
        ("Ludwig van Beethoven", ("", "Ludwig", "", "van Beethoven", "")),
        ("Juan Carlos de la Cruz", ("", "Juan", "Carlos", "de la Cruz", "")),
        ("José Ortega y Gasset", ("", "José", "", "Ortega y Gasset", "")),
        ("de la Cruz", ("", "", "", "de la Cruz", "")),
        ("Al Gore", ("", "Al", "", "Gore", "")),
        ("Van Morrison", ("", "Van", "", "Morrison", "")),
        ("Mr. Smith", ("Mr.", "", "", "Smith", "")),
        ("Cher", ("", "Cher", "", "", "")),
        ("Jr", ("", "Jr", "", "", "")),
        ("Dr", ("", "Dr", "", "", "")),
        ("李 小龙", ("", "李", "", "小龙", "")),
    ],
)
def test_a_name_has_its_parts(text, parts):
    assert name_parts(text) == NameParts(*parts)


@pytest.mark.parametrize("text", ["", ",", " , , "])
def test_of_nothing_there_is_no_part(text):
    assert name_parts(text) == NameParts()


@given(st.text(max_size=60))
def test_no_word_is_lost_and_none_is_made_up(text):
    parts = name_parts(text)
    told = " ".join((parts.title, parts.given, parts.middle, parts.family, parts.suffix)).split()
    assert sorted(told) == sorted(text.replace(",", " ").split())


@given(st.lists(st.sampled_from(["Ann", "B.", "Miller", "van", "Dr.", "Jr.", "y", "O'Hara"]), max_size=6))
def test_parts_that_are_written_in_order_are_the_same_parts(words):
    parts = name_parts(" ".join(words))
    in_order = " ".join((parts.title, parts.given, parts.middle, parts.family, parts.suffix)).split()
    assert name_parts(" ".join(in_order)) == parts
