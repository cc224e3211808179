"""What the webhooks of form builders share, and what hostile ones cost."""

import hmac
import tracemalloc
from base64 import b64encode
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Asked, Taken
from app.ingest.webhook import (
    MOST_BYTES,
    Origin,
    Oversized,
    Token,
    digest,
    flat,
    glance,
    kept,
    record_in,
    refuse_elsewhere,
    refuse_unless_told,
    without,
)
from tests.ingest.platforms.golden import case, cases, part, told

TOKEN = "example-token-0001"
FORM = "application/x-www-form-urlencoded"
TEN_MB = 10_000_000
NAMES = ["typeform", "unbounce", "gravity_forms", "wufoo", "jotform", "hubspot", "salesforce", "tiktok"]
SETTINGS: dict[str, dict[str, Any]] = {
    "typeform": {"secret": "a-secret-of-ours"},
    "wufoo": {"handshake_key": "handshake"},
    "salesforce": {"oid": "00D50000000IZ3Z"},
}
GOLDEN = {name: [case(name, one)["body"] for one in cases(name)] for name in NAMES}


def posted(body: bytes, content_type: str = "") -> Asked:
    return Asked(headers={"content-type": content_type}, body=body)


def proved(name: str, body: bytes, content_type: str) -> Asked:
    """With all that any of them asks for beside the body."""
    signature = b64encode(hmac.digest(b"a-secret-of-ours", body, "sha256")).decode()
    headers = {"content-type": content_type, "typeform-signature": f"sha256={signature}"}
    return Asked(query=(("token", TOKEN),), headers=headers, body=body)


def taken(name: str, body: bytes, content_type: str = "") -> None:
    """What may be raised is raised; what is read is what the contract says."""
    one = part(name)
    request = proved(name, body, content_type)
    ours = told(name, **SETTINGS.get(name, {"token": TOKEN}))
    with suppress(Unreadable, Forged):
        found = one.take(request, ours, 0.0)
        if isinstance(found, Taken) and found.keep is not None:
            one.answer(request, ours)
            one.read(found.keep, "")
    with suppress(Unreadable):
        for record in one.read(body, content_type):
            assert record
            for text in [*record, *record.values()]:
                assert isinstance(text, str | int | float | bool | None)
                assert "\0" not in str(text).encode().decode()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=200) | st.sampled_from([b"", b"{", b"[]", b"null", b"--", b"--x\r\n", b"%", b"&=&"]),
    content_type=st.sampled_from(["", FORM, f"{FORM}; charset=utf-16", f"{FORM}; charset=cp1252", "x; charset=?", "\udcff"]),
)  # fmt: skip
def test_noise_raises_only_what_is_declared(name: str, body: bytes, content_type: str) -> None:
    taken(name, body, content_type)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=80, deadline=None)
@given(
    which=st.integers(0, 9),
    at=st.integers(0, 3_000),
    cut=st.integers(0, 30),
    put=st.binary(max_size=6)
    | st.sampled_from(
        [b"\x00", b"%00", b"\\u0000", b"\\ud800", b"[", b"{", b"null", b"[[]]", b"1e999", b"\xff"]
    ),
)
def test_a_damaged_body_raises_only_what_is_declared(
    name: str, which: int, at: int, cut: int, put: bytes
) -> None:
    body = GOLDEN[name][which % len(GOLDEN[name])]
    at %= len(body)
    taken(name, body[:at] + put + body[at + cut :])


HOSTILE = {
    "open": b'{"a":',
    "lists": b"[[],",
    "answers": b'{"form_response":{"answers":[{}',
    "keys": b'{"a":1,"b":2,',
    "pairs": b"a=1&",
    "escapes": b"%41",
    "parts": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n',
    "brackets": b"a[b]",
    "nothing": b" ",
}


def hostile(unit: bytes, size: int) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_body_costs_less_than_a_second(name: str) -> None:
    for unit in HOSTILE.values():
        with pytest.raises((Unreadable, Forged)):
            part(name).read(hostile(unit, TEN_MB), "")
        for size in (TEN_MB, MOST_BYTES):
            body = hostile(unit, size)
            began = process_time()
            taken(name, body, FORM)
            assert process_time() - began < 1


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_costs_less_than_100_mb(unit: bytes) -> None:
    body = hostile(unit, MOST_BYTES)
    tracemalloc.start()
    try:
        taken("jotform", body, FORM)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_more_than_a_form_is_too_large_and_not_unreadable_to_whoever_asks_why() -> None:
    with pytest.raises(Oversized) as caught:
        kept(posted(b"x" * (MOST_BYTES + 1)))
    assert (caught.value.status, caught.value.reason) == (413, "too_large")


@pytest.mark.parametrize(
    "body, record",
    [
        (b"a=1&b.c=2", {"a": "1", "b.c": "2"}),
        (b' {"a": 1, "b": {"c": 2}}', {"a": 1, "b.c": 2}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', {"a": "1"}),
        (b'----x?\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n----x?--\r\n', {"a": "1"}),
    ],
)
def test_a_body_says_by_its_look_what_it_is(body: bytes, record: dict[str, Any]) -> None:
    assert record_in(kept(posted(body))) == record


@pytest.mark.parametrize(
    "body, charset, record",
    [
        (b"a=Zo%EB&b+c=%80", "ISO-8859-1", {"a": "Zoë", "b c": "€"}),
        ("a=Zoë".encode("cp1252"), "windows-1252", {"a": "Zoë"}),
        ("a=Zoë&b=%26".encode("utf-16"), "utf-16", {"a": "Zoë", "b": "&"}),
        (b"p[0][n]=%EB&a=%26%3D", "cp1252", {"p.0.n": "ë", "a": "&="}),
        ('{"a": "Zoë"}'.encode("cp1252"), "cp1252", {"a": "Zoë"}),
        ("a=Zoë".encode(), "utf-8", {"a": "Zoë"}),
    ],
)
def test_what_is_kept_is_utf_8_whatever_came(body: bytes, charset: str, record: dict[str, Any]) -> None:
    assert record_in(kept(posted(body, f"{FORM}; charset={charset}"))) == record


def test_the_header_s_charset_goes_before_the_address_s() -> None:
    assert kept(posted(b"a=%EB"), charset="cp1252") == b"a=%C3%AB"
    assert kept(posted(b"a=%C3%AB", f"{FORM}; charset=utf-8"), charset="cp1252") == b"a=%C3%AB"


@pytest.mark.parametrize(
    "query, headers, fits",
    [
        ((("token", TOKEN),), {}, True),
        ((), {"authorization": f"Bearer {TOKEN}"}, True),
        ((), {"authorization": f"bearer  {TOKEN} "}, True),
        ((), {"authorization": TOKEN}, False),
        ((("token", TOKEN.upper()),), {}, False),
        ((("token", "\udcff"),), {}, False),
        ((), {}, False),
    ],
)
def test_the_token_stands_in_the_address_or_in_a_header(query: Any, headers: Any, fits: bool) -> None:
    request = Asked(query=query, headers=headers)
    if fits:
        refuse_unless_told(SecretStr(TOKEN), request)
    else:
        with pytest.raises(Forged) as caught:
            refuse_unless_told(SecretStr(TOKEN), request)
        assert TOKEN not in str(caught.value.problem())
    refuse_unless_told(None, request)


def test_without_named_origins_any_page_may_post() -> None:
    refuse_elsewhere((), Asked(headers={"origin": "https://any.example"}))
    with pytest.raises(Forged):
        refuse_elsewhere(("https://www.example.com",), Asked(headers={"origin": "https://any.example"}))


@pytest.mark.parametrize(
    "text", ["", "short", "with space but long", "with%25escape-and-long", "ü" * 20, "x" * 201]
)
def test_a_token_stands_in_an_address_as_it_is_and_is_not_guessed(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Token).validate_python(SecretStr(text))
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["*", "null", "www.example.com", "https://www.example.com/", "https://WWW.example.com"]
)
def test_an_origin_is_written_as_browsers_send_it(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Origin).validate_python(text)
    assert TypeAdapter(Origin).validate_python("http://localhost:8080") == "http://localhost:8080"


def test_a_token_that_comes_back_in_the_body_is_not_kept() -> None:
    assert without(b"url=https%3A%2F%2Fus%2F%3Ftoken%3D" + TOKEN.encode(), SecretStr(TOKEN)).endswith(
        b"token%3Dhidden"
    )
    assert without(b"a=1", None) == b"a=1"


def test_the_same_bytes_of_one_day_are_the_same_lead() -> None:
    assert digest(b"a=1", 0.0) == digest(b"a=1", 86_399.9)
    assert digest(b"a=1", 0.0) != digest(b"a=2", 0.0)
    assert digest(b"a=1", 0.0) != digest(b"a=1", 86_400.0)


def test_what_cannot_be_read_is_glanced_at_without_an_error() -> None:
    assert glance(part("gravity_forms"), b"{") == {}
    assert glance(part("gravity_forms"), b'{"id": 7}') == {"id": 7}


def test_several_values_of_one_name_are_numbered_and_plain_is_the_first() -> None:
    assert flat([("a", ["x", "y"]), ("b", ["z"]), ("c", {"d": 1}), ("e", [])]) == {
        "a": "x", "a.0": "x", "a.1": "y", "b": "z", "c.d": 1,
    }  # fmt: skip
