"""What `doctor` looks at in limits: accounts that are spent or counted wrong, holidays that run out."""

from collections.abc import Sequence
from datetime import date

from app.catalog.documents import Catalogue
from app.catalog.holiday_list import hours_of
from app.catalog.limits import Money
from app.catalog.rows import catalogue_of
from app.commands.examining import Line
from app.commands.words import money as shown
from app.core.money import of_units
from app.pipeline.accounts import is_low, left
from app.settings import Settings
from app.store import balances
from app.store.catalogue import CatalogueStore
from app.store.database import Database


async def limits(database: Database, _: Settings) -> Sequence[Line]:
    store = CatalogueStore(database)
    found = catalogue_of((await store.load())[1])
    accounts = {buyer.id: buyer.money for buyer in found.buyers if buyer.money is not None}
    lines = _holidays(found, await store.today())
    if accounts:
        async with database.acquire() as conn:
            owed, wrong = await balances.there(conn, accounts), await balances.differing(conn)
        lines += [_account(buyer, accounts[buyer], value) for buyer, value in sorted(owed.items())]
        lines += [_wrong(one) for one in wrong]
    return lines


def _account(buyer: str, money: Money, owed: int) -> Line:
    name, text = f"account {buyer}", f"{shown(left(money, owed))} {money.currency} left"
    if not is_low(money, owed):
        return Line("ok", name, text)
    return Line("warn", name, f"{text}: it is offered nothing", f"leadgate money deposit {buyer} AMOUNT")


def _wrong(one: balances.Differing) -> Line:
    text = f"its counter says {of_units(one.counted):f}, ledger and open deliveries {of_units(one.owed):f}"
    return Line("fail", f"account {one.buyer}", text, f"leadgate money recount {one.buyer}")


def _holidays(found: Catalogue, today: date) -> list[Line]:
    """They are looked up when a file is applied; whose file is not applied for years has none any more."""
    late = [
        whose
        for buyer in found.buyers
        for whose, hours in hours_of(buyer)
        if hours.holidays is not None and hours.holidays.known_to <= today.year
    ]
    if not late:
        return []
    text = f"holidays of {late[0]} are known to the end of {today.year} and no further"
    more = f", and of {len(late) - 1:,} more" if len(late) > 1 else ""
    return [Line("warn", "holidays", text + more, "apply its file again")]
