from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.ingest.fieldtype import fieldtypes
from app.validate.checks.name import Name, NameSettings
from tests.validate.checks.conftest import lead_of

PEOPLE = [
    line
    for line in (Path(__file__).parents[2] / "data" / "names.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
NAME = fieldtypes.discover()["name"]


def told(**fields):
    return [(f.field, f.code) for f in Name().run(lead_of({"fields": fields}), NameSettings(), {})]


def test_the_golden_cases(agrees):
    assert agrees


def test_the_list_of_people_is_long():
    assert len(PEOPLE) > 200


@pytest.mark.parametrize("person", PEOPLE)
def test_no_person_is_told(person):
    first, _, rest = person.partition(" ")
    names = {"full_name": person, "first_name": first, **({"last_name": rest} if rest else {})}
    assert told(**names) == []


@pytest.mark.parametrize("person", PEOPLE)
def test_no_person_is_told_who_shouts_or_whispers(person):
    for text in (person.upper(), person.lower()):
        assert told(full_name=NAME.normal(text, NAME.settings()).normal) == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_an_answer_and_the_same_in_capitals(first, last):
    found = told(first_name=first, last_name=last)
    assert len(found) == len(set(found))
    if first.isascii() and last.isascii():
        assert found == told(first_name=first.upper(), last_name=last.upper())


@pytest.mark.parametrize("settings", [{"gibberish": "off"}, {"fields": ["No Field"]}, {"test": "flag"}])
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        NameSettings.model_validate(settings)
