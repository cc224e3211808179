"""Gravity Forms: the entry that its Webhooks add-on sends, fields by their number."""

from typing import Any, ClassVar

from pydantic import Field

from app.core.registry import Settings
from app.ingest.platform import Asked, Platform, Taken, platforms
from app.ingest.proofs import refuse
from app.ingest.webhook import Token, digest, glance, kept, record_in, refuse_unless_told, without
from app.model import Record

_EXAMPLE = (
    b'{"id":"23","form_id":"4","date_created":"2026-02-03 10:11:12","ip":"192.0.2.7",'
    b'"source_url":"https://www.example.com/solar/","1.3":"Ann","1.6":"Lee","2":"ann@example.com"}'
)


class GravityFormsSettings(Settings):
    token: Token = Field(description="In the Request URL as ?token=, or in a header `Authorization: Bearer`.")
    form: str = Field("", coerce_numbers_to_str=True, description="Only entries of the form with this id.")


@platforms.register
class GravityForms(Platform):
    """The Webhooks add-on of a WordPress form, proved by a token in a header or in the address.

    At the form open *Settings → Webhooks*, enter the address as *Request URL* and, as a request header,
    `Authorization: Bearer …` with the token (or `?token=…` in the address). Nothing is signed: the proof is
    as strong as the token is secret.

    Fields stand under their numbers as in the entry (`"1.3"` is a first name), which mean nothing without the
    form: map them. Both of the add-on's request formats are read, JSON and FORM, all fields or chosen ones.
    """

    name = "gravity_forms"
    settings = GravityFormsSettings
    examples = (
        (
            Asked(
                headers={
                    "content-type": "application/json",
                    "authorization": "Bearer example-token-0001",
                },
                body=_EXAMPLE,
            ),
            {"token": "example-token-0001", "form": "4"},
            Taken(keep=_EXAMPLE, identity="4:23"),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "id": "23",
                    "form_id": "4",
                    "date_created": "2026-02-03 10:11:12",
                    "ip": "192.0.2.7",
                    "source_url": "https://www.example.com/solar/",
                    "1.3": "Ann",
                    "1.6": "Lee",
                    "2": "ann@example.com",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: GravityFormsSettings, now: float) -> Taken:
        refuse_unless_told(settings.token, asked)
        body = without(kept(asked), settings.token)
        entry = glance(self, body)
        id, form = entry.get("id"), entry.get("form_id")
        if entry and settings.form and str(form) != settings.form:
            refuse("form_id is not the form of this source")
        return Taken(keep=body, identity=f"{form}:{id}" if id and form else digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        return [record_in(body)]
