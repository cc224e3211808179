"""HubSpot forms: a page whose script submits there today submits here by another address, and goes on as before."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
from msgspec import Struct
from msgspec.json import Decoder
from pydantic import Field, model_validator

from app.core.registry import Settings
from app.ingest.landing import Address
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.proofs import refuse, same
from app.ingest.webhook import (
    Origin,
    Token,
    digest,
    flat,
    kept,
    refuse_elsewhere,
    refuse_unless_told,
    shaped,
    without,
)
from app.model import Raw, Record

_CONTACT = "0-1"
_EXAMPLE = (
    b'{"submittedAt":"1517927174000","fields":[{"objectTypeId":"0-1","name":"email","value":"ann@example.com"},'
    b'{"objectTypeId":"0-2","name":"name","value":"Lee Ltd"}],"context":{"pageUri":"www.example.com/solar"},'
    b'"legalConsentOptions":{"consent":{"consentToProcess":true,"text":"I agree."}}}'
)


class _Field(Struct):
    name: str
    value: Raw | list[Raw] = None
    objectTypeId: str | None = None


class _Consents(Struct):
    consent: dict[str, Any] | None = None
    legitimateInterest: dict[str, Any] | None = None


class _Submission(Struct):
    fields: list[_Field]
    submittedAt: str | int | None = None
    context: dict[str, Any] | None = None
    legalConsentOptions: _Consents | None = None


_SUBMISSION = Decoder(_Submission)


class HubspotSettings(Settings):
    portal: str = Field(
        "", coerce_numbers_to_str=True, description="The portal's id, as ?portal= of the address says it."
    )
    form: str = Field(
        "", coerce_numbers_to_str=True, description="The form's GUID, as ?form= of the address says it."
    )
    token: Token | None = Field(None, description="Stands in the address as ?token=; for posts of servers.")
    origins: tuple[Origin, ...] = Field((), description="Only scripts of pages of these sites.")
    message: str = Field("Thanks for submitting the form.", description="The answer's inlineMessage.")
    redirect: Address | None = Field(None, description="The answer's redirectUri, in place of a message.")

    @model_validator(mode="after")
    def _some_proof(self) -> "HubspotSettings":
        if not (self.origins or self.token or (self.portal and self.form)):
            raise ValueError("needs origins, a token, or portal and form: anybody could post else")
        return self


@platforms.register
class Hubspot(Platform):
    """A page's own script, proved weakly: by portal and form, and by the page's site.

    In the page's script replace `https://api.hsforms.com/submissions/v3/integration/submit/PORTAL/FORM` by the
    address with `?portal=PORTAL&form=FORM`; nothing else. The script is answered as HubSpot does, with
    `inlineMessage` or `redirectUri`, and may read it from any of the `origins` (CORS).

    What proves the sender is weak, as it is at HubSpot: portal and form stand in the page for all to read, and
    `origins` holds off other sites' pages, not programs. Rely on checks of the lead; a `token` helps only
    where a server posts.

    Fields of a contact stand under their names, those of a company or deal also as `0-2.NAME`; beside them
    `context.…`, `consent.…` and `submittedAt`.
    """

    name = "hubspot"
    settings = HubspotSettings
    examples = (
        (
            Asked(
                query=(("portal", "62515"), ("form", "4b8d9f0e")),
                headers={"content-type": "application/json", "origin": "https://www.example.com"},
                body=_EXAMPLE,
            ),
            {"portal": "62515", "form": "4b8d9f0e", "origins": ["https://www.example.com"]},
            Taken(keep=_EXAMPLE, identity=digest(_EXAMPLE, 0.0)),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "email": "ann@example.com",
                    "name": "Lee Ltd",
                    "0-2.name": "Lee Ltd",
                    "context.pageUri": "www.example.com/solar",
                    "consent.consentToProcess": True,
                    "consent.text": "I agree.",
                    "submittedAt": "1517927174000",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: HubspotSettings, now: float) -> Taken:
        refuse_unless_told(settings.token, asked)
        refuse_elsewhere(settings.origins, asked)
        said = dict(asked.query)
        for name, ours in (("portal", settings.portal), ("form", settings.form)):
            if ours and not same(said.get(name, ""), ours):
                refuse(f"?{name}= of the address is not that of this source")
        body = without(kept(asked), settings.token)
        return Taken(keep=body, identity=digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        submission = shaped(body, _SUBMISSION)
        return [flat([*_fields(submission.fields), *_beside(submission)])]

    def answer(self, asked: Asked, settings: HubspotSettings) -> Said:
        said = (
            {"redirectUri": settings.redirect} if settings.redirect else {"inlineMessage": settings.message}
        )
        return Said(msgspec.json.encode(said), "application/json")

    def origins(self, settings: HubspotSettings) -> tuple[str, ...]:
        """HubSpot lets any page read its answers; without `origins`, so do we."""
        return settings.origins or ("*",)


def _fields(fields: list[_Field]) -> Iterator[tuple[str, Any]]:
    """A contact's before others', so that a plain name is the person's where both have it."""
    others = [one for one in fields if one.objectTypeId not in (None, _CONTACT)]
    yield from ((one.name, one.value) for one in fields if one.objectTypeId in (None, _CONTACT))
    for one in others:
        yield one.name, one.value
        yield f"{one.objectTypeId}.{one.name}", one.value


def _beside(submission: _Submission) -> Iterator[tuple[str, Any]]:
    consents = submission.legalConsentOptions or _Consents()
    if submission.context:
        yield "context", submission.context
    if consents.consent:
        yield "consent", consents.consent
    if consents.legitimateInterest:
        yield "legitimateInterest", consents.legitimateInterest
    if submission.submittedAt is not None:
        yield "submittedAt", submission.submittedAt
