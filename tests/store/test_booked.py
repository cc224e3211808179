"""Books that say anything else than leads and deliveries do are told, whatever it is in which they differ."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.core.world import World
from app.store import booked

WORLD = World()
Row = dict[str, Any]


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


async def _insert(conn: Any, table: str, row: Row) -> None:
    marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await conn.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", *row.values())


def _entry(kind: str, debit: str, credit: str, amount: str, more: Row) -> Row:
    return {"kind": kind, "debit": debit, "credit": credit, "amount": amount, "currency": "USD", **more}


async def told(
    conn: Any, *, lead: Row | None = None, delivery: Row | None = None, sale: Row | None = None, back: Row | None = None,
    cost: Row | None = None, part: Row | None = None, without: str = "",
) -> str:  # fmt: skip
    """What is told of a lead that was sold for 42 and cost 12.50, where these are otherwise."""
    lead_id, delivery_id = WORLD.new_id(), WORLD.new_id()
    sold = {
        "id": lead_id, "submission_id": lead_id, "position": 0, "source": "acme", "campaign": "solar",
        "received_at": WORLD.now(), "state": "sold", "outcome": "success", "price": "12.5", "catalogue": 1,
    }  # fmt: skip
    handed = {
        "id": delivery_id, "lead_id": lead_id, "round": 1, "slot": 1, "rank": 1, "campaign": "solar",
        "contract": "west", "buyer": "sunco", "state": "accepted", "price": "42",
    }  # fmt: skip
    of = {"lead_id": lead_id, "delivery_id": delivery_id, "buyer": "sunco", "source": "acme"}
    bought = {"lead_id": lead_id, "source": "acme"}
    await _insert(conn, "lead", sold | (lead or {}))
    await _insert(conn, "delivery", handed | (delivery or {}))
    if without != "sale":
        await _insert(conn, "entry", _entry("sale", "buyer:sunco", "revenue:solar", "42", of) | (sale or {}))
    if without != "cost":
        await _insert(
            conn, "entry", _entry("cost", "cost:solar", "source:acme", "12.5", bought) | (cost or {})
        )
    if back is not None:
        await _insert(conn, "entry", _entry("return", "revenue:solar", "buyer:sunco", "42", of) | back)
    if part is not None:
        await _insert(conn, "entry", _entry("cost", "cost:solar", "source:acme", "21", of) | part)
    today = WORLD.now().date()
    for other in (today - timedelta(days=1), today + timedelta(days=1)):
        assert await booked.unlike_deliveries(conn, other) == await booked.unlike_leads(conn, other) == []
    of_sales, of_costs = await booked.unlike_deliveries(conn, today), await booked.unlike_leads(conn, today)
    assert set(of_sales) <= {delivery_id}
    assert set(of_costs) <= {lead_id}
    return " ".join(["sale"] * bool(of_sales) + ["cost"] * bool(of_costs))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, ""),
        ({"sale": {"amount": "41.999999"}}, "sale"),
        ({"sale": {"currency": "EUR"}}, "sale"),
        ({"sale": {"buyer": "moonco"}}, "sale"),
        ({"without": "sale"}, "sale"),
        ({"delivery": {"state": "unclear"}}, "sale"),
        ({"delivery": {"price": "0"}}, "sale"),
        ({"delivery": {"test": True}}, "sale"),
        ({"delivery": {"test": True}, "without": "sale"}, ""),
        ({"delivery": {"refunded": "42"}}, "sale"),
        ({"delivery": {"refunded": "42"}, "back": {}}, ""),
        ({"delivery": {"refunded": "42"}, "back": {"amount": "40"}}, "sale"),
        ({"back": {}}, "sale"),
        ({"delivery": {"state": "rejected"}, "without": "sale", "back": {}}, "sale"),
        ({"delivery": {"state": "rejected"}, "without": "sale"}, ""),
        ({"cost": {"amount": "12.6"}}, "cost"),
        ({"cost": {"currency": "EUR"}}, "cost"),
        ({"cost": {"source": "other"}}, "cost"),
        ({"without": "cost"}, "cost"),
        ({"lead": {"outcome": "failure"}}, "cost"),
        ({"lead": {"price": None}}, "cost"),
        ({"lead": {"test": True}}, "cost"),
        ({"lead": {"test": True}, "without": "cost"}, ""),
        ({"lead": {"share": "50", "price": "21"}, "without": "cost", "part": {}}, ""),
        ({"lead": {"share": "50", "price": "20"}, "without": "cost", "part": {}}, "cost"),
        ({"lead": {"share": "50", "price": "22"}, "without": "cost", "part": {}}, "cost"),
        ({"lead": {"share": "50", "price": "21"}, "part": {}}, "cost"),
    ],
)  # fmt: skip
async def test_whatever_is_booked_otherwise_is_told_of_its_day(
    conn: asyncpg.Connection, case: dict[str, Any], expected: str
) -> None:
    assert await told(conn, **case) == expected
