import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.model import Value
from app.validate.addressing import Address, address_of
from app.validate.alike import jaro_winkler
from app.validate.data import first_names
from app.validate.persons import likeness, mailbox, name_of, names_alike, postal, resident

words = st.text(st.sampled_from("abcdeíñßŁ'-. "), max_size=12) | st.sampled_from(
    ["Bob", "Dr.", "Jr", "O'Hara", "Junior", "Liz", "van", "der", "III", "Müller", "金", "ΣΑΣ"]
)
names = st.lists(words, max_size=5)
pieces = st.sampled_from(
    ["12", "007", "4b", "N", "North", "Main", "Street", "St.", "Apt", "Unit", "#", "#4", "apt7", "Suite", "5th",
     "Hauptstraße", "First", "P.O. Box", "p", "o", "box", "Floor", "x", "0", "金", ","]
)  # fmt: skip
streets = st.lists(pieces | words, max_size=7).map(" ".join)
local = st.text(st.sampled_from("ab.+A@ ıßİ"), max_size=8)
addresses = st.tuples(local, st.sampled_from(["gmail.com", "GoogleMail.com", "example.com", ""])).map(
    "@".join
)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("martha", "marhta", 0.961), ("dixon", "dicksonx", 0.813), ("dwayne", "duane", 0.84), ("jones", "johnson", 0.832),
        ("abcvwxyz", "cabvwxyz", 0.958), ("", "", 1.0), ("", "a", 0.0), ("abc", "xyz", 0.0), ("a", "a", 1.0),
    ],
)  # fmt: skip
def test_likeness_of_words_is_as_winkler_published_it(one, other, alike):
    assert round(jaro_winkler(one, other), 3) == alike


@given(words, words)
def test_likeness_of_words_is_the_same_both_ways_and_between_nothing_and_one(one, other):
    assert 0 <= jaro_winkler(one, other) == jaro_winkler(other, one) <= 1
    assert (jaro_winkler(one, other) == 1) is (one == other)


@given(addresses)
def test_a_mailbox_stays_as_it_is_once_it_is_written_so(address):
    assert mailbox(mailbox(address)) == mailbox(address)
    assert mailbox(address.upper()) == mailbox(address.upper().lower())


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("Ann.Rivera+x@Gmail.com", "annrivera@gmail.com"), ("a.b@googlemail.com", "ab@gmail.com"),
        ("a.b+c+d@example.com", "a.b@example.com"), ("+x@example.com", "+x@example.com"), ("no address", "no address"),
    ],
)  # fmt: skip
def test_a_mailbox_in_one_writing(address, written):
    assert mailbox(address) == written


@example(["a", "Dr.", "Jr"], random.Random(1))
@given(names, st.randoms(use_true_random=False))
def test_a_name_is_the_same_in_any_order_and_case_and_once_it_is_written_so(parts, chance: random.Random):
    name = name_of(" ".join(parts))
    mixed = list(parts)
    chance.shuffle(mixed)
    assert name_of(" ".join(mixed)) == name
    again = name_of(str(name))
    assert (again.words, again.generation) == (name.words, name.generation)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob O'Hara", "OHARA, Robert"), ("Dr. José García", "garcia jose"), ("Liz Smith Jr.", "Elizabeth Smith junior"),
        ("Łukasz Żak", "Zak Lukasz"), ("Anne-Marie Roy", "anne marie ROY"),
    ],
)  # fmt: skip
def test_one_person_has_one_name(one, other):
    assert str(name_of(one)) == str(name_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Rivera", "Hanna Rivera"), ("Christian Roy", "Christina Roy"), ("Daniel Kim", "Danielle Kim"),
        ("Mario Rossi", "Maria Rossi"), ("John Smith Jr", "John Smith"), ("John Smith II", "John Smith III"),
        ("Minsu Kim", "Minjun Kim"), ("René Müller", "Renée Müller"), ("J Smith", "John Smith"), ("Smith", "Smith"),
        ("Ann Rivera", "Ann Rossi"), ("José García López", "Ana García López"), ("Deepika Rao", "Deepak Rao"),
    ],
)  # fmt: skip
def test_people_who_share_a_home_and_half_a_name_are_not_one(one, other):
    assert names_alike(name_of(one), name_of(other)) < 0.94


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fernanda Rivera", "Fernadna Rivera"), ("Bob Rivera", "Robert Riveraa"), ("Ann Marie Rivera", "Rivera Ann"),
        ("María González", "Maria Gonzales"),
    ],
)  # fmt: skip
def test_a_slip_of_the_hand_is_one_person(one, other):
    assert names_alike(name_of(one), name_of(other)) >= 0.94


@given(names.map(" ".join), names.map(" ".join))
def test_likeness_of_names_is_the_same_both_ways(one, other):
    a, b = name_of(one), name_of(other)
    assert 0 <= names_alike(a, b) == names_alike(b, a) <= 1


@given(streets)
def test_an_address_stays_as_it_is_once_it_is_written_so(text):
    address = address_of(text)
    assert address_of(str(address)) == address
    assert address_of(text.upper().lower()) == address_of(text.upper())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12 N. Main Street, Apt 4", Address("12", "n main st", "4")), ("12 north main st #4", Address("12", "n main st", "4")),
        ("Unit 4, 12 Main St", Address("12", "main st", "4")), ("Hauptstraße 12a", Address("12a", "hauptstr", "")),
        ("12 5th Ave", Address("12", "5th ave", "")), ("12 Fifth Avenue Suite 0200", Address("12", "5th ave", "200")),
        ("P.O. Box 33", Address("33", "pobox", "")), ("PO Box 33", Address("33", "pobox", "")), ("", Address()),
        ("Main Street", Address("", "main st", "")), ("12 Main St apt4b", Address("12", "main st", "4b")),
    ],
)  # fmt: skip
def test_an_address_in_one_writing(text, address):
    assert address_of(text) == address


def test_what_a_field_of_its_own_says_of_the_door_counts_where_the_street_says_nothing():
    assert (
        address_of("12 Main St", "Apt 4") == address_of("12 Main St", "4") == address_of("12 Main St Unit 4")
    )
    assert address_of("12 Main St Apt 4", "5").unit == "4"


def of(**fields):
    return resident({name: Value(text, text) for name, text in fields.items()}, fields, {})


HOME = {"first_name": "Ann", "last_name": "Rivera", "street": "12 Main St", "postal_code": "94110"}


def test_a_person_is_compared_by_name_street_and_postal_code_or_not_at_all():
    assert of(**HOME) is not None
    for name in ("first_name", "street", "postal_code"):
        assert of(**{key: text for key, text in HOME.items() if key != name}) is None
    assert likeness(of(**HOME), of(**HOME)) == 1
    assert likeness(of(**HOME), of(**{**HOME, "street": "12 Main Street Apt 4"})) == 1, (
        "one of them says no door"
    )
    assert likeness(of(**HOME), of(**{**HOME, "street": "12 Elm St"})) < 0.8


def test_what_one_of_two_leads_does_not_say_contradicts_nothing():
    born = of(**HOME, born="1984-09-30")
    assert likeness(born, of(**HOME)) == 1
    assert likeness(born, of(**HOME, born="1984-09-30")) == 1
    assert likeness(born, of(**HOME, born="1951-04-02")) == 0


def test_a_zip_code_is_its_first_five_digits_and_others_have_no_spaces():
    assert postal(Value("94110-1234", "94110-1234", True, {"zip5": "94110", "plus4": "1234"})) == "94110"
    assert postal(Value("k1a 0b1", "K1A 0B1", True, {"outward": "K1A"})) == "k1a0b1"


def test_no_short_form_stands_for_two_names():
    known = first_names()
    assert all(known[name] == name for name in known.values())
    assert known["bob"] == "robert"
    assert not {"alex", "chris", "sam", "pat"} & known.keys()
