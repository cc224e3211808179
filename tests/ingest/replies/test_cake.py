"""What CAKE's words mean: tests by name, XML by a word, errors in its own."""

import pytest

from app.core.errors import NotFound, Unprocessable, Unreadable
from app.ingest.reply import Asked, Posted, replies

REPLY = replies.discover()["cake"]


def posted(record: dict[str, str] | None = None, **words: str) -> Posted:
    return Posted(asked=Asked(headers={"content-type": "a/b"}), words=words, records=(record or {},))


@pytest.mark.parametrize("name", ["first_name", "last_name", "address"])
def test_a_name_can_say_that_it_is_a_test(name: str) -> None:
    assert REPLY.is_test(posted({name: " CKMtest "}))
    assert not REPLY.is_test(posted({name: "Ann", "email": "ckmtest"}))


def test_ckm_test_says_so_too() -> None:
    assert REPLY.is_test(posted(ckm_test="1"))
    assert not REPLY.is_test(posted(ckm_test="0"))


def test_ckm_xml_outranks_the_header() -> None:
    assert REPLY.content_type(posted(ckm_xml="1")) == "application/xml"
    assert REPLY.content_type(posted()) == "a/b"


def test_faults_are_told_in_its_words() -> None:
    assert b"<error>Invalid XML Format</error>" in REPLY.refuse(Unreadable("x"), posted(ckm_xml="1")).body
    assert b"Invalid XML" not in REPLY.refuse(Unreadable("x"), posted()).body
    assert b"<error>Inactive Campaign</error>" in REPLY.refuse(NotFound("x"), posted()).body


def test_an_update_is_not_taken_for_a_lead() -> None:
    with pytest.raises(Unprocessable):
        REPLY.refuse_other_calls(posted(ckm_lead_id="C8097F17"))
