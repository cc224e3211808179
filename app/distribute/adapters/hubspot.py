"""A contact in the buyer's HubSpot, by its CRM API: made anew, or brought up to date where the person is known."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Adapter, Call, Conversation, Handover, Reply, adapters
from app.distribute.posting import Timeout
from app.distribute.replies import LATER, Opened, by_status, retry_after
from app.distribute.targets import BareAddress
from app.distribute.templates import TemplateFailed
from app.model import Accepted, Duplicate, Outcome, Rejected, Scalar, TryLater, Unclear

_KNOWN = 409
_ABOUT_US = frozenset({401, 403, 404, 405, 423, 477})
_EXISTING = re.compile(r"Existing ID: (\d{1,20})")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,59}")


class HubspotSettings(Settings):
    token: SecretStr = Field(min_length=1, description="Of a private app with crm.objects.contacts.write.")
    url: BareAddress = "https://api.hubapi.com"
    fields: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")], bodies.Filling] = Field(
        min_length=1, description="Their property → what fills it."
    )
    existing: Literal["duplicate", "update"] = Field(
        description="A contact with this e-mail is there: it is theirs already, or is brought up to date."
    )
    test: Mapping[str, Scalar] = Field({}, description="Properties that only test deliveries carry.")
    timeout: Timeout | None = Field(None, description="For each request; at most 2m.")

    _write: bodies.Write = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "HubspotSettings":
        fields = {f"properties.{name}": filling for name, filling in self.fields.items()}
        tests = {f"properties.{name}": value for name, value in self.test.items()}
        self._write = bodies.from_fields(fields, {}, tests, kind="json", envelope="")
        return self

    def call(self, handover: Handover) -> Call:
        token = self.token.get_secret_value()
        return Call(
            method="POST",
            url=f"{self.url}/crm/v3/objects/contacts",
            headers={
                "content-type": "application/json",
                "accept": "application/json",
                "authorization": f"Bearer {token}",
                "webhook-id": str(handover.delivery_id),
            },
            body=self._write(handover),
            refusals=frozenset({_KNOWN}),
            timeout=self.timeout.seconds if self.timeout is not None else None,
            secrets=(token,),
        )


@adapters.register
class Hubspot(Adapter[HubspotSettings]):
    """A contact is one person by e-mail. What HubSpot refuses for who we are or what we ask of it is not about the lead."""

    name = "hubspot"
    settings = HubspotSettings
    examples = (
        {
            "token": "pat-na1-example",
            "fields": {
                "firstname": "first_name",
                "lastname": "last_name",
                "email": "email",
                "phone": "phone",
            },
            "existing": "duplicate",
        },
        {
            "token": "pat-eu1-example",
            "fields": {"email": "email", "hs_lead_status": {"value": "NEW"}},
            "existing": "update",
            "test": {"message": "A test"},
            "timeout": "20s",
        },
    )

    def converse(self, handover: Handover, to: HubspotSettings) -> Conversation:
        try:
            call = to.call(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the contact can't be written: {failed}")
        reply: Reply = yield call
        if reply.status == _KNOWN:
            known = _EXISTING.search(str(_json(reply).get("message")))
            if to.existing == "duplicate" or known is None:
                return Duplicate(reason="contact_exists", read=f"status {_KNOWN}")
            there = f"{call.url}/{known[1]}"
            reply = yield _renewed(call, there)
        return outcome(reply, handover.at)


def _renewed(call: Call, there: str) -> Call:
    return Call(
        method="PATCH",
        url=there,
        headers=call.headers,
        body=call.body,
        timeout=call.timeout,
        secrets=call.secrets,
    )


def outcome(reply: Reply, at: datetime) -> Outcome:
    said = _json(reply)
    if 200 <= reply.status < 300:
        return _saved(reply, said.get("id"))
    category = said.get("category")
    code = category if isinstance(category, str) and _CODE.fullmatch(category) else ""
    read = f"status {reply.status} {code}".rstrip()
    unknown = "PROPERTY_DOESNT_EXIST" in str(said.get("message")) + str(said.get("errors"))
    if reply.status in LATER or reply.status in _ABOUT_US or unknown:
        reason = "PROPERTY_DOESNT_EXIST" if unknown else code or f"http_{reply.status}"
        return TryLater(reason=reason, after=retry_after(reply, at), read=read)
    plain = by_status(reply, at)
    assert plain is not None, "it is no 2xx"
    return Rejected(reason=code, read=read) if code and isinstance(plain, Rejected) else plain


def _saved(reply: Reply, id_: Any) -> Outcome:
    if isinstance(id_, str) and id_.isascii() and id_.isdecimal():
        return Accepted(reference=id_[:200], read=f"status {reply.status}; reference: id")
    return Unclear(reason="unreadable_reply", read=f"status {reply.status}, and no id")


def _json(reply: Reply) -> dict[str, Any]:
    try:
        said = Opened(reply).part("json")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
