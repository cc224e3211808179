"""How LeadExec names what was wrong, as a number in JSON and as a word in XML."""

import json

import pytest

from app.core.errors import NoKey, NotDurable, NotFound, Refused, TooMany, Unreadable
from app.ingest.reply import Asked, Posted, replies

REPLY = replies.discover()["leadexec"]
BOTH = {"vid": "1", "lid": "2"}


@pytest.mark.parametrize(
    ("problem", "words", "number"),
    [
        (NoKey("x"), BOTH, 4),
        (NoKey("x"), {"lid": "2"}, 3),
        (NoKey("x"), {"vid": "1"}, 2),
        (NotFound("x"), BOTH, 7),
        (TooMany("x"), BOTH, 8),
        (NotDurable("x"), BOTH, 8),
        (Unreadable("x"), BOTH, 9),
    ],
)
def test_each_fault_has_its_number(problem: Refused, words: dict[str, str], number: int) -> None:
    said = REPLY.refuse(problem, Posted(asked=Asked(), words=words))
    assert json.loads(said.body)["ResponseType"] == number


def test_the_path_says_the_kind() -> None:
    said = REPLY.no_bid(Posted(asked=Asked(tail="leads/ping/XML")))
    assert b"<ResponseType>Outside_Criteria</ResponseType>" in said.body
    assert REPLY.no_bid(Posted(asked=Asked(tail="xmlish"))).content_type == "application/json"


@pytest.mark.parametrize("header", ["api-key", "access_token"])
def test_a_key_of_ours_may_stand_in_its_headers(header: str) -> None:
    assert "lg_src_1" in REPLY.secrets(Posted(asked=Asked(headers={header: "lg_src_1"})))
