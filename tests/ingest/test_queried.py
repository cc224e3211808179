import json

import pytest

from app.ingest.format import formats
from app.ingest.queried import with_query
from app.ingest.reading import Reader

READER = Reader(formats.discover())
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def kept(query: bytes, body: bytes = b"", content_type: str = "") -> tuple[bytes, str]:
    return with_query(body, content_type, query, READER)


def read(query: bytes, body: bytes = b"", content_type: str = ""):
    return READER.read(*kept(query, body, content_type))


def test_a_query_alone_is_a_form():
    assert kept(b"email=ann%40example.com&home[zip]=78701") == (
        b"email=ann%40example.com&home[zip]=78701",
        FORM,
    )
    assert kept(b"a=1", b" \r\n", JSON) == (b"a=1", FORM)


def test_what_asks_for_a_test_or_a_part_is_no_field():
    assert kept(b"test=1&a=1&completes=x&partial=1&") == (b"a=1", FORM)
    assert kept(b"test=1", b'{"a": 1}', JSON) == (b'{"a": 1}', JSON)


def test_fields_of_the_query_go_over_those_of_the_body_and_of_each_lead_in_it():
    assert read(b"src=x&a=2", b'{"a": 1, "b": {"c": true}}', JSON) == [{"a": "2", "b.c": True, "src": "x"}]
    assert read(b"src=x", b"a=1", FORM) == [{"a": "1", "src": "x"}]
    assert read(b"src=x", b'[{"a": 1}, {"a": 2}]', JSON) == [{"a": 1, "src": "x"}, {"a": 2, "src": "x"}]


def test_what_is_kept_of_both_is_read_again_as_the_same():
    body, kind = kept(b"src=x", b"<lead><a>1</a></lead>", "application/xml")
    assert (json.loads(body), kind) == ({"a": "1", "src": "x"}, JSON)


@pytest.mark.parametrize(
    "query, body, kind",
    [(b"a=1", b"{", JSON), (b"a=1", b"x", "image/png")],
)
def test_a_body_that_cannot_be_read_stays_as_it_came(query, body, kind):
    assert kept(query, body, kind) == (body, kind)


def test_a_query_that_cannot_be_read_is_not_passed_over():
    assert kept(b"a=%ff", b'{"b": 1}', JSON) == (b"a=%ff", FORM)
