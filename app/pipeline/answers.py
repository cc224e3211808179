"""What a source is told of its lead, and how it waits for it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import orjson
from msgspec import Struct

from app.core.loop import running_loop
from app.core.money import written
from app.model import Finding

AnswerOutcome = Literal["success", "failure", "pending"]

_NO_BUYER = ({"code": "no_buyer", "field": "", "message": "no buyer took this lead"},)
_COARSE = ({"code": "refused", "field": "", "message": "the lead was not accepted"},)
_UNPAID = ({"code": "unpaid", "field": "", "message": "nothing is paid for this lead"},)
ZERO = Decimal(0)


class Answer(Struct, frozen=True, gc=False):
    """The answer to one lead. `price` is None while it is pending or where the source has no price."""

    lead_id: UUID
    outcome: AnswerOutcome
    state: str
    price: Decimal | None = None
    reasons: Sequence[Mapping[str, str]] = ()

    def document(self, base: str) -> dict[str, Any]:
        """The JSON shape that sources get; `base` is the address that status addresses begin with."""
        lead_id = str(self.lead_id)
        doc: dict[str, Any] = {"outcome": self.outcome, "lead": {"id": lead_id}}
        if self.outcome == "pending":
            doc["state"] = self.state
            doc["status_url"] = f"{base}/v1/leads/{lead_id}"
            return doc
        if self.price is not None:
            doc["price"] = written(self.price)
        if self.reasons:
            doc["reason"] = self.reasons[0]["message"]
            doc["reasons"] = list(self.reasons)
        return doc


def pending_json(answer: Answer, base: str) -> bytes:
    """`document` of a pending answer, written: the one answer that is given as often as leads come."""
    lead_id = str(answer.lead_id)
    return (
        f'{{"outcome":"pending","lead":{{"id":"{lead_id}"}},"state":"{answer.state}",'
        f'"status_url":{_opened(base)}/v1/leads/{lead_id}"}}'
    ).encode()


@lru_cache(64)
def _opened(base: str) -> str:
    """As JSON text, its closing quote left out; a client's Host header may hold anything."""
    return orjson.dumps(base).decode()[:-1]


def pending(lead_id: UUID, state: str) -> Answer:
    return Answer(lead_id, "pending", state)


def bought(
    lead_id: UUID, state: str, price: Decimal | None, reasons: Sequence[Mapping[str, str]] = ()
) -> Answer:
    """`reasons`: what there is to say of a lead that was taken all the same."""
    return Answer(lead_id, "success", state, price, reasons)


def refused(lead_id: UUID, state: str, price: Decimal | None, reasons: Sequence[Mapping[str, str]]) -> Answer:
    """A business no: nothing is owed, so the price is 0 where the source has one."""
    return Answer(lead_id, "failure", state, None if price is None else ZERO, reasons)


def reasons_of(findings: Iterable[Finding], *, coarse: bool) -> Sequence[Mapping[str, str]]:
    """What a source may read of the findings that decided."""
    if coarse:
        return _COARSE
    return [_reason(f) for f in findings]


def taken_reasons(findings: Iterable[Finding], *, coarse: bool) -> Sequence[Mapping[str, str]]:
    """What a source may read of a lead that is taken: which of its own it repeats, and that nothing is paid."""
    if coarse:
        return _UNPAID if any(f.action == "dont_pay" for f in findings) else ()
    return [_reason(f) for f in findings]


def _reason(finding: Finding) -> dict[str, str]:
    """An earlier lead is named where it is the source's own."""
    said = {"code": finding.code, "field": finding.field, "message": finding.message}
    if finding.facts.get("own"):
        said["lead"] = str(finding.facts["earlier"])
    return said


def unsold_reasons(*, coarse: bool) -> Sequence[Mapping[str, str]]:
    return _COARSE if coarse else _NO_BUYER


def encode_reasons(reasons: Sequence[Mapping[str, str]]) -> str:
    return orjson.dumps(list(reasons)).decode()


def kept_reasons(reasons: Sequence[Mapping[str, str]]) -> str | None:
    """As a lead's row keeps them."""
    return encode_reasons(reasons) if reasons else None


class Waiting:
    """The sources that wait for an answer, by lead. An answer nobody waits for is dropped: it is in the rows."""

    def __init__(self) -> None:
        self._by_lead: dict[UUID, list[asyncio.Future[Answer]]] = {}

    def __len__(self) -> int:
        return len(self._by_lead)

    def wait(self, lead_id: UUID) -> asyncio.Future[Answer]:
        """Ask before the lead goes its way, so that no answer is missed."""
        future: asyncio.Future[Answer] = running_loop().create_future()
        waiting = self._by_lead.get(lead_id)
        if waiting is None:
            self._by_lead[lead_id] = [future]
        else:
            waiting.append(future)
        return future

    def resolve(self, answer: Answer) -> None:
        for future in self._by_lead.pop(answer.lead_id, ()):
            if not future.done():
                future.set_result(answer)

    def give_up(self, lead_id: UUID, state: str) -> None:
        """The deadline: whatever is known by then is the answer."""
        self.resolve(pending(lead_id, state))

    def forget(self, lead_ids: Iterable[UUID], futures: Iterable["asyncio.Future[Answer]"]) -> None:
        """These wait no more, answered or not; others may."""
        for lead_id, future in zip(lead_ids, futures, strict=True):
            waiting = self._by_lead.get(lead_id)
            if waiting is None:
                continue
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                del self._by_lead[lead_id]

    def waits(self, lead_id: UUID) -> bool:
        return lead_id in self._by_lead
