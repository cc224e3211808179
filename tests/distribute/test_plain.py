"""The short cuts of reply rules answer as CEL does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.expressions import Expression, Failed
from app.distribute.adapter import Reply
from app.distribute.plain import plain
from app.distribute.replies import Opened

TEXTS = (
    "reply.json.a",
    "reply.json.a.b",
    "reply.json",
    "reply.status",
    'reply.json.a == "x"',
    'reply.json.a != "x"',
    "reply.json.a == 1",
    "reply.json.a == -1",
    "reply.json.a == true",
    "reply.json.a == null",
    "reply.json.a.b == 2",
    "reply.status == 201",
    "reply.status != 201",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.sampled_from(["x", "y", 1.0, 1.5, ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(TEXTS), VALUES, st.sampled_from([200, 201]))
def test_a_short_cut_answers_as_cel_does(text: str, body: object, status: int) -> None:
    short = plain(text)
    assert short is not None
    opened = Opened(Reply(status=status, body=json.dumps(body).encode()))
    slow = Expression(text).over(opened.activation())
    quick = short(opened)
    if isinstance(slow, Failed):
        assert isinstance(quick, Failed)
    else:
        assert type(quick) is type(slow)
        if not isinstance(slow, list | dict):  # what CEL puts into these is wrapped
            assert quick == slow


@pytest.mark.parametrize(
    "text",
    [
        "reply.text",
        "reply.json.a == 'x'",
        'reply.json.a == "x" || true',
        "reply.json.in",
        "lead.a",
        'reply.json["a"]',
    ],
)
def test_any_other_shape_is_left_to_cel(text: str) -> None:
    assert plain(text) is None


def test_a_body_that_is_no_json_has_no_value() -> None:
    short = plain("reply.json.a")
    assert short is not None
    assert isinstance(short(Opened(Reply(status=200, body=b"<ok/>"))), Failed)
