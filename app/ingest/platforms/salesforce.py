"""Salesforce Web-to-Lead: a page that posts there today posts here by another address, and goes on as before."""

from typing import Any, ClassVar

from pydantic import Field

from app.core.registry import Settings
from app.ingest.landing import sent_if_allowed
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.proofs import refuse, same
from app.ingest.webhook import (
    Origin,
    Token,
    digest,
    kept,
    record_in,
    refuse_elsewhere,
    refuse_unless_told,
    without,
)
from app.model import Record

_SHORT_ID = 15
"""An organisation's id is written with 15 characters or, with a checksum behind them, with 18."""

_EXAMPLE = (
    b"oid=00D50000000IZ3Z&retURL=https%3A%2F%2Fwww.example.com%2Fthanks&first_name=Ann&last_name=Lee"
    b"&email=ann%40example.com&00N50000001abcd=2500"
)


class SalesforceSettings(Settings):
    oid: str = Field(
        pattern=r"^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$", description="The page's hidden field oid."
    )
    token: Token | None = Field(
        None, description="Stands in the form's address as ?token=; for posts of servers."
    )
    origins: tuple[Origin, ...] = Field((), description="Only posts from pages of these sites.")
    redirect_hosts: tuple[str, ...] = Field((), description="Hosts that retURL may lead to.")


@platforms.register
class Salesforce(Platform):
    """A page's own Web-to-Lead form, proved weakly: by its oid, and by the page's site.

    In the page's form replace `https://webto.salesforce.com/servlet/servlet.WebToLead` by the address; nothing
    else. The browser is sent on to `retURL` as before, where its host is one of `redirect_hosts`; else it sees
    a word of thanks.

    What proves the sender is weak, as it is at Salesforce: `oid` stands in the page for all to read, and
    `origins` holds off other sites' pages, not programs. Rely on checks of the lead; a `token` helps only
    where a server posts.
    """

    name = "salesforce"
    settings = SalesforceSettings
    examples = (
        (
            Asked(
                headers={
                    "content-type": "application/x-www-form-urlencoded",
                    "origin": "https://www.example.com",
                },
                body=_EXAMPLE,
            ),
            {
                "oid": "00D50000000IZ3Z",
                "origins": ["https://www.example.com"],
                "redirect_hosts": ["www.example.com"],
            },
            Taken(keep=_EXAMPLE, identity=digest(_EXAMPLE, 0.0)),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "oid": "00D50000000IZ3Z",
                    "retURL": "https://www.example.com/thanks",
                    "first_name": "Ann",
                    "last_name": "Lee",
                    "email": "ann@example.com",
                    "00N50000001abcd": "2500",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: SalesforceSettings, now: float) -> Taken:
        refuse_unless_told(settings.token, asked)
        refuse_elsewhere(settings.origins, asked)
        body = without(_body(asked), settings.token)
        oid = record_in(body).get("oid")
        if not isinstance(oid, str) or not same(oid[:_SHORT_ID], settings.oid[:_SHORT_ID]):
            refuse("oid is not the organisation of this source")
        return Taken(keep=body, identity=digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        return [record_in(body)]

    def answer(self, asked: Asked, settings: SalesforceSettings) -> Said:
        url = record_in(_body(asked)).get("retURL")
        return sent_if_allowed(url if isinstance(url, str) else "", settings.redirect_hosts)

    def origins(self, settings: SalesforceSettings) -> tuple[str, ...]:
        return settings.origins


def _body(asked: Asked) -> bytes:
    """The address says the charset (`?encoding=UTF-8`), since browsers don't."""
    return kept(asked, charset=dict(asked.query).get("encoding", ""))
