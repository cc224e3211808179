import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.data import both_names, no_names, surprises
from app.validate.naming import is_placeholder, surprise, tokens, wrong_with


@pytest.mark.parametrize(
    "word",
    [
        "asdf",
        "asdfgh",
        "qwerty",
        "qwertz",
        "azerty",
        "asdasd",
        "qweqwe",
        "asdqwe",
        "lkjh",
        "zxcvbnm",
        "asd",
        "mnbvcxz",
    ],
)
def test_keys_side_by_side_are_known(word):
    assert wrong_with(word) == "keyboard"


@pytest.mark.parametrize(
    "word", ["sdkfjh", "wqeoiuwqe", "xkcdqwz", "hgjdkfls", "qzxwvk", "aaaa", "zzz", "annnnna"]
)
def test_struck_letters_are_known(word):
    assert wrong_with(word) == "gibberish"


def test_no_word_that_is_a_first_and_a_last_name_is_wrong():
    assert [word for word in both_names() if wrong_with(word)] == []


def test_no_word_of_a_kind_is_a_name_of_both_sorts():
    assert no_names("profanity") & both_names() == frozenset()
    assert no_names("placeholder") & both_names() == frozenset()


def test_every_pair_of_letters_has_a_number():
    assert len(surprises()) == 27 * 27
    assert all(0 <= n <= 99 for n in surprises().values())
    assert surprise("anna") < surprise("qxzk")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("O'Hara", ("o", "hara")),
        ("van der Berg", ("van", "der", "berg")),
        ("Müller-Lüdenscheidt", ("muller", "ludenscheidt")),
        ("Łukasz Øst", ("lukasz", "ost")),
        ("李 小龙", ("李", "小龙")),
        ("  ", ()),
    ],
)
def test_a_name_is_taken_apart(text, words):
    assert tokens(text) == words


@given(st.text(max_size=40))
def test_taking_apart_what_was_taken_apart_changes_nothing(text):
    once = tokens(text)
    assert tokens(" ".join(once)) == once


def test_no_words_stand_for_no_name():
    assert not is_placeholder(())
