"""Asks any service over HTTP about a lead, and takes fields from what it answers."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from msgspec.structs import astuple
from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from app.catalog.documents import FieldName
from app.core.expressions import Expression
from app.distribute import bodies
from app.distribute.adapter import Handover, Reply
from app.distribute.keyed import Keyed, with_query
from app.distribute.readings import Reading, needed
from app.distribute.replies import Opened
from app.distribute.targets import templated_address
from app.distribute.templates import Template, TemplateFailed
from app.enrich.enricher import Enricher, EnricherSettings, enrichers
from app.model import Lead, Scalar
from app.validate.key import digest
from app.validate.remote import Asking, LookUp, Remote, Request, Unanswered

_LEAD = re.compile(r"\b(?:lead|raw)\.([a-z][a-z0-9_]*)")
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_LATER = frozenset({408, 425, 429})
NOTHING: Mapping[str, Scalar] = {}
"""The service knows nothing of this lead: an answer too, and kept as one."""


class HttpSettings(EnricherSettings, Keyed, LookUp):
    """What is asked, how the reply is read, and what it may cost in time and money."""

    method: Literal["GET", "POST", "PUT"] = Field("GET", description="GET, POST or PUT.")
    url: Annotated[str, AfterValidator(templated_address)] = Field(
        description="Where the service listens; values of the lead are filled in, percent-encoded."
    )
    query: Mapping[str, bodies.Filling] = Field({}, description="Its name → what fills it, in the address.")
    body: bodies.Kind = Field("json", description="json, form or xml; a GET has none.")
    send: Mapping[str, bodies.Filling] | None = Field(
        None, description="Its name → what fills it, in the body."
    )
    template: str | None = Field(None, description="The whole body, instead of `send`.")
    envelope: str = Field("lead", description="The root element of an XML body; dots nest.")
    fields: Mapping[FieldName, Reading] = Field(
        min_length=1, max_length=50, description="Our field → where its value stands in the reply."
    )
    found: Expression | None = Field(
        None, description="What an answer looks like: CEL over reply; where it is not true, nothing is known."
    )
    needs: tuple[FieldName, ...] | None = Field(
        None, description="Fields without which it is not asked; unless said, every field that it sends."
    )
    dangerously_in_url: bool = Field(
        False, description="A lead's values may stand in the address, which servers and proxies log."
    )

    _plan: "_Plan" = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        if self.method == "GET" and (
            self.send is not None or self.template is not None or self.secret.fields
        ):
            raise ValueError("a GET has no body; write method: POST, or put the values into query")
        if self.method != "GET" and self.send is None and self.template is None:
            raise ValueError("say what is sent: `send` (their name → our field) or `template`")
        if self.send is not None and self.template is not None:
            raise ValueError("send and template exclude each other")
        if self.template is not None and self.secret.fields:
            raise ValueError("a template writes the whole body: secret.fields has no place in it")
        if not self.dangerously_in_url and (self.query or "{{" in self.url or "{%" in self.url):
            raise ValueError(
                "addresses stand in logs, of the service and of what is between; send the values in a body, or write"
                " dangerously_in_url: true"
            )
        bodies.refuse_unfit([*(self.send or ()), *self.secret.fields], self.body, envelope=self.envelope)
        self._plan = _Plan(self)
        return self

    @property
    def plan(self) -> "_Plan":
        return self._plan


class _Plan:
    """What is the same for each question of one enricher, made when its settings are read."""

    def __init__(self, to: HttpSettings) -> None:
        self.url = Template(to.url, "form")
        self.query = tuple((name, filling.fill) for name, filling in to.query.items())
        self.secret_query = to.secret_query()
        self.write = None if to.method == "GET" else _writer(to)
        self.headers = to.fixed_headers()
        if self.write is not None:
            self.headers = {"content-type": bodies.CONTENT_TYPES[to.body], **self.headers}
        self.templates = to.header_templates()
        self.secrets = to.secrets()
        sent = frozenset(_sent(to))
        self.needs = sent if to.needs is None else frozenset(to.needs)
        asked = {name for name, _ in to.when.lead_fields()} if to.when is not None else set()
        self.reads = sent | self.needs | asked
        parts = {part for reading in to.fields.values() for part in reading.needs}
        self.parts = tuple(sorted(parts | set(needed(to.found) if to.found is not None else ())))

    def request(self, lead: Lead, to: HttpSettings) -> Request:
        """Raises TemplateFailed."""
        handover = Handover(
            delivery_id=lead.id, lead_id=lead.id, contract="", campaign=lead.campaign, source=lead.source,
            price=Decimal(0), lead=lead.normals(), raw={name: v.raw for name, v in lead.fields.items()},
            at=lead.received_at, test=lead.test,
        )  # fmt: skip
        seen = bodies.seen(handover)
        query = [(name, _text(value)) for name, fill in self.query if (value := fill(handover)) is not None]
        url = with_query(with_query(self.url.render(seen), urlencode(query)), self.secret_query)
        headers = self.headers | {name: template.render(seen) for name, template in self.templates.items()}
        body = self.write(handover) if self.write is not None else b""
        return Request(method=to.method, url=url, headers=headers, body=body, secrets=self.secrets)


def _writer(to: HttpSettings) -> bodies.Write:
    if to.template is not None:
        return bodies.from_template(to.template, to.body)
    return bodies.from_fields(to.send, to.secret_fields(), {}, kind=to.body, envelope=to.envelope)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _sent(to: HttpSettings) -> Iterator[str]:
    """The lead's fields that stand in its question."""
    written = [filling.written for filling in (*to.query.values(), *(to.send or {}).values())]
    for text in (to.url, to.template or "", *to.headers.values(), *written):
        if isinstance(text, str):
            plain = (
                _PLAIN.fullmatch(text) and text not in bodies.FACTS and any(text is one for one in written)
            )
            yield from (text,) if plain else _LEAD.findall(text)


@enrichers.register
class Http(Enricher[HttpSettings]):
    """One request a lead; JSON, XML or text comes back. 404 is an answer: the service knows nothing."""

    name = "http"
    settings = HttpSettings
    remote = True
    examples = (
        {
            "method": "POST",
            "url": "https://credit.example/v1/band",
            "send": {"phone": "phone", "name": "{{ lead.first_name }} {{ lead.last_name }}"},
            "auth": {"bearer": "example-token"},
            "fields": {"credit_band": "reply.json.band", "income": "result.income.yearly"},
            "deadline": "2s",
            "cache": "30d",
            "cost": "0.05",
            "budget": "50.00",
        },
        {
            "url": "https://homes.example/lookup",
            "query": {"zip": "postal_code"},
            "dangerously_in_url": True,
            "secret": {"query": {"key": "example-key"}},
            "fields": {"home_value": "//home/value", "owner": 'reply.xml.home.owner == "yes"'},
            "found": "reply.status == 200",
            "when": "!has(lead.home_value)",
        },
    )

    def ask(self, name: str, lead: Lead, to: HttpSettings) -> Remote | None:
        plan = to.plan
        if any(lead.normal(field) is None for field in plan.needs):
            return None
        try:
            request = plan.request(lead, to)
        except (TemplateFailed, TypeError, ValueError):  # a number beyond 64 bits, half a character
            return None
        key = digest("http", name, repr(astuple(request)[:4]), ",".join(to.fills))
        return Remote(name, key, to, name, lambda: self._converse(request, to))

    def _converse(self, request: Request, to: HttpSettings) -> Asking:
        response = yield request
        if response.status == 404:
            return NOTHING
        if not 200 <= response.status < 300 and to.found is None:
            fault = response.status >= 400 and response.status not in (400, 422)
            raise Unanswered(f"http_{response.status}", fault=fault)
        reply = Reply(status=response.status, headers=response.headers, body=response.body)
        opened = Opened(reply, to.plan.parts)
        if to.found is not None and to.found.over(opened.activation()) is not True:
            if response.status in _LATER or response.status >= 500:
                raise Unanswered(f"http_{response.status}")
            return NOTHING
        found = {field: reading.scalar(opened) for field, reading in to.fields.items()}
        if not any(value is not None for value in found.values()) and not _is_readable(opened):
            raise Unanswered("unreadable")
        return {field: value for field, value in found.items() if value is not None}

    def values(self, answer: Any, to: HttpSettings) -> Mapping[str, Scalar]:
        return answer if isinstance(answer, Mapping) else NOTHING

    def reads(self, to: HttpSettings) -> frozenset[str]:
        return to.plan.reads


def _is_readable(opened: Opened) -> bool:
    """Whether the body is of a form in which a value may be missing."""
    for part in ("json", "root"):
        try:
            opened.part(part)
        except ValueError:
            continue
        return True
    return False
