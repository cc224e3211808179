"""Answers as CAKE does, so that its affiliates change only the host of `d.ashx`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import SecretStr

from app.core.errors import NoKey, NotFound, Refused, Unreadable
from app.ingest.reply import (
    Asked,
    Identifier,
    Posted,
    Reply,
    ReplySettings,
    Result,
    Said,
    not_spoken,
    replies,
)
from app.ingest.wording import XML, as_xml

_TEST_NAME = "ckmtest"
_TOLD_BY_NAME = ("first_name", "last_name", "address")


class CakeSettings(ReplySettings):
    ckm_campaign_id: Identifier | None = None
    ckm_key: SecretStr | None = None


@replies.register
class Cake(Reply):
    """Credentials stand in the query string even where the body is XML (`ckm_xml=1`). `ckm_subid` stays with the lead."""

    name = "cake"
    settings = CakeSettings
    credentials: ClassVar[Mapping[str, str]] = {"ckm_campaign_id": "ckm_campaign_id", "ckm_key": "ckm_key"}
    key_words = ("ckm_key",)
    words = frozenset(("ckm_test", "ckm_xml", "ckm_lead_id", "ckm_resell", "ckm_request_id"))
    examples = (
        (
            Asked(
                tail="d.ashx",
                query=b"ckm_xml=1&ckm_campaign_id=3870&ckm_key=s3cret&ckm_test=1",
                body=b"<XML><f_name>Ann</f_name><ckm_subid>17</ckm_subid></XML>",
            ),
            {"ckm_campaign_id": 3870, "ckm_key": "s3cret"},
            {"ckm_campaign_id": "3870", "ckm_key": "s3cret", "ckm_xml": "1", "ckm_test": "1"},
            {"f_name": "Ann", "ckm_subid": "17"},
        ),
        (
            Asked(
                method="GET",
                tail="d.ashx",
                query=b"ckm_campaign_id=3870&ckm_key=s3cret&ckm_subid=17&f_name=Ann",
            ),
            {"ckm_campaign_id": 3870, "ckm_key": "s3cret"},
            {"ckm_key": "s3cret"},
            {"ckm_subid": "17", "f_name": "Ann"},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        if posted.word("ckm_lead_id"):
            raise not_spoken("the update of a lead (ckm_lead_id)")

    def is_test(self, posted: Posted) -> bool:
        named = (str(posted.records[0].get(name, "")).strip().lower() for name in _TOLD_BY_NAME)
        return posted.says("ckm_test") or _TEST_NAME in named

    def content_type(self, posted: Posted) -> str:
        return XML if posted.says("ckm_xml") else super().content_type(posted)

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        if not one.taken:
            return _error(_words(one), {"leadid": str(one.lead), "price": "0.00"})
        tree = {"code": 0, "msg": "success", "leadid": str(one.lead), "price": one.price or "0.00"}
        return as_xml("result", tree)

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        words = [problem.detail]
        if isinstance(problem, NoKey):
            words = ["Invalid Post Key"]
        elif isinstance(problem, NotFound):
            words = ["Inactive Campaign"]
        elif isinstance(problem, Unreadable) and posted.says("ckm_xml"):
            words = ["Invalid XML Format", problem.detail]
        return _error(words, {}, self.status(problem), problem.headers)


def _words(one: Result) -> list[str]:
    if one.standing == "duplicate":
        return ["Duplicate Lead"]
    if one.standing == "no_buyer":
        return ["No Qualified Buyers Found"]
    missing = all(reason.get("code") == "missing" for reason in one.reasons)
    return ["Lead Missing Data" if missing else "Validation Failed", *one.messages]


def _error(
    words: list[str], lead: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] = {}
) -> Said:
    return as_xml("result", {"code": 1, "msg": "error", "errors": {"error": words}, **lead}, status, headers)
