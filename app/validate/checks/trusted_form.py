"""A TrustedForm certificate of the page on which a person agreed: it matches the lead, is young, and is kept."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import orjson
from msgspec import Struct
from pydantic import Field, SecretStr, StringConstraints, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.model import Finding, Lead
from app.validate.certificates import (
    CertificateCheck,
    CertificateSettings,
    Origin,
    What,
    answered,
    contacts_of,
    id_at,
    named,
)
from app.validate.check import Evidence, checks
from app.validate.remote import Asking, Request, Response, Told, Unanswered

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

_CERTIFICATES = ("trustedform_cert_url", "xxTrustedFormCertUrl", "trusted_form_cert_url")
_PINGS = ("trustedform_ping_url", "xxTrustedFormPingUrl", "trusted_form_ping_url")
_INSIGHTS = (
    "age_seconds", "bot_detected", "expires_at", "form_input_kpm", "form_input_wpm", "is_framed", "is_masked",
    "seconds_on_page",
)  # fmt: skip
"""What is kept of the insights: nothing that tells who or where the person is."""


class Verify(Settings):
    """What the words of consent on the page must be like."""

    advertiser: Text = Field(description="Your name as it must stand in the words.")
    min_font_size_px: int | None = Field(None, ge=1, le=100)
    min_contrast_ratio: float | None = Field(None, ge=1, le=21)
    opt_in_types: tuple[Literal["manual", "pre-selected", "non-interactive"], ...] = ()


class TrustedFormSettings(CertificateSettings):
    """`key` is of your account. `action`, where it is given, is what each reason does unless it is named."""

    key: SecretStr = Field(description="API key of the TrustedForm account.")
    match: bool = Field(True, description="The lead's e-mail or phone must be what was typed on the page.")
    retain: bool = Field(True, description="Keep the certificate in the account; never for a test.")
    insights: bool = Field(True, description="Ask for its age and signs of programs.")
    required: tuple[Text, ...] = Field((), max_length=50, description="Texts that the page must show.")
    forbidden: tuple[Text, ...] = Field((), max_length=50, description="Texts that it must not show.")
    verify: Verify | None = Field(None, description="What the words of consent must be like.")
    within: Duration | None = Field(None, description="How old it may be; needs `insights`.")
    service: Origin = Field(
        "https://cert.trustedform.com", description="Whose certificates are asked for, and nobody else's."
    )
    pings: Origin = Field(
        "https://ping.trustedform.com", description="The same of pings, before a lead is whole."
    )
    missing: What = Field("reject", description="No certificate came.")
    foreign: What = Field("reject", description="Its address is not TrustedForm's; it is not asked for.")
    not_found: What = Field("reject", description="There is none, or it has expired.")
    no_match: What = Field("reject", description="It is of another person.")
    failed: What = Field("reject", description="It fails a scan, or what `verify` asks.")
    too_old: What = Field("reject", description="Older than `within`.")
    bot: What = Field("flag", description="A program filled the page in.")
    not_kept: What = Field("flag", description="It could not be kept.")
    unknown: What = Field("flag", description="No answer, or the budget is used up.")

    @model_validator(mode="after")
    def _fits_together(self) -> "TrustedFormSettings":
        if self.retain and not self.match:
            raise ValueError("retain needs match: the service keeps no certificate that is not matched")
        if self.within is not None and not self.insights:
            raise ValueError("within needs insights, which tell the age")
        return self


class Certificate(Struct, frozen=True):
    """Of a ping there is nobody to match, and nothing is kept."""

    id: str
    ping: bool
    email: str = ""
    phone: str = ""
    keep: bool = False
    reference: str = ""
    vendor: str = ""


@checks.register
class TrustedForm(CertificateCheck[TrustedFormSettings, Certificate]):
    """Asks TrustedForm's API (version 4) for all of it in one request: match, retain, insights, verify.

    The certificate's address is taken from `trustedform_cert_url`, `xxTrustedFormCertUrl` or, where only that came,
    `xxTrustedFormPingUrl`; only its id is used, and only where the address is the service's own.
    Facts: `trusted_form.age_seconds`, `.bot_detected`, `.expires_at`, `.kept_until` and what else insights say.
    """

    name = "trusted_form"
    settings = TrustedFormSettings
    order = 71
    each_lead = True
    codes = {
        "missing": "No TrustedForm certificate came with the lead.",
        "foreign": "The address of the certificate is not TrustedForm's.",
        "not_found": "There is no such certificate, or it has expired.",
        "no_match": "The certificate is of another e-mail and phone.",
        "failed": "The certificate fails a scan of its page, or what the campaign asks of its consent.",
        "too_old": "The certificate is older than the campaign takes.",
        "bot": "A program filled in the page of the certificate.",
        "not_kept": "The certificate matches and could not be kept.",
        "unknown": "TrustedForm did not answer, or the budget is used up.",
        "known": "Nothing is wrong with the certificate: what is known of it.",
    }

    def question(self, lead: Lead, to: TrustedFormSettings) -> Certificate | None:
        url = named(lead, _CERTIFICATES)
        if not url:
            ping = id_at(named(lead, _PINGS), to.pings)
            return Certificate(ping, True) if ping else None
        id_ = id_at(url, to.service)
        if not id_:
            return None
        email, phone = contacts_of(lead) if to.match else ("", "")
        matched = bool(email or phone)
        keep = to.retain and not lead.test and matched
        return Certificate(
            id_, False, email, phone, keep, str(lead.id) if keep else "", lead.source if keep else ""
        )

    def converse(self, question: Certificate, to: TrustedFormSettings) -> Asking:
        key = to.key.get_secret_value()
        proof = b64encode(f"API:{key}".encode()).decode()
        response = yield Request(
            method="POST",
            url=f"{to.pings if question.ping else to.service}/{question.id}",
            headers={
                "Authorization": f"Basic {proof}", "Api-Version": "4.0", "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=orjson.dumps(_asked(question, to)),
            secrets=(key, proof),
        )  # fmt: skip
        return _read(response)

    def run(self, lead: Lead, to: TrustedFormSettings, evidence: Evidence) -> Iterable[Finding]:
        if self.question(lead, to) is not None:
            yield from super().run(lead, to, evidence)
        elif named(lead, (*_CERTIFICATES, *_PINGS)):
            yield from self._finding("foreign", "the certificate is not at TrustedForm", to)
        else:
            yield from self._finding("missing", "no certificate came with the lead", to)

    def found(self, lead: Lead, to: TrustedFormSettings, told: Told) -> Iterable[Finding]:
        if not told.known:
            yield from self._unheard(told, "TrustedForm", to)
            return
        value = told.value if isinstance(told.value, Mapping) else {}
        faults = list(_faults(value, self.question(lead, to), to))
        yield from self._judged(faults, to, known="the certificate is known", facts=_facts(value))


def _asked(question: Certificate, to: TrustedFormSettings) -> dict[str, Any]:
    """Each operation is asked for by naming it."""
    said: dict[str, Any] = {}
    contacts = {"email": question.email, "phone": question.phone}
    if question.email or question.phone:
        said["match_lead"] = {name: value for name, value in contacts.items() if value}
    if question.keep:
        said["retain"] = {"reference": question.reference, "vendor": question.vendor}
    scans = {
        name: list(texts) for name, texts in (("required", to.required), ("forbidden", to.forbidden)) if texts
    }
    if to.insights or scans or not said:
        said["insights"] = {"properties": list(_INSIGHTS)} | ({"scans": scans} if scans else {})
    if to.verify is not None and not question.ping:
        said["verify"] = _verifying(to.verify)
    return said


def _verifying(to: Verify) -> dict[str, Any]:
    told = {
        "advertiser_name": to.advertiser, "min_font_size_px_required": to.min_font_size_px,
        "min_contrast_ratio_required": to.min_contrast_ratio, "opt_in_types_allowed": list(to.opt_in_types) or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _read(response: Response) -> dict[str, Any]:
    """Booleans, numbers and dates of the answer; its words may say who the person is and are not kept."""
    if response.status in (404, 410):
        return {"found": False}
    said = answered(response)
    outcome = said.get("outcome")
    if outcome not in ("success", "failure"):
        raise Unanswered("no_outcome", fault=outcome != "error")
    kept, insights = _at(said, "retain", "results"), _at(said, "insights", "properties")
    return {
        "found": True, "outcome": outcome, "match": _at(said, "match_lead", "result").get("success"),
        "kept_until": kept.get("expires_at") if isinstance(kept.get("expires_at"), str) else None,
        "insights": {name: insights[name] for name in _INSIGHTS if _is_plain(insights.get(name))},
    }  # fmt: skip


def _at(said: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        said = said.get(step) if isinstance(said, dict) else None
    return said if isinstance(said, dict) else {}


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 40)


def _faults(
    value: Mapping[str, Any], asked: Certificate | None, to: TrustedFormSettings
) -> Iterator[tuple[str, str]]:
    """(reason, what it says). Who it is not of, or is not there, has no further faults."""
    if value.get("found") is not True:
        yield "not_found", "there is no such certificate, or it has expired"
        return
    matching = asked is not None and bool(asked.email or asked.phone)
    if matching and value.get("match") is not True:
        yield "no_match", "the certificate is of another person"
        return
    if value.get("outcome") == "failure":
        yield "failed", "the certificate fails what is asked of its page"
    insights = value.get("insights")
    known = insights if isinstance(insights, Mapping) else {}
    age = known.get("age_seconds")
    if to.within is not None and isinstance(age, int | float) and age > to.within.seconds:
        yield "too_old", f"the certificate is older than {to.within}"
    if known.get("bot_detected") is True:
        yield "bot", "a program filled in the page of the certificate"
    if asked is not None and asked.keep and not value.get("kept_until"):
        yield "not_kept", "the certificate could not be kept"


def _facts(value: Mapping[str, Any]) -> dict[str, Any]:
    insights = value.get("insights")
    facts = dict(insights) if isinstance(insights, Mapping) else {}
    if value.get("kept_until"):
        facts["kept_until"] = value["kept_until"]
    return {f"trusted_form.{name}": said for name, said in facts.items()}
