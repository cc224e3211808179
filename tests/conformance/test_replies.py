"""Every reply dialect keeps the contract: examples are read as they say, noise is refused, answers are well-formed."""

import inspect
import json
from contextlib import suppress
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from app.core.errors import NoKey, NotDurable, NotFound, Refused, TooLarge, TooMany, Unprocessable, Unreadable
from app.ingest.format import formats
from app.ingest.posted import kept_body, opened, refuse_without_fields, whole
from app.ingest.reading import Reader
from app.ingest.reply import Asked, Offer, Posted, Result, replies, type_of

READER = Reader(formats.discover())
EVERY = list(replies.discover())
EXAMPLES = [
    pytest.param(reply, *example, id=f"{reply.name}-{n}")
    for reply in EVERY
    for n, example in enumerate(reply.examples)
]
LEAD = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")
WHY = ({"code": "missing", "field": "email", "message": "is <missing> & needed"},)
OFFER = Offer(
    ping_id="019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3", price="12.50", currency="USD",
    buyers=[{"bid_id": "1", "name": "O'Hara <& Sons>"}],
)  # fmt: skip
RESULTS = [
    Result(lead=LEAD, standing="accepted", price="12.50"),
    Result(lead=LEAD, standing="accepted"),
    Result(lead=LEAD, standing="duplicate", price="0.00", reasons=WHY),
    Result(lead=LEAD, standing="rejected", reasons=WHY),
    Result(lead=LEAD, standing="no_buyer", reasons=WHY),
    Result(lead=LEAD, standing="pending", state="received", status_url="https://leads.example/v1/leads/1"),
    Result(lead=LEAD, standing="held", state="held", status_url="https://leads.example/v1/leads/1"),
]
PROBLEMS = [
    NoKey("who are you"),
    Unreadable("broken <XML>", code="syntax", where="line 1"),
    TooLarge("too large"),
    TooMany("slower", headers={"Retry-After": "3"}),
    NotFound("off"),
    Unprocessable("not so"),
    NotDurable("not now"),
]


def taken_apart(reply, asked):
    posted = opened(reply, asked, READER)
    posted = whole(reply, posted, READER)
    return replace(posted, settings=reply.settings())


def well_formed(said):
    assert 200 <= said.status < 600
    for name, value in said.headers.items():
        assert "\n" not in f"{name}{value}"
        assert "\r" not in f"{name}{value}"
    if "json" in said.content_type:
        json.loads(said.body)
    elif "xml" in said.content_type:
        ElementTree.fromstring(said.body)
    else:
        assert said.content_type.startswith("text/plain")
        said.body.decode()


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
def test_a_dialect_says_what_it_is_for_and_has_its_test_file(reply):
    assert inspect.getmodule(type(reply)).__doc__
    assert Path(f"tests/ingest/replies/test_{reply.name}.py").is_file()
    assert reply.examples
    assert set(reply.credentials) <= set(reply.settings.model_fields)


@pytest.mark.parametrize(("reply", "asked", "told", "words", "record"), EXAMPLES)
def test_an_example_is_read_as_it_says_and_proved_by_its_settings(reply, asked, told, words, record):
    posted = taken_apart(reply, asked)
    assert list(posted.records) == [record]
    assert {name: posted.words[name] for name in words} == words
    assert reply.proves(posted, reply.settings.model_validate(told)) is bool(reply.credentials)


@pytest.mark.parametrize(("reply", "asked", "told", "words", "record"), EXAMPLES)
def test_nothing_that_was_presented_as_a_proof_is_kept(reply, asked, told, words, record):
    posted = taken_apart(reply, asked)
    secrets = [text for text in reply.secrets(posted) if len(text) > 3]
    kept = kept_body(posted).decode()
    assert not [text for text in secrets if text in kept]
    assert READER.read(kept.encode(), type_of(reply.name)) == [record]


@pytest.mark.parametrize("word", ["again", "nested", "attribute"])
@pytest.mark.parametrize("reply", [one for one in EVERY if one.key_words], ids=lambda reply: reply.name)
def test_a_credential_in_any_shape_is_taken_out(reply, word):
    name = next((word for word in reply.key_words if not word.startswith("/")), None)
    if name is None:
        return
    asked = {
        "again": Asked(query=f"{name}=s3cret&{name}=s3cret2&x=1".encode()),
        "nested": Asked(
            headers={"content-type": "application/json"},
            body=json.dumps({name.upper(): {"a": "s3cret", "b": ["s3cret"]}, "x": "1"}).encode(),
        ),
        "attribute": Asked(
            headers={"content-type": "application/xml"},
            body=f"<a><{name} b='s3cret'>s3cret</{name}><x>1</x></a>".encode(),
        ),
    }[word]
    posted = taken_apart(reply, asked)
    assert list(posted.records) == [{"x": "1"}]


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
def test_an_entry_without_credentials_proves_nobody(reply):
    for presented in ("", "x"):
        posted = Posted(asked=Asked(), words=dict.fromkeys(reply.credentials.values(), presented))
        assert reply.proves(posted, reply.settings()) is False


@pytest.mark.parametrize(("reply", "asked", "told", "words", "record"), EXAMPLES)
def test_every_credential_must_fit(reply, asked, told, words, record):
    known = reply.settings.model_validate(told)
    for name, word in reply.credentials.items():
        if getattr(known, name) is None:
            continue
        posted = taken_apart(reply, asked)
        wrong = replace(asked, headers={k: v for k, v in asked.headers.items() if k != "x_key"})
        posted = replace(posted, asked=wrong, words={**posted.words, word: "wrong"})
        assert reply.proves(posted, known) is False


@pytest.mark.parametrize(
    "accept", ["", "application/json", "application/xml", "text/plain", "image/png", ";q=x,,"]
)
@pytest.mark.parametrize(("reply", "asked", "told", "words", "record"), EXAMPLES)
def test_every_answer_is_well_formed(reply, asked, told, words, record, accept):
    posted = taken_apart(reply, replace(asked, headers={**asked.headers, "accept": accept}))
    for result in RESULTS:
        said = reply.answer([result], posted)
        well_formed(said)
        assert said.status < 300
    for problem in PROBLEMS:
        for one in (posted, Posted(asked=asked, settings=reply.settings())):
            said = reply.refuse(problem, one)
            well_formed(said)
            if problem.status >= 429:
                assert said.status == problem.status
                assert said.headers["Retry-After"]


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
def test_a_yes_differs_from_every_no(reply):
    posted = Posted(asked=Asked(), settings=reply.settings())
    yes, *_ = said = [reply.answer([result], posted).body.replace(b"12.50", b"") for result in RESULTS[:5]]
    assert yes not in said[2:]
    for problem in PROBLEMS:
        assert reply.refuse(problem, posted).body not in said[:2]


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
def test_ids_alone_are_no_credentials_where_there_is_a_secret(reply):
    ids = {
        name: "1"
        for name, info in reply.settings.model_fields.items()
        if name in reply.credentials and "SecretStr" not in str(info.annotation)
    }
    if not ids:
        return
    if reply.name == "leadbyte":  # whose classic call knows no secret
        assert reply.settings.model_validate(ids)
        return
    with pytest.raises(ValidationError, match="ids alone prove nothing"):
        reply.settings.model_validate(ids)


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
def test_an_empty_secret_is_nobodys(reply):
    secrets = {
        name: ""
        for name, info in reply.settings.model_fields.items()
        if name in reply.credentials and "SecretStr" in str(info.annotation)
    }
    posted = Posted(asked=Asked(), words=dict.fromkeys(reply.credentials.values(), ""))
    assert reply.proves(posted, reply.settings.model_validate(secrets)) is False


HEADERS = [
    "",
    "application/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "image/png",
    "text/csv",
]


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.name)
@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["POST", "GET"]),
    tail=st.text(max_size=20)
    | st.sampled_from(["ping", "restapi/v1.3/apiqueue/x", "flows/a/sources/b/submit"]),
    query=st.binary(max_size=40)
    | st.sampled_from(
        [b"Format=JSON&TYPE=%0b%ff", b"TYPE=%01%3C", b"lp_response=JSON", b"key=%F0%9F", b"aid=1e9"]
    ),
    body=st.binary(max_size=60)
    | st.sampled_from(
        [b"{", b"<a", b'{"Request":[]}', b'{"Request":{"Key":[]}}', b"[{},{}]", b"a\tb\n1\t2", b'{"a":"\t"}']
    ),
    kind=st.sampled_from(HEADERS),
    accept=st.sampled_from(["", "application/xml", "text/plain"]),
)
def test_noise_raises_only_what_is_declared_and_is_answered_in_the_dialect(
    reply, method, tail, query, body, kind, accept
):
    asked = Asked(
        method=method, tail=tail, query=query, body=body, headers={"content-type": kind, "accept": accept}
    )
    posted = Posted(asked=asked, settings=reply.settings())
    try:
        posted = replace(opened(reply, asked, READER), settings=reply.settings())
        posted = whole(reply, posted, READER)
        reply.refuse_other_calls(posted)
        reply.is_test(posted), reply.asks_about(posted), reply.secrets(posted)
        if reply.pings(posted):
            well_formed(reply.no_bid(posted))
            well_formed(reply.bid(OFFER, posted))
        assert all(isinstance(value, str) and value for value in reply.ping_of(posted).values())
        refuse_without_fields(posted)
        well_formed(reply.answer(RESULTS[:1] * len(posted.records), posted))
        with suppress(Refused):
            assert READER.read(kept_body(posted), type_of(reply.name)) == list(posted.records)
    except Refused as problem:
        well_formed(reply.refuse(problem, posted))
