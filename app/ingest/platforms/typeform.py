"""Typeform: signed webhooks, each answer joined to the question it answers."""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.json import Decoder
from pydantic import Field, SecretStr

from app.core.errors import Unreadable
from app.core.registry import Settings
from app.ingest.body import LONGEST_NAME
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.proofs import refuse, same
from app.ingest.webhook import flat, kept, shaped
from app.model import Record

_EXAMPLE = (
    b'{"event_id":"01DQDVZ0MS8CTJDYVP6KD57J78","event_type":"form_response","form_response":{"form_id":"DHsCKv",'
    b'"token":"qcy0a7f0","submitted_at":"2019-10-17T22:03:43Z","hidden":{"utm_source":"ads"},'
    b'"definition":{"title":"Solar","fields":[{"id":"kSHz","title":"What is your name?","ref":"first_name"}]},'
    b'"answers":[{"type":"text","text":"Ann","field":{"id":"kSHz","type":"short_text","ref":"first_name"}}]}}'
)


class _Definition(Struct):
    title: str = ""
    fields: list[dict[str, Any]] = []


class _Variable(Struct):
    key: str
    type: str = ""
    text: str | None = None
    number: int | float | None = None


class _Calculated(Struct):
    score: int | float | None = None


class _Response(Struct):
    form_id: str = ""
    token: str = ""
    landed_at: str | None = None
    submitted_at: str | None = None
    definition: _Definition | None = None
    answers: list[dict[str, Any]] | None = None
    hidden: dict[str, Any] | None = None
    calculated: _Calculated | None = None
    variables: list[_Variable] | None = None


class _Event(Struct):
    event_type: str
    event_id: str = ""
    form_response: _Response | None = None


class TypeformSettings(Settings):
    secret: SecretStr = Field(min_length=1, description="The secret of the webhook, as Typeform has it.")
    partial: bool = Field(False, description="Whether responses that were broken off are leads too.")


@platforms.register
class Typeform(Platform):
    """A form's webhook, proved by Typeform's signature.

    At the form open *Connect → Webhooks*, enter the address as *Endpoint* and a secret of your own, which
    signs every request (`Typeform-Signature`, HMAC-SHA256 over the whole body): a strong proof.

    An answer stands under its question's `ref`, its `id` and its title, so that a mapping may use any of
    them; hidden fields as `hidden.NAME`, variables as `variables.NAME`, the score as `calculated.score`.
    """

    name = "typeform"
    settings = TypeformSettings
    examples = (
        (
            Asked(
                headers={
                    "content-type": "application/json",
                    "typeform-signature": "sha256=7uqqp7LW3FM9MiDMjWYaIJZ65B5ASqkZby+mWI7Ai8c=",
                },
                body=_EXAMPLE,
            ),
            {"secret": "example-secret"},
            Taken(keep=_EXAMPLE, identity="qcy0a7f0"),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "first_name": "Ann",
                    "kSHz": "Ann",
                    "What is your name?": "Ann",
                    "hidden.utm_source": "ads",
                    "form_id": "DHsCKv",
                    "form_title": "Solar",
                    "token": "qcy0a7f0",
                    "submitted_at": "2019-10-17T22:03:43Z",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: TypeformSettings, now: float) -> Said | Taken:
        _refuse_unsigned(asked, settings.secret)
        body = kept(asked)
        try:
            event = shaped(body, _EVENT)
        except Unreadable:
            return Taken(keep=body)  # the door says why, and keeps what it refuses
        partial = event.event_type == "form_response_partial"
        if event.form_response is None or not (event.event_type == "form_response" or partial):
            return Said(b"not a response; nothing was kept")
        if partial and not settings.partial:
            return Said(b"broken off; nothing was kept")
        token = event.form_response.token or event.event_id
        return Taken(keep=body, identity=f"partial:{token}" if partial and token else token)

    def read(self, body: bytes, content_type: str) -> list[Record]:
        response = shaped(body, _EVENT).form_response or _Response()
        return [flat([*_answers(response), *_beside(response)])]


_EVENT = Decoder(_Event)


def _refuse_unsigned(asked: Asked, secret: SecretStr) -> None:
    key = secret.get_secret_value().encode()
    expected = "sha256=" + b64encode(hmac.digest(key, asked.body, "sha256")).decode()
    if not same(asked.headers.get("typeform-signature", ""), expected):
        refuse("Typeform-Signature is missing, or not made with this source's secret")


def _answers(response: _Response) -> Iterator[tuple[str, Any]]:
    titles = _titles(response.definition)
    for answer in response.answers or ():
        field = answer.get("field")
        known = field if type(field) is dict else {}
        names = [name for name in (known.get("ref"), known.get("id")) if isinstance(name, str)]
        names += [titles[name] for name in names if name in titles]
        value = _value(answer)
        for name in dict.fromkeys(names):
            if 0 < len(name) <= LONGEST_NAME:
                yield name, value


def _titles(definition: _Definition | None) -> dict[str, str]:
    """By id and by ref, also of the questions within a group."""
    titles: dict[str, str] = {}
    fields = list(definition.fields) if definition else []
    for field in fields:  # it grows by what groups hold
        title, inner = field.get("title"), field.get("properties")
        if isinstance(title, str):
            titles |= {key: title for key in (field.get("id"), field.get("ref")) if isinstance(key, str)}
        nested = inner.get("fields") if type(inner) is dict else None
        fields += [one for one in nested if type(one) is dict] if type(nested) is list else []
    return titles


def _value(answer: dict[str, Any]) -> Any:
    """What stands under the key that `type` names; of a choice its label, of choices all of theirs."""
    kind = answer.get("type")
    value = answer.get(kind) if isinstance(kind, str) else None
    if type(value) is not dict:
        return value
    if kind == "choice":
        return value.get("label", value.get("other"))
    if kind == "choices":
        labels, other = value.get("labels"), value.get("other")
        return [*(labels if type(labels) is list else ()), *([other] if other is not None else ())]
    return value


def _beside(response: _Response) -> Iterator[tuple[str, Any]]:
    for name, value in (response.hidden or {}).items():
        yield f"hidden.{name}", value
    for variable in response.variables or ():
        yield f"variables.{variable.key}", variable.number if variable.text is None else variable.text
    if response.calculated and response.calculated.score is not None:
        yield "calculated.score", response.calculated.score
    title = response.definition.title if response.definition else ""
    named = ("form_id", response.form_id), ("form_title", title), ("token", response.token)
    times = ("landed_at", response.landed_at), ("submitted_at", response.submitted_at)
    yield from ((name, value) for name, value in (*named, *times) if value)
