"""Unbounce: the webhook of a landing page, or the page's own form posted straight to us."""

from typing import Any, ClassVar

from pydantic import Field

from app.core.registry import Settings
from app.ingest.landing import Address, sent_to
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.webhook import (
    Origin,
    Token,
    digest,
    flat,
    kept,
    object_in,
    record_in,
    refuse_elsewhere,
    refuse_unless_told,
    without,
)
from app.model import Record

_EXAMPLE = (
    b"page_url=http%3A%2F%2Fwww.example.com%2Fsolar%2F&page_name=Solar&page_id=7648177d-7323-4330-b4f9-9951a52138b6"
    b"&variant=a&data.json=%7B%22email%22%3A%5B%22ann%40example.com%22%5D%2C%22ip_address%22%3A%5B%22192.0.2.7%22%5D"
    b"%2C%22time_submitted%22%3A%5B%2211%3A45+AM+UTC%22%5D%7D&data.xml=%3Cform_data%2F%3E"
)


class UnbounceSettings(Settings):
    token: Token = Field(description="Stands in the webhook's address as ?token=.")
    origins: tuple[Origin, ...] = Field(
        (), description="Only pages of these sites; for a page that posts itself."
    )
    redirect: Address | None = Field(None, description="Where a browser goes after a page's own post.")


@platforms.register
class Unbounce(Platform):
    """A landing page's webhook, proved by a token in its address.

    At the page open *Integrations → Webhooks* and enter the address with `?token=…`. Unbounce signs nothing:
    the proof is as strong as that address is secret.

    The fields of `data.json` stand under their own names, a list of one as its value. A page that posts its
    form itself shows the token to whoever looks: name its `origins` then, which programs can feign, and rely
    on checks of the lead.
    """

    name = "unbounce"
    settings = UnbounceSettings
    examples = (
        (
            Asked(
                query=(("token", "example-token-0001"),),
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=_EXAMPLE,
            ),
            {"token": "example-token-0001"},
            Taken(keep=_EXAMPLE, identity=digest(_EXAMPLE, 0.0)),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "email": "ann@example.com",
                    "ip_address": "192.0.2.7",
                    "time_submitted": "11:45 AM UTC",
                    "page_url": "http://www.example.com/solar/",
                    "page_name": "Solar",
                    "page_id": "7648177d-7323-4330-b4f9-9951a52138b6",
                    "variant": "a",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: UnbounceSettings, now: float) -> Taken:
        refuse_unless_told(settings.token, asked)
        refuse_elsewhere(settings.origins, asked)
        body = without(kept(asked), settings.token)
        return Taken(keep=body, identity=digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        record = record_in(body)
        if "data.json" not in record:
            return [record]
        fields = object_in(record.pop("data.json"), "data.json")
        record.pop("data.xml", None)  # the same once more
        return [_together(fields, record)]

    def answer(self, asked: Asked, settings: UnbounceSettings) -> Said:
        return sent_to(settings.redirect) if settings.redirect else Said(b"{}", "application/json")

    def origins(self, settings: UnbounceSettings) -> tuple[str, ...]:
        return settings.origins


def _together(fields: dict[str, Any], beside: Record) -> Record:
    """What the visitor wrote goes before what the page says of itself."""
    return flat([*fields.items(), *((name, v) for name, v in beside.items() if name not in fields)])
