"""Jotform: the webhook of a form, or the answers that its thank-you redirect posts."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from app.core.registry import Settings
from app.ingest.landing import Address, sent_to
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.proofs import refuse
from app.ingest.webhook import (
    Token,
    digest,
    flat,
    glance,
    kept,
    object_in,
    record_in,
    refuse_unless_told,
    without,
)
from app.model import Record

_NUMBERED = re.compile(r"q\d+_(.+)", re.DOTALL)
_NOT_THE_LEAD = ("rawRequest", "pretty", "webhookURL")
_EXAMPLE = (
    b'--x\r\nContent-Disposition: form-data; name="formID"\r\n\r\n230583697150159\r\n'
    b'--x\r\nContent-Disposition: form-data; name="submissionID"\r\n\r\n5308741572752112119\r\n'
    b'--x\r\nContent-Disposition: form-data; name="rawRequest"\r\n\r\n'
    b'{"q3_name":{"first":"Ann","last":"Lee"},"q4_email":"ann@example.com"}\r\n--x--\r\n'
)


class JotformSettings(Settings):
    token: Token = Field(description="Stands in the webhook's address as ?token=.")
    form: str = Field(
        "", coerce_numbers_to_str=True, description="Only submissions of the form with this id."
    )
    redirect: Address | None = Field(
        None, description="Where a browser goes that posted to us as the thank-you page."
    )


@platforms.register
class Jotform(Platform):
    """A form's webhook, proved by a token in its address.

    At the form open *Settings → Integrations → WebHooks* and enter the address with `?token=…`. Jotform
    signs nothing: the proof is as strong as that address is secret. Jotform repeats the address in what it
    sends; the token is taken out before anything is stored.

    Answers of `rawRequest` stand under their names, with Jotform's number (`q3_name.first`) and without
    (`name.first`). With *Send post data* the thank-you redirect may post here instead: then set
    `redirect`, and know that visitors see the token.
    """

    name = "jotform"
    settings = JotformSettings
    examples = (
        (
            Asked(
                query=(("token", "example-token-0001"),),
                headers={"content-type": "multipart/form-data; boundary=x"},
                body=_EXAMPLE,
            ),
            {"token": "example-token-0001"},
            Taken(keep=_EXAMPLE, identity="5308741572752112119"),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "q3_name.first": "Ann",
                    "q3_name.last": "Lee",
                    "name.first": "Ann",
                    "name.last": "Lee",
                    "q4_email": "ann@example.com",
                    "email": "ann@example.com",
                    "formID": "230583697150159",
                    "submissionID": "5308741572752112119",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: JotformSettings, now: float) -> Taken:
        refuse_unless_told(settings.token, asked)
        body = without(kept(asked), settings.token)
        record = glance(self, body)
        if record and settings.form and str(record.get("formID")) != settings.form:
            refuse("formID is not the form of this source")
        id = record.get("submissionID") or record.get("submission_id")
        return Taken(keep=body, identity=str(id) if id else digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        record = record_in(body)
        if "rawRequest" not in record:
            return [record]
        answers = object_in(record["rawRequest"], "rawRequest")
        beside = [pair for pair in record.items() if pair[0] not in (*_NOT_THE_LEAD, *answers)]
        return [flat([*_named(answers), *beside])]

    def answer(self, asked: Asked, settings: JotformSettings) -> Said:
        return sent_to(settings.redirect) if settings.redirect else Said(b"{}", "application/json")


def _named(answers: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in answers.items():
        yield name, value
        numbered = _NUMBERED.fullmatch(name)
        if numbered and numbered[1] not in answers:
            yield numbered[1], value
