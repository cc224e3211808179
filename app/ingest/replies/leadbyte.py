"""Answers as LeadByte does, its classic `submit.php` and its REST queue, so that suppliers change only the host."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Self
from uuid import UUID

from msgspec.structs import replace
from pydantic import Field, SecretStr, model_validator

from app.core.errors import NoKey, NotFound, Refused
from app.ingest.proofs import same
from app.ingest.reply import (
    Asked,
    Identifier,
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

_WORDS = {
    1: "OK",
    -2: "Duplicate or resubmission",
    -3: "Remote system error",
    -5: "Validation error",
    -7: "Supplier not authorised",
    -9: "Campaign not active",
    -100: "Internal error",
}
_CODES = {"duplicate": -2, "no_buyer": -3, "rejected": -5}


class LeadByteSettings(ReplySettings):
    campid: Identifier | None = None
    sid: Identifier | None = None
    key: SecretStr | None = Field(None, description="The key of the REST API: header `X_KEY`, or `key`.")
    needs_secret = False

    @model_validator(mode="after")
    def _both_or_a_key(self) -> Self:
        if self.key is None and (self.campid is None) != (self.sid is None):
            raise ValueError("campid and sid are said together")
        return self


@replies.register
class LeadByte(Reply):
    """The classic call knows no secret: who knows `campid` and `sid` may post, here as there.

    `leadId` is a number there, and so it is here (`Result.number`); `uuid` beside it is our own id.
    """

    name = "leadbyte"
    settings = LeadByteSettings
    credentials: ClassVar[Mapping[str, str]] = {"campid": "campid", "sid": "sid", "key": "key"}
    key_words = ("key",)
    words = frozenset(("returnjson",))
    examples = (
        (
            Asked(
                method="GET",
                tail="api/submit.php",
                query=b"campid=SOLAR&sid=7&returnjson=yes&firstname=Ann&email=ann%40example.com",
            ),
            {"campid": "SOLAR", "sid": 7},
            {"campid": "SOLAR", "sid": "7", "returnjson": "yes"},
            {"firstname": "Ann", "email": "ann@example.com"},
        ),
        (
            Asked(
                tail="restapi/v1.3/leads",
                headers={"content-type": "application/json", "x_key": "s3cret"},
                body=b'{"campid": "SOLAR", "sid": "7", "firstname": "Ann", "email": "ann@example.com"}',
            ),
            {"key": "s3cret"},
            {"campid": "SOLAR"},
            {"firstname": "Ann", "email": "ann@example.com"},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        tail = posted.asked.tail.lower().strip("/")
        if last_step(tail) not in ("", "submit.php", "leads") and "/apiqueue/" not in f"/{tail}":
            raise not_spoken("this address")

    def asks_about(self, posted: Posted) -> UUID | None:
        before, _, queued = posted.asked.tail.strip("/").rpartition("/")
        if last_step(before) == "apiqueue":
            with suppress(ValueError):
                return UUID(queued)
        return None

    def secrets(self, posted: Posted) -> list[str]:
        return [*super().secrets(posted), _header(posted)]

    def proves(self, posted: Posted, settings: Any) -> bool:
        key = _header(posted) or posted.word("key")
        if self.asks_about(posted) is not None:
            return settings.key is not None and same(key, settings.key.get_secret_value())
        return super().proves(replace(posted, words={**posted.words, "key": key}), settings)

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        code = 1 if one.taken else _CODES[one.standing]
        if _is_rest(posted):
            return _queued(one, code, asked_again=self.asks_about(posted) is not None)
        info = [] if one.taken else one.messages
        return _classic(posted, code, info, {"leadId": one.number, "uuid": str(one.lead)})

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        code = -100 if problem.status >= 500 else -5
        if isinstance(problem, NoKey):
            code = -7
        elif isinstance(problem, NotFound):
            code = -9
        status, headers = self.status(problem), problem.headers
        if _is_rest(posted):
            tree = {"status": "Error", "code": code, "message": problem.detail, "results": []}
            return as_json(tree, status, headers)
        return _classic(posted, code, [problem.detail], {"leadId": None}, status, headers)


def _header(posted: Posted) -> str:
    return posted.asked.headers.get("x_key", "").strip()


def _is_rest(posted: Posted) -> bool:
    return "restapi" in posted.asked.tail.lower().split("/")


def _classic(
    posted: Posted,
    code: int,
    info: list[str],
    lead: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] = {},
) -> Said:
    about = {"processTime": round(posted.took, 3), "timestamp": posted.asked.at}
    return as_json({"code": code, "response": _WORDS[code], "info": info, **lead, **about}, status, headers)


def _queued(one: Result, code: int, *, asked_again: bool) -> Said:
    """A lead that is taken is queued; what became of it is asked at `apiqueue`."""
    words = {"accepted": "Accepted" if asked_again else "Queued", "pending": "Queued", "held": "Queued"}
    result: dict[str, Any] = {
        "queueId": str(one.lead),
        "status": words.get(one.standing, "Rejected"),
        "code": code,
    }
    if code != 1:
        result |= {"response": _WORDS[code], "info": one.messages}
    if asked_again:
        result["leadId"] = one.number
    return as_json(
        {"status": "Success" if code == 1 else "Error", "code": code, "message": "", "results": [result]}
    )
