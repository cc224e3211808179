"""The ledger takes each fact once, and gives nothing away that it has."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import pytest
from alembic import command

from app.store import accounts, ledger, migrate
from app.store.database import Database
from app.store.ledger import Entry

LEAD, DELIVERY = UUID(int=1), UUID(int=2)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def sale(delivery: UUID = DELIVERY, amount: str = "42.00", **more: Any) -> Entry:
    return Entry(
        kind="sale", debit="buyer:sunco", credit="revenue:solar", amount=Decimal(amount), currency="USD",
        lead_id=LEAD, delivery_id=delivery, buyer="sunco", **more,
    )  # fmt: skip


def deposit(amount: str, key: str, currency: str = "USD") -> Entry:
    return Entry(
        kind="deposit", debit="cash", credit="buyer:sunco", amount=Decimal(amount), currency=currency, key=key,
        buyer="sunco",
    )  # fmt: skip


async def test_a_delivery_is_sold_once(database: Database) -> None:
    async with database.acquire() as conn:
        assert await ledger.post(conn, [sale(), sale(), sale(UUID(int=3))]) == 2
        assert await ledger.post(conn, [sale(amount="43")]) == 0
        assert await ledger.post(conn, []) == 0
        assert await conn.fetchval("select sum(amount) from entry") == Decimal("84.00")


async def test_of_two_who_book_the_same_at_once_one_does(database: Database) -> None:
    async def book() -> int:
        async with database.acquire() as conn, conn.transaction():
            return await ledger.post(conn, [deposit("5", "k1"), sale()])

    assert sorted(await asyncio.gather(book(), book(), book())) == [0, 0, 2]


async def test_a_return_stands_beside_its_sale(database: Database) -> None:
    back = Entry(
        kind="return", debit="revenue:solar", credit="buyer:sunco", amount=Decimal(42), currency="USD", lead_id=LEAD,
        delivery_id=DELIVERY,
    )  # fmt: skip
    async with database.acquire() as conn:
        assert await ledger.post(conn, [sale(), back, back]) == 2
        assert await accounts.balance(conn, "buyer:sunco") == {"USD": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Decimal(0)}, {"amount": Decimal(-1)}, {"amount": Decimal("NaN")}, {"amount": Decimal("Infinity")},
        {"credit": "buyer:sunco"}, {"kind": "theft"}, {"key": "k"}, {"lead_id": None},
    ],
)  # fmt: skip
async def test_what_is_no_entry_is_refused_by_the_database(database: Database, wrong: dict[str, Any]) -> None:
    fields = {name: getattr(sale(), name) for name in Entry.__struct_fields__}
    async with database.acquire() as conn:
        with pytest.raises(asyncpg.CheckViolationError):
            await ledger.post(conn, [Entry(**{**fields, **wrong})])


@pytest.mark.parametrize("statement", ["update entry set amount = 1", "delete from entry"])
async def test_what_is_booked_stands(database: Database, statement: str) -> None:
    async with database.acquire() as conn:
        await ledger.post(conn, [sale()])
        with pytest.raises(asyncpg.RaiseError, match="an entry is not changed"):
            await conn.execute(statement)


async def test_all_accounts_sum_to_zero_in_each_currency(database: Database) -> None:
    async with database.acquire() as conn:
        await ledger.post(conn, [sale(), deposit("100.005", "k1"), deposit("3", "k2", "EUR")])
        found = await accounts.every(conn)
    assert [(one.account, one.currency, str(one.balance)) for one in found] == [
        ("buyer:sunco", "EUR", "-3"),
        ("buyer:sunco", "USD", "-58.005"),
        ("cash", "EUR", "3"),
        ("cash", "USD", "100.005"),
        ("revenue:solar", "USD", "-42.00"),
    ]
    for currency in ("EUR", "USD"):
        assert sum(one.balance for one in found if one.currency == currency) == 0


async def test_a_long_statement_is_read_in_pieces_without_a_gap_or_a_repeat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_PAGE", 3)
    async with database.acquire() as conn, conn.transaction():  # all of one moment
        await ledger.post(conn, [deposit("1", f"k{n}") for n in range(4)])
        await ledger.post(conn, [sale(UUID(int=n + 10)) for n in range(4)])
    lines = [line async for line in accounts.lines(database, "buyer:sunco", LONG_AGO, LATER)]
    assert [line.id for line in lines] == sorted({line.id for line in lines})
    assert [str(line.amount) for line in lines] == ["-1"] * 4 + ["42.00"] * 4


async def test_an_account_knows_only_its_own(database: Database) -> None:
    async with database.acquire() as conn:
        await ledger.post(conn, [sale()])
        assert await accounts.known(conn, "buyer:sunco")
        assert not await accounts.known(conn, "buyer:sun")
        assert await accounts.balance(conn, "buyer:sunco", LONG_AGO) == {}


def test_what_was_sold_before_there_was_a_ledger_is_booked_when_it_comes(empty_database_url: str) -> None:
    config = migrate._config()
    with migrate._connected(empty_database_url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
        connection.commit()
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute(
            """insert into configured (kind, id, version, doc) values
                 ('campaign', 'roof', 1, '{"currency": "GBP"}'), ('campaign', 'roof', 2, '{"currency": "EUR"}'),
                 ('campaign', 'solar', 1, '{}')"""
        )
        for n, (campaign, test) in enumerate([("solar", False), ("roof", False), ("roof", True)]):
            conn.execute(
                """insert into lead (id, submission_id, position, source, campaign, received_at, state, test, outcome,
                                     price, catalogue, ended_at)
                   values (%s, %s, 0, 'acme', %s, now(), 'sold', %s, 'success', 12.50, 1, '2026-11-20 10:00Z')""",
                [UUID(int=n + 1), UUID(int=n + 1), campaign, test],
            )
            conn.execute(
                """insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, ended_at, test)
                   values (%s, %s, 1, 1, 1, %s, 'west', 'sunco', 'accepted', 42, '2026-11-20 10:00Z', %s)""",
                [UUID(int=n + 11), UUID(int=n + 1), campaign, test],
            )
    migrate.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        rows = conn.execute(
            "select kind, debit, credit, amount, currency, at::text from entry order by id"
        ).fetchall()
    assert [
        (kind, debit, credit, str(amount), currency) for kind, debit, credit, amount, currency, _ in rows
    ] == [
        ("cost", "cost:solar", "source:acme", "12.50", "USD"),
        ("cost", "cost:roof", "source:acme", "12.50", "EUR"),
        ("sale", "buyer:sunco", "revenue:solar", "42", "USD"),
        ("sale", "buyer:sunco", "revenue:roof", "42", "EUR"),
    ]
    assert {row[5][:16] for row in rows} == {"2026-11-20 10:00"}
