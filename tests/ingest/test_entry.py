import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.documents import ListDoc
from app.catalog.lists import WIDTH, key_of
from app.components import discover
from app.ingest.entry import Entries
from app.ingest.fieldtype import fieldtypes

discover()
KINDS = ("phone", "email", "domain", "ip")


def keys(text: str, **doc: object) -> object:
    return Entries(ListDoc.model_validate({"id": "x", **doc}), fieldtypes).keys(text)


@pytest.mark.parametrize(
    ("of", "text", "normal"),
    [
        ("phone", "2125551212", "+12125551212"),
        ("phone", "12125551212", "+12125551212"),
        ("phone", "+12125551212", "+12125551212"),
        ("phone", " (212) 555-1212 ", "+12125551212"),
        ("phone", "212.555.1212", "+12125551212"),
        ("phone", "+44 7911 123456", "+447911123456"),
        ("phone", "+390612345678", "+390612345678"),
        ("phone", "200 200 2000", "+12002002000"),  # assigned to nobody yet
        ("email", " Ann@Example.COM", "ann@example.com"),
        ("domain", "Spam.Example.", "spam.example"),
        ("domain", "https://spam.example/x", "spam.example"),
        ("ip", "203.0.113.7", "203.0.113.7"),
        ("ip", "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_an_entry_stands_under_the_key_of_its_normal_value(of: str, text: str, normal: str) -> None:
    assert keys(text, of=of) == (key_of(normal, None),)


def test_a_number_without_country_code_is_of_the_lists_country() -> None:
    assert keys("07911 123456", of="phone", country="GB") == keys("+447911123456", of="phone")
    assert keys("212-555-1212", of="phone", country="GB") == "is no number that its country assigns"


@pytest.mark.parametrize(
    ("doc", "text", "why"),
    [
        ({"of": "phone"}, "", "is empty"),
        ({"of": "phone"}, "2" * 2_000, "is too long"),
        ({"of": "phone"}, "555-1212", "is no number that its country assigns"),
        ({"of": "phone"}, "512*******", "is masked"),
        ({"of": "phone"}, "a" * 32, "is a md5 hash, and the list is plain"),
        ({"of": "phone", "hashed": "sha256"}, "a" * 32, "is a md5 hash, and the list is of sha256"),
        ({"of": "email"}, "ann@", "is no e-mail address"),
        ({"of": "domain"}, "localhost", "is no domain"),
        ({"of": "ip"}, "10.0.0.0/7", "is wider than any list may be"),
        ({"of": "ip"}, "10.0.0.0/99", "is no network"),
        ({"of": "ip"}, "10.0.0", "is no IP address"),
    ],
)
def test_what_is_no_entry_says_why_without_repeating_it(doc: dict, text: str, why: str) -> None:
    assert keys(text, **doc) == why


def test_what_comes_plain_to_a_hashed_list_is_hashed_in_its_first_form() -> None:
    plain = keys("(212) 555-1212", of="phone", hashed="md5", written=["national", "e164"])
    assert plain == (key_of("2125551212", "md5"),)
    foreign = keys("+447911123456", of="phone", hashed="md5", written=["national", "digits"])
    assert foreign == (key_of("447911123456", "md5"),)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_number_in_normal_form_is_read_as_a_lead_s_is(region: str) -> None:
    phone = fieldtypes["phone"]
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None or not phonenumbers.is_valid_number(example):
            continue
        text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        value = phone.normal(text, phone.settings())
        if value.valid:
            assert keys(text, of="phone") == (key_of(str(value.normal), None),)


@given(text=st.text(max_size=60), of=st.sampled_from(KINDS), hashed=st.sampled_from([None, "md5", "sha256"]))
def test_noise_is_an_entry_or_says_why_and_never_raises(text: str, of: str, hashed: str | None) -> None:
    found = keys(text, of=of, hashed=hashed)
    assert found
    assert isinstance(found, str) or all(len(key) == WIDTH for key in found)
