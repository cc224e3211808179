import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.data import languages_of
from app.validate.languages import speaks
from app.validate.zones import _zones_of


@pytest.mark.parametrize(
    ("languages", "country", "fits"),
    [
        ("de-CH,fr", "CH", True),
        ("es-419", "US", True),
        ("pt_BR", "br", True),
        ("zh-Hant-TW", "TW", True),
        ("en", "VN", True),
        ("vi,ru", "VN", True),
        ("ru", "VN", False),
        ("vi", "PL", False),
        ("", "PL", None),
        (" , ", "PL", None),
        ("de", "", None),
        ("de", "XX", None),
    ],
)
def test_one_language_that_is_spoken_there_is_enough(languages, country, fits):
    assert speaks(languages, country) is fits


def test_nearly_every_country_that_has_a_clock_has_languages():
    assert len(set(_zones_of()) - set(languages_of())) < 12


@given(st.text(max_size=50), st.text(max_size=3))
def test_any_text_has_an_answer(languages, country):
    assert speaks(languages, country) in (True, False, None)
