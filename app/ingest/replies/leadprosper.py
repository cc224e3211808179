"""Answers as Lead Prosper does, so that its suppliers change only the host of `direct_post`."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import SecretStr

from app.core.errors import Refused
from app.ingest.reply import (
    Asked,
    Identifier,
    Offer,
    Posted,
    Reply,
    ReplySettings,
    Result,
    Said,
    last_step,
    not_spoken,
    replies,
)
from app.ingest.wording import as_json

_OK, _DUPLICATE, _ERROR = 0, 1008, 1


class LeadProsperSettings(ReplySettings):
    lp_campaign_id: Identifier | None = None
    lp_supplier_id: Identifier | None = None
    lp_key: SecretStr | None = None


@replies.register
class LeadProsper(Reply):
    """Credentials stand in the body. `lp_subid1` and `lp_subid2` stay with the lead, to be mapped."""

    name = "leadprosper"
    settings = LeadProsperSettings
    methods = ("POST",)
    credentials: ClassVar[Mapping[str, str]] = {
        "lp_campaign_id": "lp_campaign_id",
        "lp_supplier_id": "lp_supplier_id",
        "lp_key": "lp_key",
    }
    key_words = ("lp_key",)
    words = frozenset(("lp_action", "lp_ping_id", "bid_id"))
    ping_words: ClassVar[Mapping[str, str]] = {"ping_id": "lp_ping_id", "bid_id": "bid_id"}
    examples = (
        (
            Asked(
                tail="direct_post",
                headers={"content-type": "application/json"},
                body=b'{"lp_campaign_id": 13000, "lp_supplier_id": 27000, "lp_key": "s3cret", "lp_action": "test",'
                b' "lp_subid1": "17", "first_name": "Ann", "zip_code": 78701}',
            ),
            {"lp_campaign_id": 13000, "lp_supplier_id": "27000", "lp_key": "s3cret"},
            {"lp_campaign_id": "13000", "lp_supplier_id": "27000", "lp_key": "s3cret", "lp_action": "test"},
            {"lp_subid1": "17", "first_name": "Ann", "zip_code": 78701},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        if last_step(posted.asked.tail) not in ("", "direct_post", "post", "ping"):
            raise not_spoken("this address")

    def pings(self, posted: Posted) -> bool:
        return last_step(posted.asked.tail) == "ping"

    def is_test(self, posted: Posted) -> bool:
        return posted.word("lp_action").lower() == "test"

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        if one.taken:
            message = "" if one.standing == "accepted" else "accepted, still to be decided"
            return _said("ACCEPTED", _OK, message, one)
        if one.standing == "duplicate":
            return _said("DUPLICATED", _DUPLICATE, "Duplicate lead", one)
        return _said("ERROR", _ERROR, "; ".join(one.messages), one)

    def bid(self, offer: Offer, posted: Posted) -> Said:
        tree = {
            "status": "ACCEPTED",
            "code": _OK,
            "message": "",
            "ping_id": offer.ping_id,
            "payout": offer.price,
        }
        bids = [{"bid_id": one["bid_id"], "buyer": one["name"]} for one in offer.buyers]
        return as_json({**tree, "bids": bids} if bids else tree)

    def no_bid(self, posted: Posted) -> Said:
        return as_json({"status": "ERROR", "code": _ERROR, "message": "No bid"})

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        tree = {"status": "ERROR", "code": _ERROR, "message": problem.detail}
        return as_json(tree, self.status(problem), problem.headers)


def _said(status: str, code: int, message: str, one: Result) -> Said:
    return as_json(
        {"status": status, "code": code, "message": message, "lead_id": str(one.lead), "redirect_url": ""}
    )
