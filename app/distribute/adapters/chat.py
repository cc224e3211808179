"""A notice in a channel of Slack or Microsoft Teams that a lead is there, by an incoming webhook, without what is personal."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from markupsafe import Markup
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute.adapter import Adapter, Call, Conversation, Handover, Reply, adapters
from app.distribute.bodies import seen
from app.distribute.faults import WireFault
from app.distribute.posting import Timeout
from app.distribute.replies import Opened, by_status, retry_after
from app.distribute.targets import target_of
from app.distribute.templates import Template, TemplateFailed
from app.model import Accepted, Outcome, Rejected, TryLater, Unclear

Service = Literal["slack", "teams"]

_NOTICE = "New lead {{ lead_id }} of {{ campaign }} for {{ contract }}."
_SLACK_CHARACTERS = 3_000


class ChatSettings(Settings):
    service: Service
    url: SecretStr = Field(description="Of the incoming webhook; who has it can write there.")
    text: str = Field(
        _NOTICE,
        max_length=4_000,
        description="By template. Everybody in the channel reads it, for as long as the channel lasts.",
    )
    proof: Literal["taken", "confirmed"] = Field(description="What a yes is; there is no default.")
    timeout: Timeout | None = Field(None, description="For the whole request; at most 2m.")

    _text: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "ChatSettings":
        url = self.url.get_secret_value()
        try:
            target_of(url)
        except WireFault as fault:
            raise ValueError(f"the url can't be sent to: {fault.code}") from None
        if not urlsplit(url).path.strip("/"):
            raise ValueError("the url is the webhook's, with all that stands behind the host")
        self._text = Template(self.text, self.service)
        return self

    def call(self, handover: Handover) -> Call:
        values = seen(handover)
        if link := values["confirm_url"]:
            values["confirm_url"] = Markup(link)  # ours, and a link that is escaped leads nowhere
        text = self._text.render(values).strip() or f"New lead {handover.lead_id}."
        if handover.test:
            text = f"TEST: {text}"
        url = self.url.get_secret_value()
        host = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        return Call(
            method="POST",
            url=url,
            headers={"content-type": "application/json", "webhook-id": str(handover.delivery_id)},
            body=orjson.dumps(_MESSAGES[self.service](text)),
            timeout=self.timeout.seconds if self.timeout is not None else None,
            secrets=(url.removeprefix(host),),
        )


def _card(text: str) -> Mapping[str, Any]:
    """An adaptive card, since a workflow of Teams takes nothing else."""
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attached]}


_MESSAGES: Mapping[Service, Callable[[str], Mapping[str, Any]]] = {
    "slack": lambda text: {"text": text[:_SLACK_CHARACTERS], "unfurl_links": False, "unfurl_media": False},
    "teams": _card,
}


@adapters.register
class Chat(Adapter[ChatSettings]):
    """The lead stays here; a channel is told of it. A refusal is about the channel, and never about the lead."""

    name = "chat"
    settings = ChatSettings
    examples = (
        {"service": "slack", "url": "https://hooks.slack.com/services/T0000/B0000/example", "proof": "taken"},
        {
            "service": "teams",
            "url": "https://example.westus.logic.azure.com/workflows/example/triggers/manual/paths/invoke?sig=example",
            "text": "A lead in {{ lead.state }}, to be had here: {{ confirm_url }}",
            "proof": "confirmed",
        },
    )

    def converse(self, handover: Handover, to: ChatSettings) -> Conversation:
        try:
            call = to.call(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the notice can't be written: {failed}")
        reply: Reply = yield call
        return outcome(reply, handover.at, to)


def outcome(reply: Reply, at: datetime, to: ChatSettings) -> Outcome:
    plain = by_status(reply, at)
    if isinstance(plain, Rejected):
        return TryLater(
            reason=plain.reason, after=retry_after(reply, at), read=f"the channel refuses: {plain.read}"
        )
    if plain is not None:
        return plain
    if not _posted(reply, to.service):
        return Unclear(
            reason="unreadable_reply", read=f"status {reply.status}, and not the word that it is posted"
        )
    if to.proof == "confirmed":
        return Unclear(reason="unconfirmed", read="posted; the buyer's own word decides")
    return Accepted(read=f"posted: status {reply.status}")


def _posted(reply: Reply, service: Service) -> bool:
    """Slack says `ok`; a workflow of Teams says 202 and nothing else, its older connectors `1`."""
    text = str(Opened(reply).part("text")).strip()
    if service == "slack":
        return text == "ok"
    return (reply.status == 202 and len(text) < 2) or text == "1"
