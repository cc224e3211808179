"""Answers as LeadExec does, in JSON or XML as its path says, so that vendors change only the host."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import SecretStr

from app.core.errors import NoKey, NotFound, Refused
from app.ingest.reply import Asked, Identifier, Offer, Posted, Reply, ReplySettings, Result, Said, replies
from app.ingest.wording import as_json, as_xml

_TYPES = (
    "No_Error",
    "System_ID_Missing",
    "LeadType_ID_Missing",
    "Vendor_ID_Missing",
    "No_Account_Found",
    "Outside_Criteria",
    "Duplicate_Lead",
    "Account_Disabled",
    "Post_Over_Max",
    "Data_Errors",
)
_OF_STANDING = {"no_buyer": 5, "duplicate": 6, "rejected": 9}


class LeadExecSettings(ReplySettings):
    vid: Identifier | None = None
    lid: Identifier | None = None
    aid: Identifier | None = None
    password: SecretStr | None = None


@replies.register
class LeadExec(Reply):
    """`ResponseType` is a number in JSON and a name in XML. `LeadIdentifier` is `Result.number`, `PostID` our own id."""

    name = "leadexec"
    settings = LeadExecSettings
    credentials: ClassVar[Mapping[str, str]] = {
        "vid": "vid",
        "lid": "lid",
        "aid": "aid",
        "password": "password",
    }
    key_words = ("password",)
    words = frozenset(("orderid", "response_type", "returnurl"))
    ping_words: ClassVar[Mapping[str, str]] = {"ping_id": "orderid"}
    examples = (
        (
            Asked(
                tail="leads/general/json",
                query=b"vid=101&lid=202&aid=303&password=s3cret",
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=b"FirstName=Ann&Email=ann%40example.com",
            ),
            {"vid": 101, "lid": 202, "password": "s3cret"},
            {"vid": "101", "lid": "202", "aid": "303", "password": "s3cret"},
            {"FirstName": "Ann", "Email": "ann@example.com"},
        ),
    )

    def pings(self, posted: Posted) -> bool:
        return "ping" in posted.asked.tail.lower().split("/")

    def secrets(self, posted: Posted) -> list[str]:
        headers = posted.asked.headers
        return [
            *super().secrets(posted),
            *(headers.get(name, "").strip() for name in ("api-key", "access_token")),
        ]

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        tree = {
            "PostID": str(one.lead),
            "isValidPost": one.taken,
            "ResponseType": 0 if one.taken else _OF_STANDING[one.standing],
            "ResponseDetail": "Lead was accepted" if one.taken else "; ".join(one.messages),
            "LeadIdentifier": one.number,
            "VendorAccountAssigned": _whole(posted.word("aid")),
            "PendingQCReview": one.standing in ("pending", "held"),
        }
        return _said(posted, tree)

    def bid(self, offer: Offer, posted: Posted) -> Said:
        """`PostID` is what the post names as `orderid`."""
        tree = _nothing(0, "Ping was accepted") | {
            "PostID": offer.ping_id,
            "isValidPost": True,
            "Price": offer.price,
        }
        return _said(posted, tree)

    def no_bid(self, posted: Posted) -> Said:
        return _said(posted, _nothing(5, "no bid"))

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        tree = _nothing(_type_of(problem, posted), problem.detail)
        return _said(posted, tree, self.status(problem), problem.headers)


def _type_of(problem: Refused, posted: Posted) -> int:
    if isinstance(problem, NoKey):
        missing = [number for word, number in (("vid", 3), ("lid", 2)) if not posted.word(word)]
        return missing[0] if missing else 4
    if isinstance(problem, NotFound):
        return 7
    return 8 if problem.status == 429 or problem.status >= 500 else 9


def _nothing(number: int, detail: str) -> dict[str, Any]:
    return {
        "PostID": None,
        "isValidPost": False,
        "ResponseType": number,
        "ResponseDetail": detail,
        "LeadIdentifier": 0,
        "VendorAccountAssigned": 0,
        "PendingQCReview": False,
    }


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _said(posted: Posted, tree: dict[str, Any], code: int = 200, headers: Mapping[str, str] = {}) -> Said:
    steps = posted.asked.tail.lower().split("/")
    if "xml" in steps or posted.word("response_type").lower() == "xml":
        return as_xml("PostResponse", {**tree, "ResponseType": _TYPES[tree["ResponseType"]]}, code, headers)
    return as_json(tree, code, headers)
