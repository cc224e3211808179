"""A buyer's invoice of a month: its leads by contract and price, and apart from them what it was credited with."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.core.money import written
from app.report import cells
from app.report.pages import PAGES
from app.report.party import Party
from app.report.period import Month
from app.store import accounts
from app.store.accounts import Billed
from app.store.database import Database

HEAD = (
    "invoice", "buyer", "from", "to", "kind", "campaign", "contract", "note", "count", "price", "total", "currency",
)  # fmt: skip
_ZERO = Decimal(0)


class Part(Struct, frozen=True):
    """An invoice in one currency."""

    currency: str
    lines: Sequence[Billed]

    @property
    def leads(self) -> list[Billed]:
        return [one for one in self.lines if one.kind == "sale"]

    @property
    def credits(self) -> list[Billed]:
        return [one for one in self.lines if one.kind != "sale"]

    @property
    def charged(self) -> Decimal:
        return sum((one.total for one in self.leads), _ZERO)

    @property
    def credited(self) -> Decimal:
        return sum((one.total for one in self.credits), _ZERO)

    @property
    def due(self) -> Decimal:
        return self.charged + self.credited


class Invoice(Struct, frozen=True):
    """What was paid is no part of it: that stands in the statement."""

    party: Party
    month: Month
    parts: Sequence[Part]

    @property
    def number(self) -> str:
        """The same whenever it is made."""
        return f"{self.party.id}-{self.month.name}"


async def invoice(database: Database, buyer: Party, month: Month) -> Invoice:
    async with database.acquire() as conn:
        lines = await accounts.billed(conn, buyer.account, month.first, month.past)
    currencies = sorted({line.currency for line in lines})
    return Invoice(
        buyer, month, [Part(name, [one for one in lines if one.currency == name]) for name in currencies]
    )


def as_csv(of: Invoice) -> Iterator[str]:
    """One row a line; sums are left to whoever adds them up, per currency."""
    yield cells.row(HEAD)
    first, last = of.month.local(of.month.first).date().isoformat(), of.month.last.isoformat()
    for part in of.parts:
        for one in part.lines:
            told = cells.text(one.campaign), cells.text(one.contract), cells.text(one.note)
            yield cells.row(
                (of.number, of.party.id, first, last, one.kind, *told, str(one.count), written(one.price),
                 written(one.total), one.currency)
            )  # fmt: skip


async def as_html(of: Invoice) -> str:
    """A page that prints: nothing in it is fetched from anywhere."""
    return await PAGES.get_template("invoice.html").render_async(of=of)


def as_json(of: Invoice) -> dict[str, Any]:
    """In the API's shape."""
    return {
        "number": of.number, "buyer": of.party.id, "month": of.month.name, "zone": of.month.zone,
        "parts": [
            {
                "currency": part.currency, "charged": written(part.charged), "credited": written(part.credited),
                "due": written(part.due), "lines": [_line(one) for one in part.lines],
            }
            for part in of.parts
        ],
    }  # fmt: skip


def _line(one: Billed) -> dict[str, Any]:
    return {
        "kind": one.kind, "campaign": one.campaign, "contract": one.contract, "note": one.note, "count": one.count,
        "price": written(one.price), "total": written(one.total),
    }  # fmt: skip
