"""Answers as LeadsPedia does, so that its affiliates change only the host of `post.do`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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
from app.ingest.wording import as_json, as_xml


class LeadsPediaSettings(ReplySettings):
    lp_campaign_id: Identifier | None = None
    lp_campaign_key: SecretStr | None = None


@replies.register
class LeadsPedia(Reply):
    """`lp_s1` to `lp_s5` stay with the lead, to be mapped."""

    name = "leadspedia"
    settings = LeadsPediaSettings
    credentials: ClassVar[Mapping[str, str]] = {
        "lp_campaign_id": "lp_campaign_id",
        "lp_campaign_key": "lp_campaign_key",
    }
    key_words = ("lp_campaign_key",)
    words = frozenset(("lp_test", "lp_response", "lp_ping_id"))
    wraps = ("auth", "mode", "lead")
    ping_words: ClassVar[Mapping[str, str]] = {"ping_id": "lp_ping_id"}
    examples = (
        (
            Asked(
                tail="post.do",
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=b"lp_campaign_id=5e3000000001&lp_campaign_key=s3cret&lp_s1=17&lp_test=1"
                b"&first_name=Ann&zip_code=78701",
            ),
            {"lp_campaign_id": "5e3000000001", "lp_campaign_key": "s3cret"},
            {"lp_campaign_id": "5e3000000001", "lp_campaign_key": "s3cret", "lp_test": "1"},
            {"lp_s1": "17", "first_name": "Ann", "zip_code": "78701"},
        ),
        (
            Asked(
                tail="post.do",
                headers={"content-type": "application/json"},
                body=b'{"auth": {"lp_campaign_id": "5e3000000001", "lp_campaign_key": "s3cret"},'
                b' "mode": {"lp_test": true}, "lead": {"first_name": "Ann"}}',
            ),
            {"lp_campaign_id": "5e3000000001", "lp_campaign_key": "s3cret"},
            {"lp_test": "true"},
            {"first_name": "Ann"},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        if last_step(posted.asked.tail) not in ("", "post.do", "ping.do"):
            raise not_spoken("this address")

    def pings(self, posted: Posted) -> bool:
        return last_step(posted.asked.tail) == "ping.do"

    def is_test(self, posted: Posted) -> bool:
        return posted.says("lp_test")

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        tree = {
            "result": "success" if one.taken else "failed",
            "lead_id": str(one.lead),
            "price": one.price or "0.00",
            "redirect_url": "",
            "msg": _message(one),
        }
        return _said(posted, tree, [] if one.taken else _errors(one))

    def bid(self, offer: Offer, posted: Posted) -> Said:
        tree = {"result": "success", "ping_id": offer.ping_id, "price": offer.price, "msg": "Ping Accepted"}
        return _said(posted, tree, [])

    def no_bid(self, posted: Posted) -> Said:
        tree = {"result": "failed", "ping_id": "", "price": "0.00", "msg": "Ping Rejected"}
        return _said(posted, tree, ["No Match"])

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        tree = {
            "result": "failed",
            "lead_id": "",
            "price": "0.00",
            "redirect_url": "",
            "msg": "Lead Rejected",
        }
        return _said(posted, tree, [problem.detail], self.status(problem), problem.headers)


def _message(one: Result) -> str:
    if not one.taken:
        return "Lead Rejected"
    return "Lead Accepted" if one.standing == "accepted" else "Lead Queued"


def _errors(one: Result) -> list[str]:
    if one.standing == "no_buyer":
        return ["No Match"]
    return ["Duplicate Lead"] if one.standing == "duplicate" else one.messages


def _said(
    posted: Posted,
    tree: Mapping[str, Any],
    errors: list[str],
    code: int = 200,
    headers: Mapping[str, str] = {},
) -> Said:
    wanted = posted.word("lp_response").lower()
    if wanted == "json" or (not wanted and "json" in posted.asked.headers.get("content-type", "").lower()):
        return as_json({**tree, "errors": errors} if errors else tree, code, headers)
    more = {"errors": {"error": errors}} if errors else {}
    return as_xml("response", {**tree, **more}, code, headers)
