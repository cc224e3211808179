"""A lead through the buyer's Salesforce Web-to-Lead form, which needs no account there and tells next to nothing."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Adapter, Call, Conversation, Handover, Reply, adapters
from app.distribute.posting import Timeout
from app.distribute.replies import by_status
from app.distribute.targets import WebAddress
from app.distribute.templates import TemplateFailed
from app.model import Accepted, Outcome, Scalar, TryLater, Unclear

_EXCEPTION = re.compile(r"exception\s*:\s*([\w.]{1,200})", re.IGNORECASE)


class SalesforceWebSettings(Settings):
    oid: str = Field(
        pattern=r"^00D[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$", description="The id of their organisation."
    )
    url: WebAddress = "https://webto.salesforce.com/servlet/servlet.WebToLead"
    fields: Mapping[str, bodies.Filling] = Field(
        min_length=1,
        description="The form's field → what fills it; their own are named by ids, as 00N1x000001AbCd.",
    )
    proof: Literal["processed", "confirmed"] = Field(description="What a yes is; there is no default.")
    test: Mapping[str, Scalar] = Field({}, description="Fields that only test deliveries carry.")
    timeout: Timeout | None = Field(None, description="For the whole request; at most 2m.")

    _write: bodies.Write = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "SalesforceWebSettings":
        if not {"oid", "encoding", "retURL"}.isdisjoint((*self.fields, *self.test)):
            raise ValueError(
                "oid, encoding and retURL are not among the fields: they are sent, or left out, by themselves"
            )
        known = {"oid": self.oid, "encoding": "UTF-8"}
        bodies.refuse_unfit([*self.fields, *self.test], "form")
        self._write = bodies.from_fields(self.fields, known, self.test, kind="form", envelope="")
        return self

    def call(self, handover: Handover) -> Call:
        return Call(
            method="POST",
            url=f"{self.url}{'&' if '?' in self.url else '?'}encoding=UTF-8&orgId={self.oid}",
            headers={
                "content-type": bodies.CONTENT_TYPES["form"],
                "webhook-id": str(handover.delivery_id),
            },
            body=self._write(handover),
            timeout=self.timeout.seconds if self.timeout is not None else None,
        )


@adapters.register
class SalesforceWeb(Adapter[SalesforceWebSettings]):
    """The form answers 200 to whatever comes. The one sign is a header, and even that says only that it was read."""

    name = "salesforce_web"
    settings = SalesforceWebSettings
    examples = (
        {
            "oid": "00D5g000000AbCd",
            "fields": {
                "first_name": "first_name",
                "last_name": "last_name",
                "email": "email",
                "company": {"value": "Private"},
                "lead_source": {"value": "Lead House"},
            },
            "proof": "processed",
        },
        {
            "oid": "00D5g000000AbCdEAK",
            "fields": {"last_name": "last_name", "phone": "phone", "00N5g000000AbCd": "delivery_id"},
            "proof": "confirmed",
            "test": {"description": "A test"},
        },
    )

    def converse(self, handover: Handover, to: SalesforceWebSettings) -> Conversation:
        try:
            call = to.call(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the form can't be filled: {failed}")
        reply: Reply = yield call
        return outcome(reply, handover.at, proof=to.proof)


def outcome(reply: Reply, at: datetime, *, proof: Literal["processed", "confirmed"]) -> Outcome:
    """`Is-Processed: true` without an exception is the most that it ever says."""
    if (plain := by_status(reply, at)) is not None:
        return plain
    said = reply.headers.get("is-processed", "").strip()
    if (found := _EXCEPTION.search(said)) is not None:
        return Unclear(reason="not_processed", read=f"Is-Processed: {found[1].rpartition('.')[2]}")
    if said.lower() != "true":
        read = "no word of Is-Processed" if not said else "Is-Processed is not true"
        return Unclear(reason="not_processed", read=read)
    if proof == "confirmed":
        return Unclear(reason="unconfirmed", read="Is-Processed: true; the buyer's own word decides")
    return Accepted(read="Is-Processed: true")
