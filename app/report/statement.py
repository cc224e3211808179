"""A party's statement of a month: what it stood at, every entry, and what it stands at, in each currency apart."""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from app.core.money import written
from app.report import cells
from app.report.pages import PAGES
from app.report.party import Party
from app.report.period import Month
from app.store import accounts
from app.store.accounts import Line
from app.store.database import Database

HEAD = (
    "at", "kind", "lead", "delivery", "campaign", "contract", "note", "amount", "balance", "currency", "entry",
)  # fmt: skip
_ZERO = Decimal(0)


class Moved(Struct, frozen=True):
    """An entry as its party sees it, with the balance after it."""

    line: Line
    amount: Decimal
    balance: Decimal


class Statement(Struct, frozen=True):
    """`balances` and `totals` (currency, kind → sum) grow while `moved` is read, and are whole at its end."""

    party: Party
    month: Month
    opening: Mapping[str, Decimal]
    balances: dict[str, Decimal]
    totals: dict[tuple[str, str], Decimal]
    database: Database

    async def moved(self) -> AsyncIterator[Moved]:
        """Each entry, the oldest first; to be read once."""
        month = self.month
        async for line in accounts.lines(self.database, self.party.account, month.first, month.past):
            amount = self.party.sign * line.amount
            balance = self.balances.get(line.currency, _ZERO) + amount
            self.balances[line.currency] = balance
            of_kind = line.currency, line.kind
            self.totals[of_kind] = self.totals.get(of_kind, _ZERO) + amount
            yield Moved(replace(line, at=month.local(line.at)), amount, balance)


async def statement(database: Database, party: Party, month: Month) -> Statement:
    """A party without entries has one too, with nothing in it."""
    async with database.acquire() as conn:
        stood = await accounts.balance(conn, party.account, month.first)
    opening = {currency: party.sign * amount for currency, amount in stood.items()}
    return Statement(party, month, opening, dict(opening), {}, database)


async def as_csv(of: Statement) -> AsyncIterator[str]:
    """One row an entry between `opening` and `closing` rows; a file without the latter is not whole."""
    yield cells.row(HEAD)
    for currency, balance in sorted(of.opening.items()):
        yield _edge(of, "opening", currency, balance)
    async for one in of.moved():
        yield cells.row(_row(one))
    for currency, balance in sorted(of.balances.items()):
        yield _edge(of, "closing", currency, balance)


def _edge(of: Statement, kind: str, currency: str, balance: Decimal) -> str:
    at = of.month.local(of.month.first if kind == "opening" else of.month.past)
    return cells.row((at.isoformat(), kind, *[""] * 6, written(balance), currency, ""))


def _row(one: Moved) -> tuple[str, ...]:
    line = one.line
    return (
        line.at.isoformat(), line.kind, str(line.lead_id or ""), str(line.delivery_id or ""), cells.text(line.campaign),
        cells.text(line.contract), cells.text(line.note), written(one.amount), written(one.balance), line.currency,
        str(line.id),
    )  # fmt: skip


async def as_html(of: Statement) -> AsyncIterator[str]:
    """A page that prints: nothing in it is fetched from anywhere."""
    async for piece in PAGES.get_template("statement.html").generate_async(of=of):
        yield piece


async def as_json(of: Statement) -> AsyncIterator[bytes]:
    """One object; its entries are made as they are read."""
    head = {**_about(of), "opening": sums(of.opening)}
    yield orjson.dumps(head)[:-1] + b',"entries":['
    between = b""
    async for one in of.moved():
        yield between + orjson.dumps(entry(one), default=str)  # ids are asyncpg's
        between = b","
    totals = [
        {"currency": currency, "kind": kind, "total": written(total)}
        for (currency, kind), total in sorted(of.totals.items())
    ]
    yield b"]," + orjson.dumps({"totals": totals, "closing": sums(of.balances)})[1:]


def _about(of: Statement) -> dict[str, Any]:
    return {"of": of.party.kind, "id": of.party.id, "month": of.month.name, "zone": of.month.zone}


def sums(balances: Mapping[str, Decimal]) -> list[dict[str, str]]:
    return [{"currency": name, "balance": written(value)} for name, value in sorted(balances.items())]


def entry(one: Moved) -> dict[str, Any]:
    """In the API's shape."""
    line = one.line
    return {
        "id": line.id, "at": line.at, "kind": line.kind, "amount": written(one.amount), "balance": written(one.balance),
        "currency": line.currency, "lead": line.lead_id, "delivery": line.delivery_id, "campaign": line.campaign,
        "contract": line.contract, "note": line.note, "by": line.by_whom,
    }  # fmt: skip
