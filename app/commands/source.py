"""Sources: add one in test mode with its key, let it go live, see how all of them stand."""

import getpass
from datetime import datetime, time
from typing import Annotated, Any

import orjson
import typer

from app.catalog.documents import SourceDoc
from app.catalog.plan_text import document
from app.catalog.problems import CatalogueErrors, render
from app.catalog.service import Applied, Configuration
from app.catalog.writing import block
from app.commands import completing
from app.commands.desk import AsJson, DataDir, at_database, fail, say, settings_beside, tell, warn, world
from app.commands.spec import link_of
from app.commands.words import columns, days
from app.components import discover
from app.core.errors import Conflict
from app.ground import sealer
from app.pipeline.silence import first_id
from app.settings import Settings
from app.store import sources, spec_changes
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.keys import KeyStore
from app.store.sources import Day
from app.store.spec_changes import Latest

source = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
_HEAD = ("source", "campaign", "state", "today", "tests", "last lead", "spec", "")
_LINK_DAYS = 30

Id = Annotated[str, typer.Argument(help="A source's id.", autocompletion=completing.sources)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")]


@source.command("add")
def add(
    source: Annotated[str, typer.Argument(help="The new source's id.")],
    campaign: Annotated[
        str, typer.Option("--campaign", help="What its leads are for.", autocompletion=completing.campaigns)
    ],
    price: Annotated[str | None, typer.Option("--price", help="What a sold lead is paid: 12.50.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="For people.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a source in test mode: prints its key, alone on standard output, this once."""
    doc = {"id": source, "campaign": campaign, "name": name, "price": price, "test": True}
    yaml = block({"sources": [{key: value for key, value in doc.items() if value is not None}]})
    settings = settings_beside(data_dir)

    async def work(database: Database) -> dict[str, Any]:
        configuration = _configuration(database, settings)
        _refuse_known(source, (await configuration.current())[1].sources)
        try:
            applied = await configuration.apply([("source add", yaml)], by=getpass.getuser(), dry_run=dry_run)
        except CatalogueErrors as errors:
            warn(render(errors.problems))
            raise typer.Exit(1) from None
        say(applied.changed_text())
        key = None if dry_run else (await KeyStore(database, world()).issue("source", source))[0]
        return {**document(applied.plan, applied.version), "source": source, "key": key}

    told = at_database(settings, work)
    key: str | None = told["key"]
    if key is not None:
        say(
            f"{source} is in test mode: all that it posts is a test. Its key, shown only this once, is below;"
        )
        say(f"its posting instructions, for {_LINK_DAYS} days: {link_of(settings, source, _LINK_DAYS)}")
        say(f"once its tests are well: leadgate source live {source}")
    tell(told, *([key] if key else []), as_json=as_json)


def _refuse_known(source: str, known: tuple[SourceDoc, ...]) -> None:
    for one in known:
        if one.id == source:
            raise fail(
                f"there is a source {source} already, {_state(one)}; `leadgate key issue source {source}`"
            )


@source.command("live")
def to_live(source: Id, dry_run: DryRun = False, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """From now on its leads are leads: sold, counted and paid."""
    _switch(source, test=False, dry_run=dry_run, as_json=as_json, settings=settings_beside(data_dir))


@source.command("test")
def to_test(source: Id, dry_run: DryRun = False, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """From now on all that it posts is a test: nothing is sold, counted or paid."""
    _switch(source, test=True, dry_run=dry_run, as_json=as_json, settings=settings_beside(data_dir))


def _switch(source: str, *, test: bool, dry_run: bool, as_json: bool, settings: Settings) -> None:
    async def work(database: Database) -> Applied:
        configuration = _configuration(database, settings)
        while True:
            try:
                return await configuration.revise(
                    source, {"test": test}, by=getpass.getuser(), dry_run=dry_run
                )
            except Conflict:
                continue  # another change came first; this one says nothing of it

    applied = at_database(settings, work)
    doc = next(one for one in applied.plan.result.sources if one.id == source)
    line = f"{source} is {_state(doc)} already" if applied.plan.empty else applied.changed_text()
    told = {**document(applied.plan, applied.version), "source": source, "state": _state(doc)}
    tell(told, line, as_json=as_json)


@source.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """How each source stands: live or in test mode, what came today (UTC), when it was heard last."""
    settings, now = settings_beside(data_dir), world().now()
    midnight = datetime.combine(now.date(), time(), now.tzinfo)

    async def work(database: Database) -> list[dict[str, Any]]:
        _, catalogue = await _configuration(database, settings).current()
        async with database.acquire() as conn:
            found = await sources.day(conn, first_id(midnight), midnight)
            specs = await spec_changes.latest(conn)
        return [_standing(one, found.get(one.id, Day()), specs.get(one.id)) for one in catalogue.sources]

    told = at_database(settings, work)
    if as_json:
        for one in told:
            typer.echo(orjson.dumps(one))
    elif not told:
        say("no source is configured yet: leadgate source add ID --campaign CAMPAIGN")
    else:
        for line in columns([_HEAD, *(_row(one, now) for one in told)], right=(3, 4)):
            typer.echo(line)


def _standing(doc: SourceDoc, day: Day, spec: Latest | None) -> dict[str, Any]:
    return {
        "source": doc.id, "campaign": doc.campaign, "name": doc.name, "state": _state(doc), "leads_today": day.leads,
        "tests_today": day.tests, "last_at": day.last_at, "silent_since": day.silent_since,
        "spec": None if spec is None else {"version": spec.version, "at": spec.at, "notice": spec.state},
    }  # fmt: skip


def _row(one: dict[str, Any], now: datetime) -> tuple[str, ...]:
    last, silent, spec = one["last_at"], one["silent_since"], one["spec"]
    return (
        one["source"], one["campaign"], one["state"], f"{one['leads_today']:,}", f"{one['tests_today']:,}",
        f"{days(now - last)} ago" if last else "—",
        f"v{spec['version']}, {days(now - spec['at'])} ago" if spec else "—", f"! silent for {days(now - silent)}" if silent else "",
    )  # fmt: skip


def _state(doc: SourceDoc) -> str:
    return "paused" if doc.paused else "in test mode" if doc.test else "live"


def _configuration(database: Database, settings: Settings) -> Configuration:
    return Configuration(CatalogueStore(database), discover(), sealer(settings))
