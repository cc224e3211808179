"""Our own words in three kinds."""

from uuid import UUID

import pytest

from app.core.errors import WrongMethod
from app.ingest.reply import Asked, Posted, Result, replies

REPLY = replies.discover()["native"]
ONE, TWO = UUID(int=1), UUID(int=2)


def posted(accept: str = "", method: str = "POST", get: bool = False, **words: str) -> Posted:
    asked = Asked(method=method, headers={"accept": accept})
    return Posted(asked=asked, words=words, settings=REPLY.settings(get=get))


def test_a_get_is_taken_where_the_source_allows_it() -> None:
    REPLY.refuse_other_calls(posted(method="GET", get=True))
    with pytest.raises(WrongMethod):
        REPLY.refuse_other_calls(posted(method="GET"))


@pytest.mark.parametrize(
    ("accept", "words", "kind"),
    [
        ("", {}, "application/json"),
        ("text/plain", {}, "text/plain; charset=utf-8"),
        ("application/xml", {}, "application/xml"),
        ("application/xml", {"format": "TEXT"}, "text/plain; charset=utf-8"),
        ("image/png", {"format": "pdf"}, "application/json"),
    ],
)
def test_the_word_outranks_the_header(accept: str, words: dict[str, str], kind: str) -> None:
    said = REPLY.answer([Result(lead=ONE, standing="accepted")], posted(accept, **words))
    assert said.content_type == kind


def test_several_leads_are_several_answers_in_every_kind() -> None:
    results = [
        Result(lead=ONE, standing="accepted", price="1.00"),
        Result(lead=TWO, standing="pending", state="received", status_url="u"),
    ]
    assert REPLY.answer(results, posted()).body == (
        b'{"results":[{"outcome":"success","lead":{"id":"%b"},"price":"1.00"},'
        b'{"outcome":"pending","lead":{"id":"%b"},"state":"received","status_url":"u"}]}'
        % (str(ONE).encode(), str(TWO).encode())
    )
    assert REPLY.answer(results, posted(format="xml")).body.startswith(b"<results><result><outcome>success")
    text = REPLY.answer(results, posted(format="text"))
    assert (text.status, text.body.decode()) == (
        202,
        f"outcome: success\nid: {ONE}\nprice: 1.00\n\noutcome: pending\nid: {TWO}\nstate: received\nstatus_url: u\n",
    )
