"""LinkedIn Lead Gen Forms (Lead Sync): signed webhooks that name leads to fetch, and leads to delete."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct
from pydantic import Field, SecretStr

from app.core.registry import Settings
from app.ingest.api import ApiUrl, object_of, refuse_unless_ok
from app.ingest.body import no_fields
from app.ingest.platform import (
    Asked,
    Fetching,
    Get,
    Gone,
    Platform,
    Said,
    Taken,
    Unreadable,
    platforms,
)
from app.ingest.proofs import hex_sha256, refuse, same
from app.ingest.webhook import flat, shaped
from app.model import Record

# The same secret signs challenges and webhooks: who may have any text signed as a challenge can forge a webhook.
_CODE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PREFIX = "hmacsha256="
_LEAD = re.compile(r"urn:li:leadGenFormResponse:([A-Za-z0-9_-]{1,100})")
_FIELDS = (
    "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead,"
    "formResponse,form:(hiddenFields,creationLocale,name,id,content)"
)
_CLEARER = {"PHONE_NUMBER": "phone", "ZIP_CODE": "postal_code", "COMPANY": "company"}
_GONE = frozenset((404, 410))


class LinkedinSettings(Settings):
    client_secret: SecretStr = Field(min_length=8, description="The app's, which signs each webhook.")
    access_token: SecretStr = Field(
        min_length=8, description="With r_marketing_leadgen_automation, to fetch leads."
    )
    version: str = Field("202610", pattern=r"^20[0-9]{4}$", description="Of the API; each lives for a year.")
    api: ApiUrl = "https://api.linkedin.com"


class _Event(Struct, rename="camel"):
    type: str = ""
    lead_action: str = ""
    lead_gen_form_response: str = ""


class _Response(Struct, frozen=True, rename="camel"):
    answers: list[dict[str, Any]] = []
    consent_responses: list[dict[str, Any]] = []


class _Content(Struct, frozen=True):
    questions: list[dict[str, Any]] = []


class _Form(Struct, frozen=True, rename="camel"):
    id: int | str | None = None
    name: str | None = None
    hidden_fields: list[dict[str, Any]] = []
    content: _Content = _Content()


class _Lead(Struct, rename="camel"):
    form_response: _Response
    form: _Form = _Form()
    id: int | str | None = None
    submitted_at: int | None = None
    lead_type: Any = None
    owner: Any = None
    associated_entity: Any = None
    versioned_lead_gen_form_urn: str | None = None


_EVENT = msgspec.json.Decoder(_Event)
_BODY = msgspec.json.Decoder(_Lead)


@platforms.register
class Linkedin(Platform):
    """Subscribe the address with `POST /rest/leadNotifications` for each account or page; LinkedIn checks it
    with a challenge, at once and every two hours, which is answered with the app's client secret.

    A webhook only names a lead: it is fetched with the access token, tried again for eight days. A lead that
    LinkedIn says is deleted is deleted here: nothing of the person is kept, and it is handed over no further.
    Answers come under the form's predefined fields in lower case (`first_name`, `email`; `PHONE_NUMBER` as
    `phone`), other questions under their names, hidden fields under theirs; beside them `lead_id`, `form.name`.
    """

    name = "linkedin"
    methods = ("GET", "POST")
    settings = LinkedinSettings
    examples: ClassVar = (
        (
            Asked(method="GET", query=(("challengeCode", "890e4665-4dfe-4ab1-b689-ed553bceeed0"),)),
            {"client_secret": "example-secret", "access_token": "example-access"},
            Said(
                b'{"challengeCode":"890e4665-4dfe-4ab1-b689-ed553bceeed0","challengeResponse":'
                b'"fa56e0f008eaad0b61dfc76180bd2d0a8a742440dc55615931e3b8a6644fbfa6"}',
                "application/json",
            ),
        ),
        (
            Asked(
                headers={
                    "x-li-signature": "58e0fcb9cd5fb849bd67590b842bc1c873f9f75e2856dd166ad3732344b63fc2"
                },
                body=b'{"type":"LEAD_ACTION","leadGenFormResponse":"urn:li:leadGenFormResponse:1a2b3c-4",'
                b'"leadAction":"CREATED","occurredAt":1686182358881}',
            ),
            {"client_secret": "example-secret", "access_token": "example-access"},
            Taken(fetch=("1a2b3c-4",)),
        ),
        (
            Asked(
                headers={
                    "x-li-signature": "adc47681153abf306acc190e66b3b08a870b99ebc6fcbfa5159ded9801b50c8e"
                },
                body=b'{"type":"LEAD_ACTION","leadGenFormResponse":"urn:li:leadGenFormResponse:1a2b3c-4",'
                b'"leadAction":"DELETED","occurredAt":1686182358881}',
            ),
            {"client_secret": "example-secret", "access_token": "example-access"},
            Taken(delete=("1a2b3c-4",)),
        ),
    )
    bodies: ClassVar = (
        (
            b'{"id":"1a2b3c-4","submittedAt":1686182358881,"leadType":"SPONSORED","formResponse":{"answers":['
            b'{"questionId":1,"answerDetails":{"textQuestionAnswer":{"answer":"ann@example.com"}}},'
            b'{"questionId":2,"answerDetails":{"multipleChoiceAnswer":{"options":[7]}}}]},"form":{"name":"Solar",'
            b'"hiddenFields":[{"name":"utm_source","value":"linkedin"}],"content":{"questions":['
            b'{"questionId":1,"name":"mail","predefinedField":"EMAIL"},{"questionId":2,"name":"roof","questionDetails":'
            b'{"multipleChoiceQuestionDetails":{"options":[{"id":7,"text":{"localized":{"en_US":"Flat"}}}]}}}]}}}',
            [
                {
                    "email": "ann@example.com",
                    "roof": "Flat",
                    "utm_source": "linkedin",
                    "lead_id": "1a2b3c-4",
                    "submitted_at": 1686182358881,
                    "lead_type": "SPONSORED",
                    "form.name": "Solar",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: LinkedinSettings, now: float) -> Said | Taken:
        secret = settings.client_secret.get_secret_value()
        if asked.method == "GET":
            return _challenged(dict(asked.query).get("challengeCode", ""), secret)
        signature = asked.headers.get("x-li-signature", "").lower().removeprefix(_PREFIX)
        if not same(signature, hex_sha256(secret, _PREFIX.encode() + asked.body)):
            refuse("X-LI-Signature is not of this body and the source's client_secret")
        event = shaped(asked.body, _EVENT)
        if event.type != "LEAD_ACTION" or event.lead_action not in ("CREATED", "DELETED"):
            return Said(b"no lead; nothing was kept")
        lead = _LEAD.fullmatch(event.lead_gen_form_response)
        if lead is None:
            raise Unreadable("it names no lead", code="shape", where="leadGenFormResponse")
        return Taken(delete=(lead[1],)) if event.lead_action == "DELETED" else Taken(fetch=(lead[1],))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        lead = shaped(body, _BODY)
        questions = {str(one.get("questionId")): one for one in lead.form.content.questions}
        pairs = [pair for answer in lead.form_response.answers for pair in _answered(answer, questions)]
        if not pairs:
            raise no_fields("formResponse.answers")
        pairs += [(str(one.get("name")), one.get("value")) for one in lead.form.hidden_fields]
        found = flat(pairs)
        about = flat((name, value) for name, value in _about(lead) if value is not None)
        return [found | {name: raw for name, raw in about.items() if name not in found}]

    def is_test(self, body: bytes) -> bool:
        return b'"testLead":true' in body.replace(b" ", b"")

    def fetching(self, lead: str, settings: LinkedinSettings) -> Fetching:
        token = settings.access_token.get_secret_value()
        got = yield Get(
            url=f"{settings.api}/rest/leadFormResponses/{lead}?fields={_FIELDS}",
            headers={
                "authorization": f"Bearer {token}",
                "linkedin-version": settings.version,
                "x-restli-protocol-version": "2.0.0",
                "accept": "application/json",
            },
            secrets=(token,),
        )
        if got.status in _GONE:
            raise Gone
        refuse_unless_ok(got)
        object_of(got)
        return got.body


def _challenged(code: str, secret: str) -> Said:
    if not _CODE.fullmatch(code):
        raise Unreadable("challengeCode is a UUID", code="shape", where="challengeCode")
    told = {"challengeCode": code, "challengeResponse": hex_sha256(secret, code.encode())}
    return Said(msgspec.json.encode(told), "application/json")


def _answered(answer: Mapping[str, Any], questions: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    identity = str(answer.get("questionId"))
    question = questions.get(identity, {})
    details = answer.get("answerDetails")
    for value in (details if isinstance(details, dict) else {}).values():
        if not isinstance(value, dict):
            continue
        if "answer" in value:
            yield _name(question, identity), value["answer"]
        elif isinstance(value.get("options"), list):
            yield _name(question, identity), [_option(one, question) for one in value["options"]]


def _name(question: Mapping[str, Any], identity: str) -> str:
    predefined, name = question.get("predefinedField"), question.get("name")
    if isinstance(predefined, str) and predefined:
        return _CLEARER.get(predefined) or predefined.lower()
    return name if isinstance(name, str) and name else f"question.{identity}"


def _option(chosen: Any, question: Mapping[str, Any]) -> Any:
    """Its text where the form is beside it, else its number."""
    try:
        options = question["questionDetails"]["multipleChoiceQuestionDetails"]["options"]
        (one,) = [one for one in options if one.get("id") == chosen]
        return next(iter(one["text"]["localized"].values()))
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        return chosen


def _about(lead: _Lead) -> Iterator[tuple[str, Any]]:
    yield "lead_id", lead.id
    yield "submitted_at", lead.submitted_at
    yield "lead_type", lead.lead_type
    yield "owner", lead.owner
    yield "associated_entity", lead.associated_entity
    yield "form", lead.versioned_lead_gen_form_urn
    yield "form.id", lead.form.id
    yield "form.name", lead.form.name
    for one in lead.form_response.consent_responses:
        yield f"consent.{one.get('consentId')}", one.get("accepted")
