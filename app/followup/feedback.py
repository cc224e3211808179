"""Whether what a buyer says of a lead can be so beside what it said before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from app.catalog.telling import BuyerWords, group_of
from app.followup.item import Item, Wrong
from app.store.feedback import Handed, Heard

ResultOutcome = Literal["accepted", "duplicate", "pending", "rejected", "unmatched", "ambiguous"]


class Result(Struct, frozen=True, kw_only=True):
    """What became of one item. `id` is that of the event or the return; `ids` are the deliveries between which
    nobody can tell."""

    outcome: ResultOutcome
    id: UUID | None = None
    code: str = ""
    message: str = ""
    ids: Sequence[UUID] = ()


UNMATCHED = Result(outcome="unmatched", code="unmatched", message="no delivery of yours is meant by it")


def said(outcome: ResultOutcome, code: str, id_: UUID | None, message: str = "") -> Result:
    return Result(outcome=outcome, id=id_, code=code, message=message)


def refused(wrong: Wrong) -> Result:
    return Result(outcome="rejected", code=wrong.code, message=wrong.message)


class Took(Struct, frozen=True):
    """One event as it is kept. `conflict`: it can't be true of a lead that was given back."""

    code: str
    occurred_at: datetime
    conflict: bool = False


def took(
    item: Item, handed: Handed, heard: Sequence[Heard], words: BuyerWords, now: datetime, *, given_back: bool
) -> Took:
    """Raises Wrong."""
    if handed.state != "accepted":
        raise Wrong(
            "not_accepted", f"this delivery is {handed.state}; what became of it is told once it is accepted"
        )
    code = item.word if item.kind in ("revenue", "correction") else words.code(item.word)
    if item.kind == "revenue":
        code = "revenue"
    if item.kind == "conversion" and code != "won":
        raise Wrong("unknown_code", "a conversion is won; what else became of a lead is a disposition")
    won = any(one.code == "won" and not one.voided for one in heard)
    if group_of(code) == "lost" and won:
        raise Wrong("contradicts", "you told that this lead was won; take that back by a correction first")
    return Took(code, item.occurred(handed.sold_at, now), conflict=code == "won" and given_back)
