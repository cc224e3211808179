"""Which of LeadsPedia's addresses are spoken, and in which of its two kinds it answers."""

import pytest

from app.core.errors import Unprocessable
from app.ingest.reply import Asked, Posted, replies

REPLY = replies.discover()["leadspedia"]


@pytest.mark.parametrize(
    ("words", "kind", "answered"),
    [
        ({}, "", "xml"),
        ({"lp_response": "json"}, "", "json"),
        ({"lp_response": "XML"}, "application/json", "xml"),
        ({}, "application/json", "json"),
    ],
)
def test_it_answers_in_xml_unless_json_is_asked_for(words: dict[str, str], kind: str, answered: str) -> None:
    said = REPLY.no_bid(Posted(asked=Asked(headers={"content-type": kind}), words=words))
    assert said.content_type == f"application/{answered}"


def test_calls_are_not_taken_for_leads() -> None:
    with pytest.raises(Unprocessable):
        REPLY.refuse_other_calls(Posted(asked=Asked(tail="call-ping.do")))
