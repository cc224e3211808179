"""What every intake format owes, asked of whatever is registered."""

import inspect
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import UnknownType
from app.ingest.format import Format, Unreadable, formats
from app.ingest.reading import Reader
from tests.conformance.storable import are_storable

EVERY = list(formats.discover())
READER = Reader(EVERY)
EXAMPLES = [
    pytest.param(fmt, *example, id=f"{fmt.name}-{i}")
    for fmt in EVERY
    for i, example in enumerate(fmt.examples)
]
BODIES = [body for fmt in EVERY for body, _, _ in fmt.examples]
HEADERS = [kind for fmt in EVERY for _, kind, _ in fmt.examples]
NOISE = [
    b"",
    b" \r\n",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"<",
    b"<a>",
    b"<a/>",
    b"<?xml version='1.0' encoding='x-klingon'?><a/>",
    b"[]",
    b"{}",
    b"null",
    b"NaN",
    b"[[]]",
    b'{"a":"\\ud800"}',
    b"=&=",
    b"&",
    b"[]=1",
    b"a[[b]]=1",
    b"%zz",
    b"%00=%00",
    b"{" * 5_000,
    b"[" * 100_000,
    b"<a>" * 5_000,
    b"a[" * 5_000 + b"=1",
    b"--x",
    b"--x--",
    b"--x\r\n\r\n\r\n--x--",
    b"9" * 10_000,
]
MORE_HEADERS = [
    "",
    ";",
    "charset",
    "x/y; charset=",
    "x/y; charset=utf-16",
    "x/y; charset=unicode_escape",
    "x/y; charset=\x00",
    "x/y; boundary=x",
    'x/y; boundary="x',
    "x/y; boundary=" + "x" * 300,
    "x/y; boundary=ü",
]


def _read(fmt: Format, body: bytes, content_type: str) -> None:
    """Reads, or raises Unreadable and nothing else; what is read is what the contract says."""
    try:
        records = fmt.read(body, content_type)
    except Unreadable:
        return
    are_storable(records)


@pytest.mark.parametrize("fmt", EVERY, ids=lambda fmt: fmt.name)
def test_a_format_says_what_it_is_for_and_has_its_test_file(fmt):
    assert inspect.getmodule(type(fmt)).__doc__
    assert Path(f"tests/ingest/formats/test_{fmt.name}.py").is_file()
    assert fmt.examples
    assert fmt.content_types


@pytest.mark.parametrize(("fmt", "body", "content_type", "records"), EXAMPLES)
def test_a_format_reads_its_examples(fmt, body, content_type, records):
    assert fmt.read(body, content_type) == list(records)
    assert READER.read(body, content_type) == list(records)


def test_no_content_type_is_claimed_twice():
    claimed = [kind for fmt in EVERY for kind in fmt.content_types]
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("content_type", [*HEADERS, *MORE_HEADERS])
@pytest.mark.parametrize("fmt", EVERY, ids=lambda fmt: fmt.name)
def test_noise_raises_only_unreadable(fmt, content_type):
    for body in [*NOISE, *BODIES]:
        _read(fmt, body, content_type)


@pytest.mark.parametrize("fmt", EVERY, ids=lambda fmt: fmt.name)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=200), content_type=st.sampled_from([*HEADERS, *MORE_HEADERS]))
def test_random_bytes_raise_only_unreadable(fmt, body, content_type):
    _read(fmt, body, content_type)


@pytest.mark.parametrize("fmt", EVERY, ids=lambda fmt: fmt.name)
@settings(max_examples=80, deadline=None)
@given(
    body=st.sampled_from(BODIES),
    at=st.integers(0, 400),
    cut=st.integers(0, 12),
    put=st.binary(max_size=6)
    | st.sampled_from([b"\x00", b"%00", b"\\ud800", b"<!DOCTYPE a>", b"&x;", b"[", b"{", b"\xff"]),
    content_type=st.sampled_from(HEADERS),
)
def test_a_damaged_body_raises_only_unreadable(fmt, body, at, cut, put, content_type):
    _read(fmt, body[:at] + put + body[at + cut :], content_type)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | st.sampled_from(["application/", "+", "a+", "+json", "a/b+", ";;;"]))
def test_any_header_finds_a_format_or_is_an_unknown_type(content_type):
    with suppress(UnknownType):
        assert READER.format_of(content_type) in EVERY
