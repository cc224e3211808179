"""The pasted lines work in a shell, and bring persons that nothing rejects."""

import shlex
from urllib.parse import parse_qs

import msgspec
import phonenumbers
import pytest
from email_validator import validate_email
from lxml import etree

from app.demo import curl_lines

KEY = "lg_src_0123456789abcdef"


def body(line: str) -> str:
    words = shlex.split(line)
    return words[words.index("-d") + 1]


def persons(key: str) -> list[dict[str, str]]:
    as_json, as_form, as_xml = map(body, curl_lines("http://127.0.0.1:8000", key))
    form = {name: values[0] for name, values in parse_qs(as_form, strict_parsing=True).items()}
    xml = {child.tag: child.text or "" for child in etree.fromstring(as_xml)}
    return [msgspec.json.decode(as_json), form, xml]


def test_each_line_posts_to_the_intake_with_the_key() -> None:
    for line in curl_lines("http://127.0.0.1:8000", KEY):
        words = shlex.split(line)
        assert words[0] == "curl"
        assert "http://127.0.0.1:8000/v1/leads" in words
        assert f"Authorization: Bearer {KEY}" in words


def test_every_format_brings_the_same_names() -> None:
    assert [set(p) for p in persons(KEY)] == [
        {"fname", "lname", "email", "phone", "state", "zip", "bill"}
    ] * 3


@pytest.mark.parametrize("key", [f"lg_src_{n}" for n in range(40)])
def test_every_person_has_a_valid_phone_and_mailbox_of_their_own(key: str) -> None:
    people = persons(key)
    for person in people:
        assert phonenumbers.is_valid_number(phonenumbers.parse(person["phone"], "US"))
        validate_email(person["email"], check_deliverability=False)
    assert len({p["phone"] for p in people}) == len({p["email"] for p in people}) == 3


def test_only_the_third_finds_sunco_down() -> None:
    assert [p["phone"].endswith("7") for p in persons(KEY)] == [False, False, True]


def test_another_key_brings_other_persons() -> None:
    assert persons(KEY) == persons(KEY)
    assert not {p["email"] for p in persons(KEY)} & {p["email"] for p in persons("another")}
