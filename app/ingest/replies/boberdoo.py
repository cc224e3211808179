"""Answers as boberdoo does, in XML and JSON, so that its vendors change only the host that they post to."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from app.core.errors import Refused
from app.ingest.raw import written
from app.ingest.reply import Asked, Offer, Posted, Reply, ReplySettings, Result, Said, not_spoken, replies
from app.ingest.wording import as_json, as_xml

_ZIP, _BOUGHT = frozenset(("zip", "zip_code", "postal_code")), frozenset(("00001", "00002"))
_ACTIONS = frozenset(("", "submitlead", "pingpostlead", "pingpostconsent"))


class BoberdooSettings(ReplySettings):
    key: SecretStr | None = Field(None, description="What the vendor sends as `Key`.")
    response: Literal["short", "success"] = Field(
        "short",
        description="`success` hides whether a buyer was found, as boberdoo's Success/Error response.",
    )


@replies.register
class Boberdoo(Reply):
    """`Mode=full` is a post. The vendor's `SRC`, `Sub_ID` and `Pub_ID` stay with the lead, to be mapped."""

    name = "boberdoo"
    settings = BoberdooSettings
    credentials: ClassVar[Mapping[str, str]] = {"key": "key"}
    key_words = ("key",)
    words = frozenset(
        (
            "api_action",
            "mode",
            "type",
            "format",
            "test_lead",
            "return_best_price",
            "lead_id",
            "bid_id",
            "cost",
        )
    )
    wraps = ("request", "data")
    ping_words: ClassVar[Mapping[str, str]] = {"ping_id": "lead_id", "bid_id": "bid_id"}
    examples = (
        (
            Asked(
                method="GET",
                tail="new_api/api.php",
                query=b"Key=s3cret&API_Action=pingPostLead&Mode=full&TYPE=33&SRC=acme&First_Name=Ann&Zip=78701",
            ),
            {"key": "s3cret"},
            {"key": "s3cret", "api_action": "pingPostLead", "mode": "full", "type": "33"},
            {"SRC": "acme", "First_Name": "Ann", "Zip": "78701"},
        ),
        (
            Asked(
                tail="new_api/api.php",
                headers={"content-type": "application/json"},
                body=b'{"Request": {"Key": "s3cret", "API_Action": "pingPostLead", "Mode": "post", "TYPE": "33",'
                b' "Format": "JSON", "Test_Lead": 1, "First_Name": "Ann", "Zip": "78701"}}',
            ),
            {"key": "s3cret"},
            {"mode": "post", "format": "JSON", "test_lead": "1"},
            {"First_Name": "Ann", "Zip": "78701"},
        ),
        (
            Asked(
                tail="apiXML.php",
                headers={"content-type": "text/xml"},
                body=b"<Request><Key>s3cret</Key><Mode>post</Mode><TYPE>33</TYPE>"
                b"<Data><SRC>acme</SRC><Zip>78701</Zip></Data></Request>",
            ),
            {"key": "s3cret", "response": "success"},
            {"key": "s3cret", "type": "33"},
            {"SRC": "acme", "Zip": "78701"},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        if posted.word("api_action").lower() not in _ACTIONS:
            raise not_spoken("this API_Action")

    def pings(self, posted: Posted) -> bool:
        return posted.word("mode").lower() == "ping"

    def is_test(self, posted: Posted) -> bool:
        return posted.says("test_lead")

    def forced(self, posted: Posted) -> str:
        """Its test ZIPs: 00001 finds one buyer, 00002 two."""
        zips = {written(value) for name, value in posted.records[0].items() if name.lower() in _ZIP}
        return "accepted" if zips & _BOUGHT else ""

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        if one.standing in ("duplicate", "rejected"):
            return _said(posted, "Error", {"lead_id": str(one.lead), "error": "; ".join(one.messages)})
        lead: dict[str, Any] = {"lead_id": str(one.lead)}
        if posted.settings.response == "success":
            return _said(posted, "Success", lead)
        if one.taken and one.price:
            lead["price"] = one.price
        return _said(posted, "Matched" if one.taken else "Unmatched", lead)

    def bid(self, offer: Offer, posted: Posted) -> Said:
        """`lead_id` is the ping's: the post names it as `Lead_ID`, and as `bid_id` whose bid it takes."""
        told: dict[str, Any] = {"lead_id": offer.ping_id, "price": offer.price}
        named = [{"bid_id": one["bid_id"], "seller_company_name": one["name"]} for one in offer.buyers]
        return _said(posted, "Matched", told | ({"bids": {"bid": named}} if named else {}))

    def no_bid(self, posted: Posted) -> Said:
        return _said(posted, "Unmatched", {})

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        return _said(posted, "Error", {"error": problem.detail}, self.status(problem), problem.headers)


def _said(
    posted: Posted, status: str, more: Mapping[str, Any], code: int = 200, headers: Mapping[str, str] = {}
) -> Said:
    tree: dict[str, Any] = {"status": status}
    if posted.word("type"):
        tree["lead_type"] = posted.word("type")[:40]
    tree |= more
    wanted = posted.word("format").lower() or posted.asked.headers.get("content-type", "").lower()
    if "json" in wanted:
        return as_json({"response": tree}, code, headers)
    return as_xml("response", tree, code, headers)
