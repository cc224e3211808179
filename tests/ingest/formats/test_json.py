import json

import msgspec
import pytest

from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Unreadable
from app.ingest.formats.json import Json

JSON = "application/json"
FLAT = b'{"email": "ann@example.com", "bill": 185, "owner": true, "note": null, "score": 0.5}'


def read(body: bytes, content_type: str = JSON):
    return Json().read(body, content_type)


def refused(body: bytes, content_type: str = JSON) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body, content_type)
    return caught.value.reason, caught.value.where


def test_a_flat_lead_keeps_its_kinds_of_values():
    assert read(FLAT) == [
        {"email": "ann@example.com", "bill": 185, "owner": True, "note": None, "score": 0.5}
    ]


def test_nested_names_are_joined_by_dots_and_lists_by_their_index():
    body = b'{"contact": {"phones": [{"number": "1"}, {"number": "2"}], "tags": ["a", "b"]}, "empty": {}}'
    assert read(body) == [
        {
            "contact.phones.0.number": "1",
            "contact.phones.1.number": "2",
            "contact.tags.0": "a",
            "contact.tags.1": "b",
        }
    ]


def test_an_array_is_several_leads():
    assert read(b'[{"a": 1}, {"b": {"c": 2}}]') == [{"a": 1}, {"b.c": 2}]


def test_the_last_of_two_equal_keys_wins():
    assert read(b'{"a": 1, "a": 2}') == [{"a": 2}]


def test_a_byte_order_mark_outranks_the_header():
    text = '{"name": "Zoë"}'
    for body in (text.encode("utf-8-sig"), text.encode("utf-16"), text.encode("utf-32")):
        assert read(body, "application/json; charset=utf-8") == [{"name": "Zoë"}]


def test_a_charset_of_the_header_is_used():
    assert read('{"name": "Zoë"}'.encode("latin-1"), 'application/json; charset="ISO-8859-1"') == [
        {"name": "Zoë"}
    ]
    assert read("{'n': 1}".replace("'", '"').encode("utf-16-le"), "application/json; charset=utf-16le") == [
        {"n": 1}
    ]


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b" \n ", "empty", None),
        (b"{}", "empty", None),
        (b"[]", "empty", None),
        (b'[{"a": 1}, {}]', "empty", "1"),
        (b'{"a": {}}', "empty", None),
        (b"3", "shape", None),
        (b'"text"', "shape", None),
        (b'[{"a": 1}, 2]', "shape", "1"),
        (b'{"a": 1,\n "b": }', "syntax", "line 2, column 7"),
        (b'{"a": 1', "syntax", "line 1, column 8"),
        (b'{"a": 1} x', "syntax", "line 1, column 10"),
        (b'{"a": "1\n2"}', "syntax", "line 1, column 9"),
        (b'{"bill": NaN}', "number", "bill"),
        (b'[{"a": [1, -Infinity]}]', "number", "0.a.1"),
        (b'{"a": {"b": 1e999}}', "number", "a.b"),
        (b'{"a": {"b": 9223372036854775808}}', "number", "a.b"),
        (b'{"a": -9223372036854775809}', "number", "a"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "number", "a"),
        (b'{"a": "\\ud800"}', "surrogate", "a"),
        (b'{"a": "\\ude00\\ud83d"}', "surrogate", "a"),
        (b'{"a": "x\\u0000y"}', "nul", "a"),
        (b'{"a": {"b": ["\\u0000"]}}', "nul", "a.b.0"),
        (b'{"a": "\xff"}', "charset", "byte 8"),
        (b"[" * 100_000, "depth", None),
        (b'{"a":' * 5_000, "depth", None),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    assert refused(body) == (code, where)


def test_an_integer_of_64_bits_is_kept_to_the_last_digit():
    assert read(b'{"a": 9223372036854775807, "b": -9223372036854775808}') == [{"a": 2**63 - 1, "b": -(2**63)}]


def test_a_pair_of_surrogates_is_a_character_and_an_escaped_backslash_no_nul():
    assert read(b'{"a": "\\ud83d\\ude00", "b": "\\\\u0000"}') == [{"a": "😀", "b": "\\u0000"}]


def test_depth_is_bounded_exactly():
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert len(read(nested(MOST_DEPTH))) == 1
    assert refused(nested(MOST_DEPTH + 1))[0] == "depth"


def test_fields_and_leads_are_bounded_exactly():
    flat = {f"f{i}": i for i in range(MOST_FIELDS)}
    assert len(read(msgspec.json.encode(flat))[0]) == MOST_FIELDS
    assert refused(msgspec.json.encode(flat | {"more": 1}))[0] == "fields"
    assert refused(msgspec.json.encode({"a": list(range(MOST_FIELDS + 1))}))[0] == "fields"
    assert len(read(b"[" + b",".join([b'{"a":1}'] * MOST_RECORDS) + b"]")) == MOST_RECORDS
    assert refused(b"[" + b",".join([b'{"a":1}'] * (MOST_RECORDS + 1)) + b"]")[0] == "records"


def test_a_long_name_does_not_multiply_over_its_leaves():
    assert refused(msgspec.json.encode({"n" * 100_000: list(range(1_000))}))[0] == "name"


@pytest.mark.parametrize("name", ["klingon", "hex", "unicode_escape", "utf-7", "idna", "\udcff", "a" * 5_000])
def test_a_charset_that_is_not_read_is_refused(name):
    assert refused(FLAT, f"application/json; charset={name}") == ("charset", "charset")


def test_an_error_does_not_repeat_a_value():
    with pytest.raises(Unreadable) as caught:
        read(b'{"email": "ann@example.com", "phone": }')
    assert "ann" not in str(caught.value.problem())


@pytest.mark.parametrize(
    "body",
    [b'{"a":[' + b"1," * 600_000 + b"1]}", b'{"a":[' + b'{"b":1},' * 200_001 + b"1]}", b"[" * 1_000_001],
)
def test_what_a_large_body_holds_is_counted_before_it_is_read(body):
    assert refused(body)[0] == "records"


def test_a_large_text_is_no_harm():
    text = "é, " * 400_000
    assert read(json.dumps({"a": text}, ensure_ascii=False).encode()) == [{"a": text}]
