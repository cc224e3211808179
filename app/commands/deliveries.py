"""`deliveries`: what buyers were asked and what they said, as it was or as it goes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from msgspec import Struct

from app.catalog.rows import catalogue_of
from app.catalog.sealing import is_sealed
from app.commands.completing import OfThisContract
from app.commands.desk import AsJson, DataDir, at_database, fail, say, settings_beside
from app.commands.moments import since_when
from app.commands.trace import Utc
from app.commands.words import clock, coloured, money, short, span, tail
from app.core.redaction import DOTS, scrub
from app.store import looking
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.looking import Turn

POLL = 0.5
_OVERLAP = timedelta(seconds=5)
_RETRIED = timedelta(days=9)
OUTCOMES = {
    word.lower(): word for word in ("Accepted", "Rejected", "Duplicate", "TryLater", "Unclear", "Pooled")
}
STATES = ("sending", "waiting", "pooled", "unclear", "accepted", "rejected", "duplicate", "dead", "cancelled")


class View(Struct, frozen=True, kw_only=True):
    """What is shown and how. `places` are contract → where it is asked, `currencies` campaign → its money."""

    contract: str | None = None
    outcomes: list[str] | None = None
    states: list[str] | None = None
    zone: tzinfo | None = None
    as_json: bool = False
    places: Mapping[str, str] = {}
    currencies: Mapping[str, str] = {}


def deliveries(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing what comes; ^C to quit.")
    ] = False,
    contract: OfThisContract = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(help="Only what ended so: accepted, rejected, duplicate, trylater, unclear."),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only deliveries that are now: {', '.join(STATES)}.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="13:40, 2h or 2026-11-20; a day unless said.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many lines.")] = 100,
    utc: Utc = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what buyers were asked (-->) and what they said (<--)."""
    chosen = {
        "contract": contract, "outcomes": _words(outcome, OUTCOMES, "--outcome"),
        "states": _words(state, {one: one for one in STATES}, "--state"), "zone": UTC if utc else None, "as_json": as_json,
    }  # fmt: skip

    async def work(database: Database) -> None:
        view = await _view(database, chosen)
        async with database.acquire() as conn:
            now = await looking.now(conn)
        after = since_when(since, now) or (now if follow else now - timedelta(days=1))
        await _show(database, view, after, now, limit)
        if follow:
            say(f"Ready. Following {contract or 'all contracts'} (^C to quit)")
            await following(database, view, now, ends=lambda: False)

    try:
        at_database(settings_beside(data_dir), work)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _words(given: list[str] | None, known: Mapping[str, str], option: str) -> list[str] | None:
    if not given:
        return None
    words = [word.strip().lower() for one in given for word in one.replace("|", ",").split(",")]
    for word in words:
        if word not in known:
            raise fail(f"{option} {word!r} is not one of {', '.join(known)}", 2)
    return [known[word] for word in words]


async def _view(database: Database, chosen: Mapping[str, Any]) -> View:
    catalogue = catalogue_of((await CatalogueStore(database).load())[1])
    contracts = {one.id: one for buyer in catalogue.buyers for one in buyer.contracts}
    if chosen["contract"] is not None and chosen["contract"] not in contracts:
        raise fail(
            f"there is no contract {chosen['contract']!r} (known: {', '.join(sorted(contracts)) or 'none'})"
        )
    places = {id_: place(one.deliver) for id_, one in contracts.items()}
    return View(**chosen, places=places, currencies={one.id: one.currency for one in catalogue.campaigns})


def place(deliver: Mapping[str, Any]) -> str:
    """Where a contract's buyer is asked; an address that is a secret itself is told by its adapter."""
    url = deliver.get("url", "")
    return f"{deliver['adapter']} {DOTS}" if is_sealed(url) else str(url).partition("?")[0]


async def _show(database: Database, view: View, after: datetime, until: datetime, limit: int) -> None:
    for turn in await _turns(database, view, after, until, limit):
        typer.echo(shown(turn, view))


async def following(
    database: Database, view: View, since: datetime, *, ends: Callable[[], bool], pause: float = POLL
) -> None:
    """Each turn once, in the order of time as far as it is known: a commit may come after its moment."""
    seen: dict[tuple[Any, ...], datetime] = {}
    while not ends():
        async with database.acquire() as conn:
            now = await looking.now(conn)
        turns = await _turns(database, view, max(since, now - _OVERLAP), now, 10_000)
        for turn in turns:
            key = (turn.id, turn.n, turn.turn, turn.late)
            if key not in seen:
                typer.echo(shown(turn, view))
            seen[key] = turn.at
        seen = {key: at for key, at in seen.items() if at > now - 2 * _OVERLAP}
        await asyncio.sleep(pause)


async def _turns(
    database: Database, view: View, after: datetime, until: datetime, limit: int
) -> Iterable[Turn]:
    async with database.acquire() as conn:
        found = await looking.turns(
            conn, oldest_lead=first_id(after - _RETRIED), after=after, until=until, contract=view.contract,
            outcomes=view.outcomes, states=view.states, limit=limit,
        )  # fmt: skip
    told = {(one.id, one.n, one.outcome) for one in found if one.turn == "told" and not one.late}
    return [one for one in found if not (one.late and (one.id, one.n, one.outcome) in told)]


def first_id(at: datetime) -> UUID:
    """No id of that moment or later is smaller."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def shown(turn: Turn, view: View) -> str:
    if view.as_json:
        return _document(turn)
    width = max((len(id_) for id_ in ([view.contract] if view.contract else view.places)), default=0)
    word, text = ("post", _asked(turn, view)) if turn.turn == "asked" else _told(turn, view)
    arrow = "-->" if turn.turn == "asked" else "<--"
    line = f"{clock(turn.at, view.zone)}  {arrow}  {word:<9}{tail(turn.id)}  {turn.contract:<{width}}  {text}"
    return coloured(line.rstrip())


def _asked(turn: Turn, view: View) -> str:
    """Where it was asked then: the contract may have another address by now."""
    today = view.places.get(turn.contract, "")
    if DOTS in today or not (turn.url or "").startswith(("http://", "https://")):
        return today
    return str(turn.url).partition("?")[0]


def _told(turn: Turn, view: View) -> tuple[str, str]:
    """(the outcome's word, what there is to say of it)"""
    took = f"{'no reply' if turn.status is None else turn.status} in {span(turn.ms or 0)}"
    if turn.outcome == "Accepted":
        price = (
            f"{money(turn.price)} {view.currencies.get(turn.campaign, '')}".rstrip()
            if turn.price is not None
            else ""
        )
        return "Accepted", "  ".join(filter(None, (took, turn.reference, price)))
    reason = scrub(turn.reason or "")
    if turn.outcome == "Unclear":
        settle = f"      settle: leadgate settle {short(turn.id)}" if turn.state == "unclear" else ""
        return "unclear", f"{took}  {reason}{settle}"
    text = f"{took}  {reason}" + ("   came too late to count" if turn.late else "")
    if turn.outcome == "TryLater" and turn.attempts == turn.n:
        if turn.state == "waiting" and turn.next_at is not None:
            text += f"; next try {clock(turn.next_at, view.zone)[:8]}, after {turn.n} so far"
        elif turn.state == "dead":
            text += f"; given up after {turn.n}: leadgate replay {short(turn.id)}"
    return str(turn.outcome), text


def _document(turn: Turn) -> str:
    told = {name: getattr(turn, name) for name in turn.__struct_fields__ if name != "url"}
    if turn.turn == "asked":
        told = {
            name: told[name]
            for name in ("id", "lead_id", "contract", "campaign", "state", "attempts", "n", "at", "turn")
        }
    else:
        told["reason"] = scrub(turn.reason or "")
    return orjson.dumps(told, default=str).decode()
