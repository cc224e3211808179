"""What checks of consent certificates have in common: how they are told, where a lead carries one, whose it must be."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import orjson
from msgspec import Struct
from pydantic import AfterValidator, model_validator

from app.model import Action, Finding, Lead
from app.validate.remote import Response, Told, Unanswered
from app.validate.remote_check import RemoteCheck, RemoteSettings

What = Action | Literal["allow"]
"""What one reason does."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_LONGEST = 1_000


def _an_origin(text: str) -> str:
    if not text.startswith(("https://", "http://")) or text.count("/") != 2 or "@" in text:
        raise ValueError("is no origin; write https://name, without a path")
    return text


Origin = Annotated[str, AfterValidator(_an_origin)]


class CertificateSettings(RemoteSettings):
    """`action`, where it is given, is what each reason does unless it is named; every `What` is a reason's."""

    @model_validator(mode="before")
    @classmethod
    def _action_for_all(cls, given: Any) -> Any:
        if isinstance(given, dict) and "action" in given:
            reasons = [name for name, field in cls.model_fields.items() if field.annotation == What]
            return dict.fromkeys(reasons, given["action"]) | given
        return given


S = TypeVar("S", bound=CertificateSettings)
Q = TypeVar("Q", bound=Struct)


class CertificateCheck(RemoteCheck[S, Q]):
    """Its reasons are fields of its settings, by their codes."""

    def _finding(
        self, code: str, says: str, to: S, *, facts: Mapping[str, Any] | None = None
    ) -> Iterator[Finding]:
        action: What = getattr(to, code)
        if action != "allow":
            yield Finding(
                check=self.name, code=code, message=says, action=action, points=to.points, facts=facts or {}
            )

    def _unheard(self, told: Told, service: str, to: S) -> Iterator[Finding]:
        """Nothing where the campaign itself says that such a lead is not asked for."""
        if told.became not in ("share", "condition", "unsellable"):
            what = "was not asked" if told.became == "budget" else "did not answer"
            yield from self._finding("unknown", f"{service} {what}", to)

    def _judged(
        self, faults: Sequence[tuple[str, str]], to: S, *, known: str, facts: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """Each fault, or that there is none."""
        for code, says in faults:
            yield from self._finding(code, says, to, facts=facts)
        if not faults:
            yield Finding(check=self.name, code="known", message=known, facts=facts)


def answered(response: Response) -> dict[str, Any]:
    """The JSON object of an answer, empty where it is none of that kind. Raises Unanswered."""
    if response.status != 200:
        theirs = response.status >= 500 or response.status in (401, 403, 408, 429)
        raise Unanswered(f"http_{response.status}", fault=theirs)
    try:
        said = orjson.loads(response.body)
    except ValueError:
        raise Unanswered("not_json") from None
    return said if isinstance(said, dict) else {}


def named(lead: Lead, names: Sequence[str]) -> str:
    """The first text under one of these names, as a field of the campaign or beside them, in any case; else empty."""
    beside = {name.lower(): value for name, value in lead.extra.items()}
    own = {name.lower(): value.raw for name, value in lead.fields.items()}
    for name in names:
        for said in (own.get(name.lower()), beside.get(name.lower())):
            if isinstance(said, str) and said.strip():
                return said.strip()
    return ""


def id_at(url: str, service: str) -> str:
    """The id of a certificate in an address of that service and no other; else empty."""
    if len(url) > _LONGEST:
        return ""
    try:
        given, own = urlsplit(url), urlsplit(service)
        same = (given.hostname, given.port) == (own.hostname, own.port)
    except ValueError:
        return ""
    id_ = given.path.removeprefix("/")
    if given.scheme not in ("https", own.scheme) or not same or given.username or not _ID.match(id_):
        return ""
    return "" if set(id_) <= {"."} else id_


def contacts_of(lead: Lead) -> tuple[str, str]:
    """The first valid (e-mail, phone) of a lead, the phone as the digits that a form of its country asks for."""
    email = phone = ""
    for value in lead.fields.values():
        if not value.valid or not isinstance(value.normal, str) or value.parts.get("masked"):
            continue
        if "line_type" in value.parts and not phone:
            phone = value.normal.removeprefix("+1") if len(value.normal) == 12 else value.normal.lstrip("+")
        elif "domain" in value.parts and not email:
            email = value.normal
    return email, phone
