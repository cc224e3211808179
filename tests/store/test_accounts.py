"""What stands on an account, on a statement and on an invoice, by hand: each kind of entry, at the edges of a month."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.store import accounts
from app.store.database import Database

FIRST, PAST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
BUYER, SOURCE = "buyer:sunco", "source:acme"

# kind → (debit, credit) as it is booked of a buyer or of a source
SIDES = {
    "sale": (BUYER, "revenue:solar"), "return": ("revenue:solar", BUYER), "deposit": ("cash", BUYER),
    "payment": ("cash", BUYER), "credit": ("credits", BUYER), "adjustment": (BUYER, "adjustments"),
    "cost": ("cost:solar", SOURCE), "cost_return": (SOURCE, "cost:solar"), "payout": (SOURCE, "cash"),
}  # fmt: skip
_BOOK = """
insert into entry (kind, debit, credit, amount, currency, at, lead_id, key)
values ($1, $2, $3, $4, $5, $6, case when $7 then gen_random_uuid() end, case when not $7 then gen_random_uuid()::text end)
"""


@pytest.fixture
async def conn(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with database.acquire() as conn:
        yield conn


async def book(conn: Any, kind: str, amount: str, at: datetime = FIRST, currency: str = "USD") -> None:
    of_a_lead = kind in ("sale", "cost", "return", "cost_return")
    await conn.execute(_BOOK, kind, *SIDES[kind], Decimal(amount), currency, at, of_a_lead)


@pytest.mark.parametrize(
    ("kind", "account", "owes"),
    [
        ("sale", BUYER, 7), ("return", BUYER, -7), ("deposit", BUYER, -7), ("payment", BUYER, -7), ("credit", BUYER, -7),
        ("adjustment", BUYER, 7), ("cost", SOURCE, -7), ("cost_return", SOURCE, 7), ("payout", SOURCE, 7),
    ],
)  # fmt: skip
async def test_each_kind_moves_its_partys_account_and_stands_on_its_statement(
    database: Database, conn: asyncpg.Connection, kind: str, account: str, owes: int
) -> None:
    await book(conn, kind, "7")
    assert await accounts.balance(conn, account) == {"USD": owes}
    assert [line.amount async for line in accounts.lines(database, account, FIRST, PAST)] == [owes]
    assert await accounts.known(conn, account)
    assert not await accounts.known(conn, f"{account}-west")


@pytest.mark.parametrize("kind", ["sale", "return"])
async def test_a_month_begins_with_its_first_moment_and_ends_before_that_of_the_next(
    database: Database, conn: asyncpg.Connection, kind: str
) -> None:
    for n, at in enumerate((FIRST - TICK, FIRST, PAST - TICK, PAST), 1):
        await book(conn, kind, str(n), at)
    sign = 1 if kind == "sale" else -1
    assert await accounts.balance(conn, BUYER, FIRST) == {"USD": sign}
    assert await accounts.balance(conn, BUYER, PAST) == {"USD": sign * 6}
    assert [line.amount async for line in accounts.lines(database, BUYER, FIRST, PAST)] == [
        2 * sign,
        3 * sign,
    ]
    assert {one.total for one in await accounts.billed(conn, BUYER, FIRST, PAST)} == {2 * sign, 3 * sign}


async def test_an_invoice_has_leads_returns_credits_and_adjustments_and_nothing_that_was_paid(
    conn: asyncpg.Connection,
) -> None:
    for kind, amount in (
        ("sale", "42"),
        ("sale", "42"),
        ("return", "42"),
        ("credit", "5"),
        ("adjustment", "3"),
    ):
        await book(conn, kind, amount)
    for kind in ("deposit", "payment", "cost", "payout"):
        await book(conn, kind, "900")
    await book(conn, "sale", "42", currency="EUR")
    told: list[Any] = [
        (one.currency, one.kind, one.count, one.total)
        for one in await accounts.billed(conn, BUYER, FIRST, PAST)
    ]
    assert told == [
        ("EUR", "sale", 1, 42), ("USD", "sale", 2, 84), ("USD", "return", 1, -42), ("USD", "credit", 1, -5),
        ("USD", "adjustment", 1, 3),
    ]  # fmt: skip
