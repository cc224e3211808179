"""What every platform owes, asked of whatever is registered."""

import inspect
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from app.core.errors import Forged, Unreadable
from app.ingest.format import formats
from app.ingest.platform import Asked, Platform, Said, Taken, platforms, type_of
from app.ingest.reading import Reader
from tests.conformance.storable import are_storable

EVERY = list(platforms.discover())
READER = Reader(formats.discover(), EVERY)
EXAMPLES = [
    pytest.param(one, *example, id=f"{one.name}-{i}")
    for one in EVERY
    for i, example in enumerate(one.examples)
]
BODIES = [
    pytest.param(one, *body, id=f"{one.name}-{i}") for one in EVERY for i, body in enumerate(one.bodies)
]
ALL_BODIES = [body for one in EVERY for body, _ in one.bodies]
NOISE = [
    b"", b" \r\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"<a/>", b"[]", b"{}", b"null", b"NaN", b"[[]]", b'{"a":"\\ud800"}',
    b"&", b"=&=", b"%00=%00", b"--x", b"--x\r\n", b"{" * 5_000, b"[" * 100_000, b"a[" * 5_000 + b"=1", b"9" * 10_000,
]  # fmt: skip


def read(one: Platform, body: bytes) -> None:
    """Reads, or raises Unreadable and nothing else; what is read is what the contract says."""
    try:
        records = one.read(body, type_of(one.name))
    except Unreadable:
        return
    are_storable(records)


def secrets(one: Any) -> list[str]:
    """Every secret among the settings, whatever it is called."""
    if isinstance(one, SecretStr):
        return [one.get_secret_value()]
    if isinstance(one, Mapping):
        return [text for value in one.values() for text in secrets(value)]
    if isinstance(one, list | tuple):
        return [text for value in one for text in secrets(value)]
    if isinstance(one, BaseModel):
        return [text for _, value in one for text in secrets(value)]
    return []


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_a_platform_says_what_it_is_for_how_it_is_proved_and_has_its_test_file(one: Platform) -> None:
    assert inspect.getmodule(type(one)).__doc__  # type: ignore[union-attr]
    assert type(one).__doc__
    assert Path(f"tests/ingest/platforms/test_{one.name}.py").is_file()
    assert one.examples
    assert one.methods


@pytest.mark.parametrize(("one", "asked", "told", "what"), EXAMPLES)
def test_of_an_example_comes_what_it_says(one: Platform, asked: Asked, told: Any, what: Said | Taken) -> None:
    assert one.take(asked, one.settings.model_validate(told), 0.0) == what


@pytest.mark.parametrize(("one", "asked", "told", "what"), EXAMPLES)
def test_no_secret_is_kept_or_said(one: Platform, asked: Asked, told: Any, what: Said | Taken) -> None:
    ours = one.settings.model_validate(told)
    said = [one.answer(asked, ours)] if asked.method in one.methods and isinstance(what, Taken) else []
    shown = repr((what, said))
    assert not [text for text in secrets(ours) if text in shown]


@pytest.mark.parametrize(("one", "asked", "told", "what"), EXAMPLES)
def test_without_its_proof_an_example_is_forged(
    one: Platform, asked: Asked, told: Any, what: Said | Taken
) -> None:
    if not isinstance(what, Taken):
        return
    stripped = Asked(method=asked.method, headers={"content-type": "application/json"}, body=b'{"a": "b"}')
    with pytest.raises((Forged, Unreadable)):
        one.take(stripped, one.settings.model_validate(told), 0.0)


@pytest.mark.parametrize(("one", "body", "records"), BODIES)
def test_a_kept_body_is_read_by_the_platform_and_by_the_house(
    one: Platform, body: bytes, records: Any
) -> None:
    assert one.read(body, type_of(one.name)) == list(records)
    assert READER.read(body, type_of(one.name)) == list(records)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_noise_raises_only_unreadable(one: Platform) -> None:
    for body in [*NOISE, *ALL_BODIES]:
        read(one, body)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
@settings(max_examples=60, deadline=None)
@given(
    body=st.sampled_from(ALL_BODIES),
    at=st.integers(0, 400),
    cut=st.integers(0, 12),
    put=st.binary(max_size=6)
    | st.sampled_from([b"\x00", b"%00", b"\\u0000", b"\\ud800", b"[", b"{", b"\xff"]),
)
def test_a_damaged_body_raises_only_what_is_declared(
    one: Platform, body: bytes, at: int, cut: int, put: bytes
) -> None:
    damaged = body[:at] + put + body[at + cut :]
    read(one, damaged)
    asked, told, _ = one.examples[0]
    request = Asked(method=asked.method, query=asked.query, headers=asked.headers, body=damaged)
    with suppress(Forged, Unreadable):
        assert isinstance(one.take(request, one.settings.model_validate(told), 0.0), Said | Taken)
