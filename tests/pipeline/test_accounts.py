"""Who has nothing left is told once, by whichever process looks first; who paid in again, once too."""

from decimal import Decimal
from typing import Any

import pytest

from app.catalog.documents import BuyerDoc
from app.catalog.snapshot import Snapshot
from app.core.account_events import BalanceBack, BalanceLow
from app.core.metrics import Metrics, expose
from app.pipeline import accounts
from app.pipeline.accounts import Accounts
from app.store import balances
from app.store.database import Database


class Watch:
    """Two processes that look at one database."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.told, self.metrics = database, list[Any](), Metrics()
        self.snapshot = Snapshot()
        monkeypatch.setattr(accounts, "emit", self.told.append)
        self.processes = [Accounts(database, self.metrics, snapshot=lambda: self.snapshot) for _ in range(2)]

    def buyer(self, **money: Any) -> None:
        doc = BuyerDoc.model_validate({"id": "sunco", **({"money": money} if money else {})})
        self.snapshot = Snapshot(buyers={"sunco": doc})

    async def owes(self, amount: str) -> None:
        async with self.database.acquire() as conn:
            await balances.make(conn, ["sunco"])
            await conn.execute("update counter set value = $1", int(Decimal(amount) * 10_000))

    async def look(self) -> list[type]:
        self.told.clear()
        for process in self.processes:
            await process.look()
        return [type(one) for one in self.told]


@pytest.fixture
def watch(database: Database, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(database, monkeypatch)


async def test_it_is_told_once_that_nothing_is_left_and_once_that_there_is_again(watch: Watch) -> None:
    watch.buyer(terms="credit", credit_limit="100")
    await watch.owes("99.99")
    assert await watch.look() == []
    await watch.owes("100")
    assert [await watch.look(), await watch.look()] == [[BalanceLow], []]
    await watch.owes("20")
    assert [await watch.look(), await watch.look()] == [[BalanceBack], []]


async def test_a_low_balance_is_told_before_it_is_spent(watch: Watch) -> None:
    watch.buyer(terms="prepaid", low_balance="50")
    await watch.owes("-50")
    assert await watch.look() == []
    await watch.owes("-49.99")
    assert await watch.look() == [BalanceLow]


async def test_what_is_left_is_a_gauge(watch: Watch) -> None:
    watch.buyer(terms="credit", credit_limit="100")
    await watch.owes("99.5")
    await watch.look()
    assert 'leadgate_balance_left{buyer="sunco"} 0.5' in expose([watch.metrics.snapshot()]).decode()


async def test_who_has_no_account_any_more_is_low_no_longer_and_not_counted(watch: Watch) -> None:
    watch.buyer(terms="prepaid")
    await watch.owes("1")
    assert await watch.look() == [BalanceLow]
    watch.buyer()
    assert await watch.look() == [BalanceBack]
    async with watch.database.acquire() as conn:
        assert await balances.there(conn, ["sunco"]) == {}


async def test_without_accounts_nothing_is_asked(database: Database) -> None:
    nowhere: Any = None
    await Accounts(nowhere, Metrics(), snapshot=Snapshot).look()
