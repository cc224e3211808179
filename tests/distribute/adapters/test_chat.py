"""A notice in a channel, against servers that answer as Slack and Teams say they do."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.model import Accepted, Outcome, TryLater, Unclear
from tests.buyer import reply as http
from tests.distribute.drive import ANN, ann
from tests.distribute.scripted import Scripted, conversed

HOOK = "/services/T0000/B0000/hush-hush"
CHAT = adapters.discover()["chat"]
OK = http(200, b"ok", kind="text/plain")


def settings(server: Scripted | None = None, **more: Any) -> dict[str, Any]:
    url = server.url(HOOK) if server else f"https://hooks.slack.com{HOOK}"
    return {"service": "slack", "url": url, "proof": "taken", **more}


async def posted(answer: bytes = OK, lead: dict[str, Any] | None = None, **more: Any) -> tuple[Outcome, Any]:
    """How it ended, and the message."""
    async with Scripted({f"POST {HOOK}": [answer]}) as server:
        handover = (
            ann(lead=lead) if lead is not None else ann(link=lambda id_: f"https://gate.example/c/{id_}")
        )
        told = await conversed("chat", settings(server, **more), handover=handover)
        assert "hush-hush" not in repr(told)
        return told.outcome, json.loads(server.received[0].body)


async def test_slack_is_told_that_there_is_a_lead_and_nothing_of_the_person() -> None:
    outcome, message = await posted()
    assert outcome == Accepted(read="posted: status 200")
    assert message["text"] == f"New lead {ANN.lead_id} of solar for sunco-west."


async def test_teams_gets_a_card_with_a_link() -> None:
    text = "In {{ lead.state }}: [confirm]({{ confirm_url }})"
    outcome, message = await posted(http(202, b""), service="teams", text=text)
    assert outcome == Accepted(read="posted: status 202")
    card = message["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"][0]["text"] == f"In TX: [confirm](https://gate.example/c/{ANN.delivery_id})"


async def test_an_older_connector_of_teams_says_1() -> None:
    outcome, _ = await posted(http(200, b"1"), service="teams")
    assert isinstance(outcome, Accepted)


async def test_nobody_is_called_and_nothing_linked_by_what_stands_in_a_lead() -> None:
    name = "<!channel> [win](https://evil.example) & co"
    _, slack = await posted(lead={"first_name": name}, text="{{ lead.first_name }}")
    assert slack["text"] == "&lt;!channel&gt; [win](https://evil.example) &amp; co"
    _, teams = await posted(
        http(202, b""), lead={"first_name": name}, service="teams", text="{{ lead.first_name }}"
    )
    text = teams["attachments"][0]["content"]["body"][0]["text"]
    assert text == r"\<!channel\> \[win\]\(https://evil.example\) & co"


async def test_a_notice_may_not_be_proof_enough() -> None:
    outcome, _ = await posted(proof="confirmed")
    assert outcome == Unclear(reason="unconfirmed", read="posted; the buyer's own word decides")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http(400, b"invalid_payload"), TryLater(reason="http_400", read="the channel refuses: status 400")),
        (http(403, b"action_prohibited"), TryLater(reason="http_403", read="the channel refuses: status 403")),
        (http(404, b"no_service"), TryLater(reason="http_404", read="the channel refuses: status 404")),
        (http(410, b"channel_is_archived"), TryLater(reason="http_410", read="the channel refuses: status 410")),
        (http(429, b"", "Retry-After: 30"), TryLater(reason="http_429", after=30.0, read="status 429")),
        (http(500, b"rollup_error"), Unclear(reason="http_500", read="status 500")),
        (http(200, b"<html>"), Unclear(reason="unreadable_reply", read="status 200, and not the word that it is posted")),
    ],
)  # fmt: skip
async def test_a_refusal_is_about_the_channel_and_never_about_the_lead(
    answer: bytes, outcome: Outcome
) -> None:
    assert (await posted(answer))[0] == outcome


async def test_a_test_says_so() -> None:
    async with Scripted({f"POST {HOOK}": [OK]}) as server:
        await conversed("chat", settings(server), handover=ann(test=True))
    assert json.loads(server.received[0].body)["text"].startswith("TEST: New lead ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://hooks.slack.com"},
        {"url": "hush-hush"},
        {"service": "irc"},
        {"proof": None},
        {"text": "{{ lead"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        CHAT.settings.model_validate(settings() | wrong)
    assert "hush-hush" not in str(refused.value)
