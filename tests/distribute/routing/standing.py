"""Contracts written in one line, for the tests of this folder."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from app.catalog.documents import ContractDoc, Distribution
from app.catalog.limits import FREE, Account
from app.distribute.route import RouteIndex

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Contract(Struct, frozen=True):
    id: str
    buyer: str
    doc: ContractDoc
    paused: bool = False
    account: Account = FREE


def contract(
    id: str, when: str | None = None, *, buyer: str = "", paused: bool = False, **more: Any
) -> Contract:
    doc = ContractDoc.model_validate({"id": id, "campaign": "solar", "when": when, "deliver": {}, **more})
    return Contract(id, buyer or f"buyer-of-{id}", doc, paused)


def index_of(
    *contracts: Contract,
    rank: tuple[str, ...] = ("price", "priority", "round_robin"),
    sell: str = "exclusive",
) -> RouteIndex[Contract]:
    return RouteIndex(contracts, Distribution.model_validate({"rank": rank, "sell": sell}))
