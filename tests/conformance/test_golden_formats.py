"""Bodies as they are really sent, read as they should be; and broken in the ways in which the wire and people break them."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import UnknownType
from app.ingest.format import Format, Unreadable, formats
from app.ingest.reading import Reader
from tests.conformance.storable import are_storable
from tests.ingest.formats.golden import DATA, Golden, goldens

EVERY = {one.name: one for one in formats.discover()}
READER = Reader(EVERY.values())
GOLDEN = goldens()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda one: f"{one.format}-{one.name}")
def test_a_body_as_it_is_really_sent_is_read_as_it_should_be(golden: Golden) -> None:
    assert READER.read(golden.body, golden.content_type) == golden.records
    assert READER.format_of(golden.content_type, golden.body).name == golden.format
    assert golden.should


def test_every_format_has_several_of_them_and_none_is_forgotten() -> None:
    had = Counter(golden.format for golden in GOLDEN)
    assert had.keys() == EVERY.keys()
    assert min(had.values()) >= 2
    assert len(list(DATA.glob("*/*"))) == 2 * len(GOLDEN), "a case is a YAML file and its body"


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda one: f"{one.format}-{one.name}")
def test_by_its_look_it_is_read_as_what_it_is_or_refused(golden: Golden) -> None:
    """UTF-16 without a type looks like nothing; nothing is read as what it isn't."""
    said = golden.content_type.partition(";")[2]
    with suppress(UnknownType):
        kind = READER.by_look(f"text/plain;{said}", golden.body)
        assert READER.read(golden.body, kind) == golden.records
    if golden.format in ("adf", "mail", "sheet", "feed"):
        assert READER.format_of(READER.by_look("", golden.body), golden.body).name == golden.format


@st.composite
def broken(draw: st.DrawFn, body: bytes) -> bytes:
    """Cut, doubled, turned about, with bytes flipped, lost, put in or repeated; once or several times."""
    places = st.integers(0, len(body))
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted((draw(places), draw(places)))
        way = draw(
            st.sampled_from(("cut", "begin", "lose", "double", "whole", "swap", "flip", "put", "many"))
        )
        match way:
            case "cut":
                body = body[:start]
            case "begin":
                body = body[start:]
            case "lose":
                body = body[:start] + body[end:]
            case "double":
                body = body[:end] + body[start:]
            case "whole":
                body = body + body
            case "swap":
                body = body[end:] + body[start:end] + body[:start]
            case "flip" if start < len(body):
                body = body[:start] + bytes([body[start] ^ draw(st.integers(1, 255))]) + body[start + 1 :]
            case "put":
                body = body[:start] + draw(st.binary(min_size=1, max_size=8)) + body[start:]
            case "many":
                body = body[:start] + body[start:end][:50] * draw(st.integers(2, 200)) + body[end:]
    return body


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_however_it_is_broken_only_what_is_declared_is_raised(name: str, data: st.DataObject) -> None:
    golden = data.draw(st.sampled_from([one for one in GOLDEN if one.format == name]))
    reads(EVERY[name], data.draw(broken(golden.body)), golden.content_type)


def reads(one: Format, body: bytes, content_type: str) -> None:
    assert isinstance(one.sniffs(body), bool)
    assert isinstance(READER.by_look(content_type, body), str)
    try:
        records = one.read(body, content_type)
    except Unreadable:
        return
    are_storable(records)
