"""What people book is booked once, whoever says it how often at the same moment, with the balance that counts."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.catalog.rows import catalogue_of
from app.core.errors import Unprocessable
from app.pipeline.bookkeeping import Bookkeeper, Done, Known, Said
from app.pipeline.faults import Retrying
from app.store import accounts, balances, ledger
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from tests.pipeline.house import House, catalogue, contract, opened, source

PREPAID = contract("sunco", "https://buyer.example/in").replace(
    "    contracts:", "    money: {terms: prepaid}\n    contracts:", 1
)


async def keeper(house: House) -> Bookkeeper:
    found = catalogue_of((await CatalogueStore(house.database).load())[1])
    known = Known(
        {one.id: one for one in found.buyers},
        {one.id: one for one in found.sources},
        {one.id: one for one in found.campaigns},
    )
    return Bookkeeper(
        house.database, house.world, Retrying(house.world, house.metrics, patience=5), lambda: known
    )


def payment(amount: str = "5", key: str = "k1", **more: Any) -> Said:
    return Said(kind="payment", of="buyer", id="sunco", amount=Decimal(amount), by="ann", key=key, **more)


async def stands(house: House) -> tuple[Decimal, int]:
    """What sunco owes, by the ledger and by the counter."""
    async with house.database.acquire() as conn:
        owed = (await accounts.balance(conn, "buyer:sunco")).get("USD", Decimal(0))
        return owed, (await balances.there(conn, ["sunco"]))["sunco"]


async def test_of_many_who_say_the_same_at_once_one_is_booked(database: Database) -> None:
    async with opened(database, catalogue(source(), PREPAID)) as house:
        desk = await keeper(house)
        done: list[Done] = await asyncio.gather(*(desk.book(payment()) for _ in range(8)))
        assert sorted(one.new for one in done) == [False] * 7 + [True]
        assert {one.after for one in done} == {Decimal(-5)}
        assert await stands(house) == (Decimal(-5), -50_000)


async def test_many_who_pay_at_once_are_all_counted(database: Database) -> None:
    async with opened(database, catalogue(source(), PREPAID)) as house:
        desk = await keeper(house)
        await asyncio.gather(*(desk.book(payment("1.25", f"k{n}")) for n in range(8)))
        assert await stands(house) == (Decimal("-10.00"), -100_000)


async def test_what_breaks_off_books_nothing_at_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("killed")

    async with opened(database, catalogue(source(), PREPAID)) as house:
        desk = await keeper(house)
        with monkeypatch.context() as patch:
            patch.setattr(balances, "change", breaks)
            with pytest.raises(RuntimeError):
                await desk.book(payment())
        assert await house.value("select count(*) from entry") == 0
        assert (await desk.book(payment())).new


async def test_a_key_of_somebody_elses_kind_is_another_key(database: Database) -> None:
    async with opened(database, catalogue(source(), PREPAID)) as house:
        desk = await keeper(house)
        booked = ledger.Entry(
            kind="credit", debit="credits", credit="buyer:sunco", amount=Decimal(5), currency="USD", key="k1"
        )
        async with database.acquire() as conn:
            await ledger.post(conn, [booked])
        assert (await desk.book(payment(key="k1"))).new
        with pytest.raises(Unprocessable, match="came before with another entry"):
            await desk.book(payment("6", key="k1"))


async def test_who_was_removed_can_still_be_settled_with(database: Database) -> None:
    async with opened(database, catalogue(source(), PREPAID)) as house:
        await (await keeper(house)).book(payment())
        await house.configure(catalogue(source()))
        desk = await keeper(house)
        with pytest.raises(Unprocessable, match="say in which currency"):
            await desk.book(payment("7", "k2"))
        assert (await desk.book(payment("7", "k2", currency="USD"))).after == Decimal(-12)
