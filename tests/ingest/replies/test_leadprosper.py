"""Which of Lead Prosper's addresses are spoken, and what is a test."""

import pytest

from app.core.errors import Unprocessable
from app.ingest.reply import Asked, Posted, replies

REPLY = replies.discover()["leadprosper"]


@pytest.mark.parametrize(
    ("tail", "pings"), [("direct_post", False), ("post", False), ("ping", True), ("", False)]
)
def test_posts_and_pings_are_spoken(tail: str, pings: bool) -> None:
    posted = Posted(asked=Asked(tail=tail))
    REPLY.refuse_other_calls(posted)
    assert REPLY.pings(posted) is pings


def test_another_address_is_not() -> None:
    with pytest.raises(Unprocessable):
        REPLY.refuse_other_calls(Posted(asked=Asked(tail="public/stats")))


@pytest.mark.parametrize(("action", "test"), [("test", True), ("TEST", True), ("", False), ("1", False)])
def test_a_test_is_an_action(action: str, test: bool) -> None:
    assert REPLY.is_test(Posted(asked=Asked(), words={"lp_action": action})) is test
