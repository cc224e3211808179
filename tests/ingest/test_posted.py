"""A request is taken apart: what is said to the system never stays with the lead."""

from typing import Any, ClassVar

import pytest

from app.core.errors import UnknownType, Unreadable
from app.ingest.format import formats
from app.ingest.posted import kept_body, opened, refuse_without_fields, whole
from app.ingest.reading import Reader
from app.ingest.reply import Asked, Posted, Reply, Said

READER = Reader(formats.discover())


class Plain(Reply):
    name = "plain"
    key_words = ("key",)
    words: ClassVar[Any] = frozenset(("mode",))
    wraps = ("request", "data")

    def answer(self, results: Any, posted: Any) -> Said:
        raise NotImplementedError

    def refuse(self, problem: Any, posted: Any) -> Said:
        raise NotImplementedError


class Strict(Plain):
    strict = True


class Many(Plain):
    several = True


def taken(asked: Asked, reply: Reply | None = None) -> Posted:
    reply = reply or Plain()
    return whole(reply, opened(reply, asked, READER), READER)


def form(body: str, **more: Any) -> Asked:
    return Asked(body=body.encode(), headers={"content-type": "application/x-www-form-urlencoded"}, **more)


def test_words_are_known_in_any_case_and_taken_out() -> None:
    posted = taken(form("KEY=s&Mode=post&first=Ann&key2=b"))
    assert posted.words == {"key": "s", "mode": "post"}
    assert posted.records == [{"first": "Ann", "key2": "b"}]


def test_a_word_that_comes_twice_or_nested_is_taken_out_whole() -> None:
    assert taken(form("key=s&key=t&key[a]=u&first=Ann")).records == [{"first": "Ann"}]


def test_the_query_goes_over_the_body() -> None:
    posted = taken(form("mode=a&first=Ann&last=B", query=b"mode=b&first=Eve"))
    assert posted.word("mode") == "b"
    assert posted.records == [{"first": "Eve", "last": "B"}]


def test_what_the_lead_is_nested_under_is_no_part_of_its_names() -> None:
    body = b'{"Request": {"Key": "s", "Data": {"first": "Ann", "a": {"b": 1}}}, "first": "outer"}'
    posted = taken(Asked(body=body, headers={"content-type": "application/json"}))
    assert posted.records == [{"first": "Ann", "a.b": 1}]
    assert posted.word("key") == "s"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_under_another_name_is_read_as_what_it_is(kind: str) -> None:
    for body in (b'{"first": "Ann"}', b"<a><first>Ann</first></a>"):
        assert taken(Asked(body=body, headers={"content-type": kind})).records == [{"first": "Ann"}]
    with pytest.raises((Unreadable, UnknownType)):
        taken(Asked(body=b'{"first": "Ann"}', headers={"content-type": kind}), Strict())


def test_a_get_has_no_body_and_a_post_may_have_none() -> None:
    assert taken(Asked(method="GET", query=b"first=Ann", body=b"{")).records == [{"first": "Ann"}]
    assert taken(Asked(query=b"first=Ann", body=b" \r\n")).records == [{"first": "Ann"}]


def test_several_leads_are_taken_only_where_the_dialect_takes_them() -> None:
    body = Asked(body=b'[{"a": 1}, {"key": "s", "a": 2}]', headers={"content-type": "application/json"})
    with pytest.raises(Unreadable) as refused:
        taken(body)
    assert refused.value.reason == "records"
    posted = taken(body, Many())
    assert posted.records == [{"a": 1}, {"a": 2}]
    assert kept_body(posted) == b'[{"a":1},{"a":2}]'


@pytest.mark.parametrize("query", [b"", b"&&", b"key=s"])
def test_a_request_that_says_nothing_of_a_person_is_no_lead(query: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        refuse_without_fields(taken(Asked(query=query)))
    assert refused.value.reason == "empty"


def test_what_is_kept_is_read_as_it_was() -> None:
    body = b'{"a.b": "x", "n": null, "t": true, "f": 1.5, "i": 7, "u": "\xc3\xa4"}'
    posted = taken(Asked(body=body, headers={"content-type": "application/json"}))
    assert READER.read(kept_body(posted), "application/vnd.leadgate.plain+json") == list(posted.records)
