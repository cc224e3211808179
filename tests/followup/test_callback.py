"""What a source is told, and how its answer is read."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.catalog.reading import read
from app.components import discover
from app.distribute.adapter import Call, Reply
from app.followup.callback import CallbackSettings, Telling, personal_names, tell
from app.model import Accepted, Rejected, TryLater

AT = datetime(2025, 11, 20, 22, 40, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs/conversation.md").read_text("utf-8")
URL = "https://vendor.example/postback"


def telling(**given: Any) -> Telling:
    told: dict[str, Any] = {
        "id": UUID(int=1), "lead_id": UUID(int=2), "round": 1, "outcome": "success", "price": Decimal("12.5"),
        "reasons": [], "state": "sold", "source": "acme", "campaign": "solar", "test": False, "received_at": AT,
    }  # fmt: skip
    return Telling(**told | given)


def call(to: dict[str, Any], **given: Any) -> Call:
    asked = next(tell(telling(**given), CallbackSettings.model_validate({"url": URL, **to}), AT))
    assert isinstance(asked, Call)
    return asked


def heard(reply: Reply) -> Any:
    conversation = tell(telling(), CallbackSettings(url=URL), AT)
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.send(reply)
    return end.value.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_heard(status: int) -> None:
    assert isinstance(heard(Reply(status=status, body=b"\xff<")), Accepted)


def test_gone_is_for_good() -> None:
    assert isinstance(heard(Reply(status=410)), Rejected)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 408, 425, 429, 500, 502, 503, 504])
def test_anything_else_is_told_again(status: int) -> None:
    outcome = heard(Reply(status=status, headers={"retry-after": "7"}))
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.after) == (f"http_{status}", 7)


def test_it_may_be_repeated_on_the_wire_since_its_id_says_so() -> None:
    asked = call({})
    assert not asked.hands_over
    assert asked.headers["webhook-id"] == str(UUID(int=1))


@given(st.text())
def test_no_value_adds_a_parameter_to_the_address_or_leads_elsewhere(value: str) -> None:
    asked = call({"url": URL + "?c={{ sent.subid }}&s={{ outcome }}", "method": "GET"}, sent={"subid": value})
    assert asked.url.startswith(URL + "?c=")
    assert asked.url.endswith("&s=success")
    assert asked.url.count("&") == 1
    assert re.fullmatch(r"[\x21-\x7e]+", asked.url)


def test_nobodys_data_stands_in_an_address() -> None:
    hidden = personal_names({"email": "email", "note": "text"}, {"mail": "email", "n": "note"})
    assert hidden == {"email", "mail"}
    asked = call(
        {"url": URL + "?e={{ sent.mail }}&n={{ sent.n }}"}, sent={"mail": "a@b.c", "n": 1}, personal=hidden
    )
    assert asked.url == URL + "?e=&n=1"


def test_a_template_that_can_not_be_filled_is_told_later_and_hides_its_values() -> None:
    to = CallbackSettings(url=URL, template="{{ 'x' * sent.n }}")
    with pytest.raises(StopIteration) as end:
        next(tell(telling(sent={"n": "secret"}), to, AT))
    assert isinstance(end.value.value, TryLater)
    assert "secret" not in end.value.value.read


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://{{ sent.host }}/x"}, {"url": "https://v.example:{{ sent.port }}/x"}, {"url": "ftp://v.example/"},
        {"url": "https://user:pass@v.example/"}, {"url": "https://v.example:25/"}, {"url": "/x"},
        {"url": "https://v.example/{{ outcome"}, {"url": URL, "template": "{{"}, {"url": URL, "outcomes": []},
        {"url": URL, "method": "GET", "template": "x"}, {"url": URL, "body": "xml"}, {"url": URL, "method": "DELETE"},
        {"url": URL, "headers": {"host": "x"}}, {"url": URL, "headers": {"a b": "x"}}, {"url": URL, "timeout": "3m"},
        {"url": URL, "sign": {"secrets": ["short"]}}, {"url": URL, "unknown": 1},
    ],
)  # fmt: skip
def test_what_could_not_be_told_is_refused_when_it_is_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CallbackSettings.model_validate(wrong)


def test_every_key_and_every_name_that_a_template_sees_is_on_the_page() -> None:
    said = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(CallbackSettings.model_fields) <= said
    assert set(telling().seen()) <= said


def test_the_page_shows_what_applies() -> None:
    campaign = "campaigns:\n  - id: solar\n    fields: {email: {type: email}}\n"
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(read([("conversation.md", campaign + block)], discover()).sources) == 2
