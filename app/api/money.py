"""`/admin/v1/money`: balances, entries, statements, invoices and profit, for programs."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.app import Parts, json_of, key_of, parts_of
from app.core.errors import NotFound, Unprocessable
from app.core.money import Amount, written
from app.core.zone import Zone
from app.pipeline.bookkeeping import LONGEST_KEY, Bookkeeper, Done, Kind, Known, Said
from app.pipeline.faults import Retrying
from app.report import invoice as invoices
from app.report import profit as profits
from app.report import statement as statements
from app.report.party import Kind as PartyKind
from app.report.party import Party
from app.report.period import Month
from app.report.statement import Statement
from app.store import accounts
from app.store.profit import Dimension

router = APIRouter(prefix="/admin/v1/money", tags=["money"])

_PATIENCE_S = 1.5
_LONGEST = timedelta(days=400)
_KINDS = {"text/csv": statements.as_csv, "text/html": statements.as_html}

Id = Annotated[str, StringConstraints(max_length=63)]
OfMonth = Annotated[str, Query(alias="month", max_length=7, description="As 2026-11.", examples=["2026-11"])]
InZone = Annotated[Zone, Query(max_length=64, description="Whose months and days.")]
Moment = Annotated[datetime, Query(description="RFC 3339, or a day: its first midnight in UTC.")]


class BalanceView(BaseModel):
    """What a buyer owes, or a source is owed; below 0 it is the other way round."""

    of: PartyKind
    id: str
    currency: str
    balance: str


class Booking(BaseModel):
    """An entry by somebody's word. Of an adjustment an amount above 0 says that more is owed."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    buyer: Id | None = Field(None, description="Of a deposit, a payment, a credit, or an adjustment.")
    source: Id | None = Field(None, description="Of a payout or an adjustment.")
    amount: Amount
    currency: Id = Field("", description="Needed where the account may be in several.")
    note: Annotated[str, StringConstraints(max_length=500)] = Field(
        "", description="What it is for; needed for a credit and an adjustment."
    )
    dry_run: bool = Field(False, description="Say what would be booked, and book nothing.")


class BookingDone(BaseModel):
    """`before` and `balance` as its party sees them. `repeated`: it was booked before under this key."""

    of: PartyKind
    id: str
    kind: Kind
    amount: str
    currency: str
    before: str
    balance: str
    repeated: bool


class EntryView(BaseModel):
    """`amount` and `balance` as the party sees them."""

    id: int
    at: datetime
    kind: str
    amount: str
    balance: str
    currency: str
    lead: str | None = None
    delivery: str | None = None
    campaign: str | None = None
    contract: str | None = None
    note: str | None = None
    by: str | None = None


class Standing(BaseModel):
    currency: str
    balance: str


class TotalView(BaseModel):
    currency: str
    kind: str
    total: str


class StatementView(BaseModel):
    of: PartyKind
    id: str
    month: str
    zone: str
    opening: list[Standing]
    entries: list[EntryView]
    totals: list[TotalView]
    closing: list[Standing]


class InvoiceLine(BaseModel):
    kind: str
    campaign: str | None = None
    contract: str | None = None
    note: str | None = None
    count: int
    price: str
    total: str


class InvoicePart(BaseModel):
    currency: str
    charged: str
    credited: str
    due: str
    lines: list[InvoiceLine]


class InvoiceView(BaseModel):
    number: str
    buyer: str
    month: str
    zone: str
    parts: list[InvoicePart]


class ProfitView(BaseModel):
    """Under the name of what was asked by; without it: what can't be laid at anybody's door."""

    source: str | None = None
    campaign: str | None = None
    buyer: str | None = None
    contract: str | None = None
    currency: str
    sales: int
    revenue: str
    returns: str
    absorbed_returns: str = Field(description="Of the returns: of leads whose sources are paid all the same.")
    credits: str
    cost: str
    margin: str
    margin_percent: str | None = None


_ASKED = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Booking.model_json_schema()}},
    }
}
_PAPER: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}, "text/html": {}}}}


@router.get("/balances", summary="Who owes what", response_model=list[BalanceView])
async def balances(request: Request, id: Annotated[str, Query(max_length=63)] = "") -> list[dict[str, str]]:
    """What every buyer owes and every source is owed, in each currency apart."""
    key_of(request, "user")
    async with parts_of(request).database.acquire() as conn:
        found = await accounts.every(conn)
    told = []
    for one in found:
        kind, _, of = one.account.partition(":")
        if kind in ("buyer", "source") and id in ("", of):
            party = Party("buyer" if kind == "buyer" else "source", of)
            sum_ = written(party.sign * one.balance)
            told.append({"of": party.kind, "id": of, "currency": one.currency, "balance": sum_})
    return told


@router.post(
    "/entries",
    summary="Book a deposit, payment, credit, payout or adjustment",
    response_model=BookingDone,
    status_code=201,
    openapi_extra=_ASKED,
)
async def book(
    request: Request,
    response: Response,
    idempotency_key: Annotated[str, Header(max_length=LONGEST_KEY)] = "",
) -> dict[str, Any]:
    """Book a deposit, a payment, a credit, a payout or an adjustment. With an `Idempotency-Key` it is booked once,
    however often it is sent; 200 says that it was there."""
    key = key_of(request, "user")
    parts = parts_of(request)
    said = await json_of(Booking, request, parts)
    if (said.buyer is None) == (said.source is None):
        raise Unprocessable("buyer: say a buyer or a source, and not both", where="buyer")
    known = _known(parts)
    keeper = Bookkeeper(
        parts.database, parts.world, Retrying(parts.world, parts.metrics, patience=_PATIENCE_S), lambda: known
    )
    done = await keeper.book(
        Said(
            kind=said.kind, of="source" if said.buyer is None else "buyer", id=said.buyer or said.source or "",
            amount=said.amount, by=f"user {key.owner}", currency=said.currency, note=said.note, key=idempotency_key,
        ),
        dry=said.dry_run,
    )  # fmt: skip
    if said.dry_run or not done.new:
        response.status_code = 200
    return _done(said, done)


@router.get(
    "/statements/{of}/{id}",
    summary="A month of one party's account",
    response_model=StatementView,
    responses=_PAPER,
)
async def statement(
    of: PartyKind, id: str, request: Request, month: OfMonth, zone: InZone = "UTC"
) -> Response:
    """What a party stood at, every entry of a month, and what it stands at; as CSV or as a page that prints by
    `Accept`. A CSV without its closing row is not whole."""
    key_of(request, "user")
    parts = parts_of(request)
    made = await statements.statement(parts.database, await _party(parts, of, id), _month(month, zone))
    kind = _kind(request)
    write: Callable[[Statement], AsyncIterator[str | bytes]] = _KINDS.get(kind, statements.as_json)
    return StreamingResponse(write(made), media_type=kind, headers=_named(kind, f"statement-{id}-{month}"))


@router.get(
    "/invoices/{buyer}",
    summary="What a buyer is to pay for a month",
    response_model=InvoiceView,
    responses=_PAPER,
)
async def invoice(buyer: str, request: Request, month: OfMonth, zone: InZone = "UTC") -> Any:
    """What a buyer is to pay for a month: leads by contract and price, credits apart; as CSV or as a page that prints
    by `Accept`."""
    key_of(request, "user")
    parts = parts_of(request)
    made = await invoices.invoice(parts.database, await _party(parts, "buyer", buyer), _month(month, zone))
    kind = _kind(request)
    if kind == "text/csv":
        return Response("".join(invoices.as_csv(made)), media_type=kind, headers=_named(kind, made.number))
    if kind == "text/html":
        return Response(await invoices.as_html(made), media_type=kind, headers=_named(kind, made.number))
    return invoices.as_json(made)


@router.get(
    "/profit",
    summary="What was earned, by source, campaign, buyer or contract",
    response_model=list[ProfitView],
    response_model_exclude_unset=True,
)
async def profit(
    request: Request, since: Moment, until: Moment | None = None, by: Dimension = "source"
) -> list[dict[str, Any]]:
    """Revenue, returns, credits, cost and margin of what was booked in some time, at most 400 days of it."""
    key_of(request, "user")
    parts = parts_of(request)
    first, past = _aware(since), _aware(until) if until else parts.world.now()
    if past - first > _LONGEST:
        raise Unprocessable("since: at most 400 days at once", where="since")
    return [profits.as_json(one, by) for one in await profits.profit(parts.database, by, first, past)]


def _known(parts: Parts) -> Known:
    snapshot = parts.engine.plans().snapshot
    return Known(snapshot.buyers, snapshot.sources, snapshot.campaigns)


async def _party(parts: Parts, of: PartyKind, id_: str) -> Party:
    known = _known(parts)
    party = known.party(of, id_)
    if not known.configured(party):
        async with parts.database.acquire() as conn:
            if not await accounts.known(conn, party.account):
                raise NotFound(f"there is no such {of}")
    return party


def _month(name: str, zone: str) -> Month:
    try:
        return Month.of(name, zone)
    except ValueError as error:
        raise Unprocessable(f"month: {error}", where="month") from None


def _kind(request: Request) -> Literal["text/csv", "text/html", "application/json"]:
    """The first that is named; JSON where none of them is."""
    accept = request.headers.get("accept", "")
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for one in named:
        if one == "text/csv":
            return "text/csv"
        if one == "text/html":
            return "text/html"
        if one == "application/json":
            break
    return "application/json"


def _named(kind: str, stem: str) -> dict[str, str]:
    safe = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in stem
    )
    told = {"Cache-Control": "no-store"}
    return (
        {**told, "Content-Disposition": f'attachment; filename="{safe}.csv"'} if kind == "text/csv" else told
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _done(said: Booking, done: Done) -> dict[str, Any]:
    return {
        "of": done.party.kind, "id": done.party.id, "kind": said.kind, "amount": written(said.amount),
        "currency": done.entry.currency, "before": written(done.before), "balance": written(done.after),
        "repeated": not done.new,
    }  # fmt: skip
