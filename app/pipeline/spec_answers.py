"""The answers that a source gets, each made by the code that makes the real ones."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.catalog.documents import SourceDoc
from app.catalog.paying import part_of
from app.core.errors import NoKey, NotDurable, Refused, Unreadable
from app.core.money import written
from app.model import Finding
from app.pipeline.answers import ZERO, Answer, bought, pending, reasons_of, refused, unsold_reasons

_LEAD = UUID("01a20202-b0f1-78ef-b670-e65ac63bbcc6")
_SALE = Decimal("10")
_ERRORS: tuple[tuple[str, Refused], ...] = (
    ("no key", NoKey("send the source's key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")),
    (
        "unreadable",
        Unreadable("broken JSON: the object is not closed", code="syntax", where="line 1, column 7"),
    ),
    ("not kept", NotDurable("too much is waiting to be stored; send it again")),
)
_WHEN = {
    "no key": "no key, or one that is unknown, expired or revoked; nothing was kept",
    "unreadable": "the body is not what its Content-Type says; nothing was kept, mend it first",
    "not kept": "nothing was kept; send the same again after Retry-After seconds",
}


class AnswerSample(BaseModel):
    """`outcome` is what became of the lead, or `error` where nothing was kept."""

    model_config = ConfigDict(frozen=True)

    outcome: str
    when: str
    request: str = "POST"
    status: int
    content_type: str = "application/json"
    body: dict[str, Any]


def answer_samples(source: SourceDoc, base: str, refusals: Iterable[Finding]) -> Iterator[AnswerSample]:
    """Where the source asked for a receipt only, outcomes are read at the status address."""
    receipt = source.reply == "receipt"
    if receipt:
        yield _answer(pending(_LEAD, "received"), "pending", "it is kept; always answered so", base)
    for outcome, answer, when in _outcomes(source, refusals):
        yield _looked_up(outcome, answer, when) if receipt else _answer(answer, outcome, when, base)
    if not receipt:
        late = "it is kept, and still open at the deadline; ask status_url later"
        yield _answer(pending(_LEAD, "delivering"), "pending", late, base)
    for name, problem in _ERRORS:
        yield AnswerSample(
            outcome="error", when=_WHEN[name], status=problem.status,
            content_type="application/problem+json", body=problem.problem(),
        )  # fmt: skip


def _outcomes(source: SourceDoc, refusals: Iterable[Finding]) -> Iterator[tuple[str, Answer, str]]:
    coarse = source.reasons == "coarse"
    state = "delivering" if source.reply == "verdict" else "sold"
    yes = "it passed all checks" if source.reply == "verdict" else "it was bought"
    price = source.price
    if source.revenue_share is not None and source.reply != "verdict":
        price = part_of(_SALE, source.revenue_share)
        yes += f"; price is your part, here of a sale for {written(_SALE)}"
    yield "accepted", bought(_LEAD, state, price), yes
    for finding in refusals:
        came_before = finding.code == "duplicate"
        named, when = ("duplicate", "it came before") if came_before else ("rejected", "a check refused it")
        yield named, _no(source, "rejected", reasons_of([finding], coarse=coarse)), when
    if source.reply != "verdict":
        yield "no buyer", _no(source, "unsold", unsold_reasons(coarse=coarse)), "it was good, but not bought"


def _no(source: SourceDoc, state: str, reasons: Any) -> Answer:
    return refused(_LEAD, state, source.price if source.revenue_share is None else ZERO, reasons)


def _answer(answer: Answer, outcome: str, when: str, base: str) -> AnswerSample:
    status = 202 if answer.outcome == "pending" else 201
    return AnswerSample(outcome=outcome, when=when, status=status, body=answer.document(base))


def _looked_up(outcome: str, answer: Answer, when: str) -> AnswerSample:
    body = {"id": str(_LEAD), "state": answer.state} | answer.document("")
    body.pop("lead"), body.pop("reason", None)
    return AnswerSample(outcome=outcome, when=when, request="GET status_url", status=200, body=body)
