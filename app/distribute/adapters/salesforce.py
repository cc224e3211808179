"""A record in the buyer's Salesforce, by its REST API: a Lead, or another object, with its duplicate rules in force."""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute import bodies, jwt
from app.distribute.adapter import Adapter, Call, Conversation, Grant, Handover, Reply, adapters
from app.distribute.posting import Timeout, by_token
from app.distribute.replies import LATER, Opened, by_status, retry_after
from app.distribute.targets import BareAddress
from app.distribute.templates import TemplateFailed
from app.model import Accepted, Duplicate, Outcome, Rejected, Scalar, TryLater, Unclear

_GOOD_FOR = 180
_DUPLICATES = frozenset({"DUPLICATES_DETECTED", "DUPLICATE_VALUE"})
_ABOUT_US = frozenset(
    {
        "API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "DUPLICATE_EXTERNAL_ID", "FUNCTIONALITY_NOT_ENABLED",
        "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY",
        "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_SESSION_ID", "INVALID_TYPE", "LIMIT_EXCEEDED",
        "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "STORAGE_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW",
    }
)  # fmt: skip
_ABOUT_US_BY_STATUS = frozenset({300, 401, 403, 404, 405})
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,59}")
_FIELD = re.compile(r"[A-Za-z]\w{0,79}")


class Client(Settings):
    """The client credentials flow: the app acts as the user that its settings in Salesforce name."""

    client_id: str = Field(min_length=1, max_length=512)
    client_secret: SecretStr


class Jwt(Settings):
    """The JWT bearer flow: the app has our certificate, and acts as a user who has been approved for it."""

    client_id: str = Field(min_length=1, max_length=512)
    user: str = Field(
        min_length=3, max_length=200, description="A user's name there, as integration@sunco.example."
    )
    key: SecretStr = Field(description="The private key of the app's certificate; RSA, PEM.")
    audience: Literal["https://login.salesforce.com", "https://test.salesforce.com"] = Field(
        "https://login.salesforce.com", description="Of a sandbox: https://test.salesforce.com."
    )

    _key: RSAPrivateKey = PrivateAttr()

    @model_validator(mode="after")
    def _usable(self) -> "Jwt":
        self._key = jwt.signing_key(self.key.get_secret_value())
        return self

    def assertion(self, at: datetime) -> str:
        until = int(at.timestamp()) + _GOOD_FOR
        return jwt.signed(
            {"iss": self.client_id, "sub": self.user, "aud": self.audience, "exp": until}, self._key
        )


class SalesforceSettings(Settings):
    url: BareAddress = Field(description="The buyer's own domain there, as https://sunco.my.salesforce.com.")
    client: Client | None = Field(None, description="Who we are: either this")
    jwt: Jwt | None = Field(None, description="or this.")
    version: str = Field("62.0", pattern=r"^\d{2,3}\.0$", description="Of the API.")
    object: str = Field("Lead", pattern=r"^[A-Za-z]\w{0,79}$")
    fields: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z][\w.]{0,159}$")], bodies.Filling] = Field(
        min_length=1, description="Their field → what fills it."
    )
    external_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z]\w{0,79}$",
        description="A field of theirs that is unique and an external id: it gets the delivery's id, and a further try "
        "finds what the one before has written.",
    )
    duplicates: Literal["refuse", "allow"] = Field(
        "refuse", description="`allow` saves what a duplicate rule only warns of."
    )
    assign: bool = Field(True, description="Whether the active assignment rule finds the owner.")
    test: Mapping[str, Scalar] = Field({}, description="Fields that only test deliveries carry.")
    timeout: Timeout | None = Field(None, description="For each request; at most 2m.")

    _write: bodies.Write = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "SalesforceSettings":
        if (self.client is None) == (self.jwt is None):
            raise ValueError("we are known either by client or by jwt")
        names = [*self.fields, *self.test]
        if self.external_id in names:
            raise ValueError("external_id gets the delivery's id; it is none of the fields")
        bodies.refuse_unfit(names, "json")
        self._write = bodies.from_fields(self.fields, {}, self.test, kind="json", envelope="")
        return self

    def secrets(self) -> tuple[str, ...]:
        if self.client is not None:
            return (self.client.client_secret.get_secret_value(),)
        assert self.jwt is not None, "one of them is there"
        return (self.jwt.key.get_secret_value(),)

    def grant(self, at: datetime) -> Grant:
        known = self.client or self.jwt
        assert known is not None, "one of them is there"
        user = self.jwt.user if self.jwt is not None else ""
        said = "\0".join((self.url, known.client_id, user, *self.secrets()))
        return Grant(holder=sha256(said.encode()).hexdigest(), call=lambda: self._login(at))

    def _login(self, at: datetime) -> Call:
        if self.client is not None:
            secret = self.client.client_secret.get_secret_value()
            asked = {
                "grant_type": "client_credentials",
                "client_id": self.client.client_id,
                "client_secret": secret,
            }
            hidden = secret
        else:
            assert self.jwt is not None, "one of them is there"
            hidden = self.jwt.assertion(at)
            asked = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": hidden}
        return Call(
            method="POST",
            url=f"{self.url}/services/oauth2/token",
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            body=urlencode(asked).encode(),
            hands_over=False,
            secrets=(hidden,),
        )

    def call(self, handover: Handover) -> Call:
        there = f"{self.url}/services/data/v{self.version}/sobjects/{self.object}"
        if self.external_id is not None:
            there = f"{there}/{self.external_id}/{handover.delivery_id}"
        return Call(
            method="PATCH" if self.external_id is not None else "POST",
            url=there,
            headers={
                "content-type": "application/json",
                "accept": "application/json",
                "webhook-id": str(handover.delivery_id),
                "sforce-auto-assign": "TRUE" if self.assign else "FALSE",
                "sforce-duplicate-rule-header": f"allowSave={str(self.duplicates == 'allow').lower()}",
            },
            body=self._write(handover),
            timeout=self.timeout.seconds if self.timeout is not None else None,
            secrets=self.secrets(),
        )


@adapters.register
class Salesforce(Adapter[SalesforceSettings]):
    """What Salesforce refuses for what the lead is, is about the lead; what it refuses for who we are, what we may or what
    it can do now, is not, and the next buyer must not profit from it."""

    name = "salesforce"
    settings = SalesforceSettings
    examples = (
        {
            "url": "https://sunco.my.salesforce.com",
            "client": {"client_id": "3MVG9example", "client_secret": "example-secret"},
            "fields": {
                "FirstName": "first_name",
                "LastName": "last_name",
                "Company": {"value": "Private"},
                "Email": "email",
                "LeadSource": {"value": "Lead House"},
            },
        },
        {
            "url": "https://sunco--test.sandbox.my.salesforce.com",
            "client": {"client_id": "3MVG9example", "client_secret": "example-secret"},
            "version": "60.0",
            "fields": {"LastName": "{{ lead.last_name or 'Unknown' }}", "Company": {"value": "Private"}},
            "external_id": "Leadgate_Delivery__c",
            "duplicates": "allow",
            "assign": False,
            "test": {"Description": "A test"},
        },
    )

    def converse(self, handover: Handover, to: SalesforceSettings) -> Conversation:
        try:
            call = to.call(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the record can't be written: {failed}")
        reply = yield from by_token(call, to.grant(handover.at), handover.at)
        return outcome(reply, handover.at) if isinstance(reply, Reply) else reply


def outcome(reply: Reply, at: datetime) -> Outcome:
    """What the reply to a record says; error codes as Salesforce's own reference lists them."""
    if 200 <= reply.status < 300:
        return _saved(reply)
    code, fields = _error(reply)
    read = f"status {reply.status} {code}".rstrip() + (f" ({', '.join(fields)})" if fields else "")
    if code in _DUPLICATES:
        return Duplicate(reason=code, read=read)
    if code in _ABOUT_US or reply.status in LATER or reply.status in _ABOUT_US_BY_STATUS:
        return TryLater(reason=code or f"http_{reply.status}", after=retry_after(reply, at), read=read)
    plain = by_status(reply, at)
    assert plain is not None, "it is no 2xx"
    return Rejected(reason=code, read=read) if code and isinstance(plain, Rejected) else plain


def _saved(reply: Reply) -> Outcome:
    if reply.status == 204:
        return Accepted(read="status 204: the record was there, and is this lead's now")
    said = _json(reply)
    if isinstance(said, dict) and said.get("success") is True and isinstance(said.get("id"), str):
        return Accepted(reference=said["id"][:200], read="success: true; reference: id")
    return Unclear(reason="unreadable_reply", read=f"status {reply.status}, and no success with an id")


def _error(reply: Reply) -> tuple[str, list[str]]:
    """The first error's code and the fields that it names; both empty where it can't be read."""
    said = _json(reply)
    first = said[0] if isinstance(said, list) and said else None
    if not isinstance(first, dict):
        return "", []
    code, fields = first.get("errorCode"), first.get("fields")
    named = [name for name in fields if _is(_FIELD, name)] if isinstance(fields, list) else []
    return (str(code) if _is(_CODE, code) else ""), named[:10]


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _json(reply: Reply) -> Any:
    try:
        return Opened(reply).part("json")
    except ValueError:
        return None
