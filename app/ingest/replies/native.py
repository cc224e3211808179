"""Answers in our own words as JSON, XML or plain text, for those who can send no header and follow no status."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from app.core.errors import Refused, WrongMethod
from app.ingest.forced import asked
from app.ingest.reply import Asked, Posted, Reply, ReplySettings, Result, Said, replies
from app.ingest.wording import JSON, XML, as_json, as_xml, chosen

TEXT = "text/plain"
_NAMED = {"json": JSON, "xml": XML, "text": TEXT}


class NativeSettings(ReplySettings):
    get: bool = Field(False, description="Leads may come by GET, in the query string.")


@replies.register
class Native(Reply):
    """The key in a header, or as `key`; the answer by `format=json|xml|text`, or by Accept."""

    name = "native"
    settings = NativeSettings
    key_words = ("key",)
    words = frozenset(("format", "test"))
    redirect = "redir_url"
    several = True
    http = True
    examples = (
        (
            Asked(
                query=b"format=text&test=1",
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=b"key=lg_src_1&first_name=Ann&email=ann%40example.com",
            ),
            {},
            {"key": "lg_src_1", "format": "text", "test": "1"},
            {"first_name": "Ann", "email": "ann@example.com"},
        ),
        (
            Asked(method="GET", query=b"key=lg_src_1&first_name=Ann"),
            {"get": True},
            {"key": "lg_src_1"},
            {"first_name": "Ann"},
        ),
    )

    def refuse_other_calls(self, posted: Posted) -> None:
        if posted.asked.method == "GET" and not posted.settings.get:
            raise WrongMethod("leads are posted", headers={"Allow": "POST"})

    def is_test(self, posted: Posted) -> bool:
        return asked(posted.word("test"), "test").test

    def forced(self, posted: Posted) -> str:
        return asked(posted.word("test"), "test").result

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        documents = [_document(one) for one in results]
        status = 202 if any(one.state for one in results) else 201
        kind, several = _kind(posted), len(documents) > 1
        if kind == JSON:
            return as_json({"results": documents} if several else documents[0], status)
        if kind == XML:
            each = [_for_xml(document) for document in documents]
            return (
                as_xml("results", {"result": each}, status) if several else as_xml("result", each[0], status)
            )
        return Said(status, "\n".join(map(_lines, documents)).encode(), f"{TEXT}; charset=utf-8")

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        told, headers = problem.problem(), problem.headers
        kind = _kind(posted)
        if kind == XML:
            return as_xml("problem", told, problem.status, headers)
        if kind == TEXT:
            text = f"error: {problem.reason}\nreason: {problem.detail}\n"
            return Said(problem.status, text.encode(), f"{TEXT}; charset=utf-8", headers)
        said = as_json(told, problem.status, headers)
        return Said(said.status, said.body, "application/problem+json", headers)


def _kind(posted: Posted) -> str:
    named = _NAMED.get(posted.word("format").lower())
    return named or chosen(posted.asked.headers.get("accept", ""), (JSON, XML, TEXT)) or JSON


def _document(one: Result) -> dict[str, Any]:
    """As `POST /v1/leads` answers."""
    outcome = "success" if one.standing == "accepted" else "pending" if one.state else "failure"
    document: dict[str, Any] = {"outcome": outcome, "lead": {"id": str(one.lead)}}
    if one.state:
        return document | {"state": one.state, "status_url": one.status_url}
    if one.price:
        document["price"] = one.price
    if one.reasons:
        document |= {"reason": one.why, "reasons": [dict(reason) for reason in one.reasons]}
    return document


def _for_xml(document: Mapping[str, Any]) -> dict[str, Any]:
    reasons = {"reasons": {"reason": document["reasons"]}} if "reasons" in document else {}
    return {**{name: value for name, value in document.items() if name != "reason"}, **reasons}


def _lines(document: Mapping[str, Any]) -> str:
    """`name: value`, a line each; a blank line between two leads."""
    names = ("outcome", "id", "state", "price", "reason", "status_url")
    flat = {**document, "id": document["lead"]["id"]}
    return "".join(f"{name}: {flat[name]}\n" for name in names if name in flat)
