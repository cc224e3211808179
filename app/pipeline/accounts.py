"""Watches what buyers have left: told once when one gets nothing more for it, and once when something was paid in."""

from collections.abc import Callable
from decimal import Decimal

from app.catalog.limits import Money
from app.catalog.snapshot import Snapshot
from app.core.account_events import BalanceBack, BalanceLow
from app.core.events import Event, Id, emit
from app.core.metrics import Metrics
from app.core.money import of_units
from app.distribute.caps import CountedBalance
from app.store import balances
from app.store.database import Database

EVERY = 5.0


class Accounts:
    """`look` is called in every process. What it finds stops nobody: each choice asks the counter itself."""

    def __init__(self, database: Database, metrics: Metrics, *, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._metrics = metrics
        self._snapshot = snapshot
        self._told: frozenset[str] = frozenset()

    async def look(self) -> None:
        accounts = {id_: one.money for id_, one in self._snapshot().buyers.items() if one.money is not None}
        if not accounts and not self._told:
            return
        async with self._database.acquire() as conn:
            owed = await balances.there(conn, accounts)
            low = {buyer for buyer, value in owed.items() if is_low(accounts[buyer], value)}
            begun, ended = await balances.set_low(conn, low)
            if self._told != accounts.keys():
                await balances.keep(conn, accounts)
        self._told = frozenset(accounts)
        self._metrics.forget("leadgate_balance_left")
        for buyer, value in owed.items():
            self._metrics.gauge("leadgate_balance_left", (buyer,), float(left(accounts[buyer], value)))
        news: list[Event] = [BalanceLow(buyer=Id(buyer)) for buyer in begun]
        for event in (*news, *(BalanceBack(buyer=Id(buyer)) for buyer in ended)):
            emit(event)


def left(money: Money, owed: int) -> Decimal:
    """What a buyer may still be sold; `owed` in ten-thousandths."""
    return of_units(CountedBalance("", money).limit - owed)


def is_low(money: Money, owed: int) -> bool:
    """Whether nothing is offered any more, however cheap."""
    return CountedBalance("", money).taking(1).full(owed)
