"""`listen`: a buyer's developer gets signed test deliveries on the own machine, and sees how the answer is read."""

import asyncio
import base64
import sys
import threading
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.catalog.documents import CampaignDoc, Catalogue, ContractDoc
from app.catalog.kinds import replaced, secret_places
from app.catalog.rows import catalogue_of
from app.commands import completing
from app.commands.desk import DataDir, at_database, fail, say, settings_beside, world
from app.commands.sampling import sample
from app.commands.words import clock, coloured, money, tail
from app.components import discover
from app.core.duration import Duration
from app.core.registry import Settings as AdapterSettings
from app.distribute.adapter import Adapter, Handover, adapters
from app.distribute.wire import Conversed, Wire
from app.ingest.fieldtype import fieldtypes
from app.model import Accepted, word_of
from app.store.catalogue import CatalogueStore
from app.store.database import Database


def listen(
    contract: Annotated[
        str, typer.Option(help="The contract whose deliveries are sent.", autocompletion=completing.contracts)
    ],
    forward_to: Annotated[str, typer.Option(help="HOST:PORT or HOST:PORT/path of your machine.")],
    every: Annotated[str, typer.Option(help="How often; Enter sends one at once.")] = "10s",
    once: Annotated[
        bool, typer.Option("--once", help="Send one and end; exit 1 if it was not accepted.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Send made-up leads as this contract would, signed with a secret of this run. Nothing is stored; the
    contract's real secrets stay where they are: test values stand for them."""
    pause = _seconds(every)

    async def load(database: Database) -> Catalogue:
        return catalogue_of((await CatalogueStore(database).load())[1])

    discover()
    doc, campaign = _found(at_database(settings_beside(data_dir), load), contract)
    secret = "whsec_" + base64.b64encode(b"leadgate test " + world().token(18)).decode()
    adapter, settings = _prepared(doc, _url(forward_to), secret)
    signs = "sign" in doc.deliver
    say(f"Ready. {'Signing secret ' + secret if signs else 'This contract does not sign'}  (^C to quit)")
    try:
        accepted = asyncio.run(_send(doc, campaign, adapter, settings, None if once else pause))
    except KeyboardInterrupt:
        raise typer.Exit from None
    raise typer.Exit(0 if accepted else 1)


def _seconds(text: str) -> float:
    try:
        return max(0.1, Duration(text).seconds)
    except ValueError as error:
        raise fail(f"--every {error}", 2) from None


def _found(catalogue: Catalogue, contract: str) -> tuple[ContractDoc, CampaignDoc]:
    for buyer in catalogue.buyers:
        for doc in buyer.contracts:
            if doc.id == contract:
                return doc, next(c for c in catalogue.campaigns if c.id == doc.campaign)
    known = ", ".join(doc.id for buyer in catalogue.buyers for doc in buyer.contracts)
    raise fail(f"there is no contract {contract!r} (known: {known or 'none'})")


def _url(forward_to: str) -> str:
    url = forward_to if "://" in forward_to else f"http://{forward_to}"
    return url if "/" in url.partition("://")[2] else f"{url}/"


def _prepared(doc: ContractDoc, url: str, secret: str) -> tuple[Adapter[Any], AdapterSettings]:
    """The contract's adapter, its address and every secret exchanged."""
    told = dict(doc.deliver)
    adapter = adapters[str(told.pop("adapter"))]
    if "url" not in adapter.settings.model_fields:
        raise fail(f"the adapter {adapter.name} of {doc.id} sends to no web address")
    places = secret_places(adapter.settings, told)
    told = replaced(told, places, lambda place, _: secret if place[0] == "sign" else "test-secret")
    try:
        return adapter, adapter.settings.model_validate(_at_home(told) | {"url": url})
    except ValidationError as error:
        why = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise fail(f"--forward-to {url} can't be sent to: {why}", 2) from None


def _at_home(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only the buyer's own servers could ask for or answer: a token that is fetched is one that is known,
    a challenge is a name and password, and there is no certificate."""
    auth = told.get("auth")
    if isinstance(auth, Mapping) and "oauth2" in auth:
        auth = {"bearer": "test-secret"}
    elif isinstance(auth, Mapping) and "digest" in auth:
        auth = {"basic": auth["digest"]}
    hmac = told.get("hmac")
    known = {
        "auth": auth,
        "tls": None,
        "hmac": {**hmac, "key": "text"} if isinstance(hmac, Mapping) else None,
    }
    return {**told, **{name: value for name, value in known.items() if name in told}}


async def _send(
    doc: ContractDoc,
    campaign: CampaignDoc,
    adapter: Adapter[Any],
    settings: AdapterSettings,
    pause: float | None,
) -> bool:
    wanted = _enter()
    async with Wire(allow_private=True) as wire:
        while True:
            accepted = await _one(wire, doc, campaign, adapter, settings)
            if pause is None:
                return accepted
            wanted.clear()
            try:
                async with asyncio.timeout(pause):
                    await wanted.wait()
            except TimeoutError:
                pass


def _enter() -> asyncio.Event:
    """Set whenever somebody presses Enter."""
    pressed, loop = asyncio.Event(), asyncio.get_running_loop()

    def read() -> None:
        for _ in sys.stdin:
            loop.call_soon_threadsafe(pressed.set)

    if sys.stdin.isatty():
        threading.Thread(target=read, daemon=True).start()
    return pressed


async def _one(
    wire: Wire, doc: ContractDoc, campaign: CampaignDoc, adapter: Adapter[Any], settings: AdapterSettings
) -> bool:
    given = handover(doc, campaign)
    typer.echo(f"{_now()}  -->  test lead {tail(given.lead_id)}  [{given.delivery_id}]")
    conversed = await wire.converse(adapter.converse(given, settings))
    typer.echo(coloured(f"{_now()}  <--  {_said(conversed)}"))
    return isinstance(conversed.outcome, Accepted)


def handover(doc: ContractDoc, campaign: CampaignDoc) -> Handover:
    """A made-up lead on its way to this contract."""
    clock_, raw = world(), sample(campaign, world(), {})
    return Handover(
        delivery_id=clock_.new_id(), lead_id=clock_.new_id(), contract=doc.id, campaign=campaign.id, source="test",
        price=doc.price, lead=_normals(campaign, raw), raw=raw, at=clock_.now(), test=True,
    )  # fmt: skip


def _normals(campaign: CampaignDoc, raw: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, doc in campaign.fields.items():
        kind = fieldtypes[doc.type]
        value = kind.normal(raw[name], kind.settings.model_validate(doc.model_extra or {}))
        if value.valid:
            found[name] = value.normal
    return found


def _now() -> str:
    return clock(world().now(), None)[:8]


def _said(conversed: Conversed) -> str:
    """`[200] POST http://localhost:4242/  read as: Accepted TEST-1`, and by which rule."""
    outcome = conversed.outcome
    if not conversed.exchanges:
        return f"nothing was sent: {word_of(outcome)} {outcome.read}"
    last = conversed.exchanges[-1]
    if isinstance(outcome, Accepted):
        price = "" if outcome.price is None else f"  {money(outcome.price)}"
        told = f"Accepted {outcome.reference or '(no reference)'}{price}"
    else:
        told = f"{word_of(outcome)} {outcome.reason}"
    status = last.error if last.status is None else last.status
    return f"[{status}] {last.method} {last.url}  read as: {told}" + (
        f"   by {outcome.read}" if outcome.read else ""
    )
