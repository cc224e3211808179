"""Answers as LeadConduit does, so that its sources change only the address that they submit to."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import SecretStr

from app.core.errors import Refused, UnknownType, Unreadable
from app.ingest.reply import (
    Asked,
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
from app.ingest.wording import JSON, XML, as_json, as_xml, chosen
from app.model import Record

_PATH = re.compile(r"flows/([^/]+)/sources/([^/]+)(?:/|\Z)")
_CERTIFICATE = "trustedform_cert_url"
_CERTIFICATES = ("xxtrustedformcerturl", "xxtrustedformpingurl", "trustedform_ping_url")
_BREAKS = bytes.maketrans(b"\t\r\n", b"   ")


class LeadConduitSettings(ReplySettings):
    flow_id: SecretStr | None = None
    source_id: SecretStr | None = None


@replies.register
class LeadConduit(Reply):
    """Both ids stand in the path, and are all the proof there is; a key of ours may stand for the source's."""

    name = "leadconduit"
    settings = LeadConduitSettings
    credentials: ClassVar[Mapping[str, str]] = {"flow_id": "/flow", "source_id": "/source"}
    key_words = ("/source",)
    redirect = "redir_url"
    strict = True
    http = True
    examples = (
        (
            Asked(
                tail="flows/5f1e00000000000000000001/sources/5f1e00000000000000000002/submit",
                query=b"sub_id=17",
                headers={"content-type": "application/json"},
                body=b'{"first_name": "Ann", "email": "ann@example.com", "xxTrustedFormCertUrl": "https://cert.trustedform.com/1"}',
            ),
            {"flow_id": "5f1e00000000000000000001", "source_id": "5f1e00000000000000000002"},
            {"/flow": "5f1e00000000000000000001", "/source": "5f1e00000000000000000002"},
            {
                "first_name": "Ann",
                "email": "ann@example.com",
                "trustedform_cert_url": "https://cert.trustedform.com/1",
                "sub_id": "17",
            },
        ),
    )

    def said_by_path(self, tail: str) -> Mapping[str, str]:
        found = _PATH.search(tail)
        return {"/flow": found[1], "/source": found[2]} if found else {}

    def refuse_other_calls(self, posted: Posted) -> None:
        step = last_step(posted.asked.tail)
        if step not in ("", "submit", "ping"):
            raise not_spoken("this address")

    def pings(self, posted: Posted) -> bool:
        return last_step(posted.asked.tail) == "ping"

    def mended(self, body: bytes) -> bytes | None:
        """Tabs and line ends inside of texts, which JSON doesn't allow."""
        return body.translate(_BREAKS) if body.lstrip()[:1] in (b"{", b"[") else None

    def renamed(self, record: Record) -> Record:
        known = {name.lower(): name for name in record}
        mine = next((known[alias] for alias in _CERTIFICATES if alias in known), None)
        if mine is None or _CERTIFICATE in record:
            return record
        return {_CERTIFICATE if name == mine else name: value for name, value in record.items()}

    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        one = results[0]
        tree: dict[str, Any] = {"outcome": "success" if one.taken else "failure"}
        if not one.taken:
            tree["reason"] = one.why
        tree["lead"] = {"id": str(one.lead)}
        if not one.taken or one.price:
            tree["price"] = float(one.price or 0) or 0
        return _said(posted, tree, 201)

    def bid(self, offer: Offer, posted: Posted) -> Said:
        """LeadConduit gives no token; ours is in `ping_id`, for whoever posts it."""
        tree = {"outcome": "success", "price": float(offer.price), "ping_id": offer.ping_id}
        return _said(posted, tree, 200)

    def no_bid(self, posted: Posted) -> Said:
        return _said(posted, {"outcome": "failure", "reason": "no bid", "price": 0}, 200)

    def refuse(self, problem: Refused, posted: Posted) -> Said:
        if isinstance(problem, Unreadable):
            return Said(problem.status, problem.detail.encode(), "text/plain; charset=utf-8", problem.headers)
        status = self.status(problem)
        if isinstance(problem, UnknownType) and posted.asked.headers.get("content-type", "").strip():
            status = 406
        return _said(posted, {"outcome": "error", "reason": problem.detail}, status, problem.headers)


def _said(posted: Posted, tree: Mapping[str, Any], status: int, headers: Mapping[str, str] = {}) -> Said:
    kind = chosen(posted.asked.headers.get("accept", ""), (JSON, XML, "text/xml"))
    if kind in (XML, "text/xml"):
        return as_xml("result", {name: _number(value) for name, value in tree.items()}, status, headers)
    return as_json(tree, status, headers)


def _number(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value
