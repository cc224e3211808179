"""Learn a campaign's score from outcomes, put a model in force or out of it, and see how it does."""

import getpass
from datetime import datetime
from typing import Annotated, Any

import msgspec
import orjson
import typer
from msgspec.structs import asdict

from app.catalog.documents import CampaignDoc
from app.catalog.modelling import TARGETS, Fitted, Model, ModelDoc, read_model
from app.catalog.problems import suggestion
from app.catalog.rows import catalogue_of
from app.commands import completing
from app.commands.completing import OfThisCampaign
from app.commands.desk import (
    USAGE,
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.moments import since_when
from app.commands.score_learning import differs, newest, read
from app.commands.score_report import comparison, drift_table, figures_table, models_table, page
from app.commands.words import columns
from app.pipeline.drift import look_at
from app.settings import Settings
from app.store import models, outcomes
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.models import StoredModel
from app.validate.estimate import Estimator
from app.validate.score import Points

Named = Annotated[str, typer.Argument(metavar="MODEL", help="As `score models` names it: solar@3.")]

score = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__, no_args_is_help=True)


@score.command("fit")
def fit(
    campaign: Annotated[
        str,
        typer.Argument(
            help="Which campaign's score; it declares `score.model`.", autocompletion=completing.campaigns
        ),
    ],
    since: Annotated[str, typer.Option(help="Leads received since: 180d or 2026-06-01.")] = "365d",
    until: Annotated[str | None, typer.Option(help="And before: 2026-11-27.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000_000, help="The newest so many of them.")] = 200_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Learn and tell, and keep nothing.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Learn from what became of leads. The model is kept with its figures, and changes nothing until somebody
    activates it."""
    settings, now = settings_beside(data_dir), world().now()
    first, last = since_when(since, now) or now, since_when(until, now, "--until") or now

    async def work(database: Database) -> tuple[Model, int, ModelDoc]:
        doc = _model_of(await _campaign(database, campaign))
        async with database.acquire() as conn:
            fitted = await _fitted(conn, campaign, doc, first, last, most)
            left_out = await outcomes.still_open(conn, campaign, first, last)
            version = 0
            if not dry_run:
                version = await models.add(
                    conn, campaign, msgspec.json.encode(fitted).decode(), getpass.getuser()
                )
        return Model(campaign=campaign, version=version, fitted=fitted), left_out, doc

    model, left_out, doc = at_database(settings, work)
    if as_json:
        typer.echo(
            orjson.dumps({"id": model.id if model.version else None, **asdict(model.fitted)}, default=_plain)
        )
    else:
        _tell(model, left_out)
    _report(settings, model, doc)


async def _fitted(
    conn: Any, campaign: str, doc: ModelDoc, since: datetime, until: datetime, most: int
) -> Fitted:
    try:
        from app.validate.fitting import TooFew
        from app.validate.fitting import fit as learn
    except ModuleNotFoundError as error:
        raise fail(
            f"{error.name} is not installed, which learning needs: pip install 'leadgate[fit]'"
        ) from None
    try:
        return learn(doc, await read(conn, campaign, doc, since, until, most))
    except TooFew as few:
        raise fail(f"{few}\nLeads count as {doc.target} where {TARGETS[doc.target]}; see --since.") from None


def _tell(model: Model, left_out: int) -> None:
    fitted = model.fitted
    a, b, c = fitted.parts
    say(
        f"{fitted.leads:,} leads received {fitted.first[:10]} to {fitted.last[:10]}, {fitted.hits:,} of them "
        f"{fitted.target}; learned from the oldest {a:,}, calibrated with {b:,}, tested on the newest {c:,}"
    )
    if left_out:
        say(f"{left_out:,} more have no outcome yet and are left out")
    for line in (*figures_table(fitted), "", *comparison(fitted)):
        typer.echo(line)
    for warning in fitted.warnings:
        warn(f"warning: {warning}")


def _report(settings: Settings, model: Model, doc: ModelDoc) -> None:
    """The same with pictures, in one file that opens without a network."""
    folder = settings.data_dir / "reports"
    name = f"score-{model.campaign}-{model.version or 'dry'}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(page(model, doc), "utf-8")
    except OSError as error:
        warn(f"the report can't be written to {folder}: {error.strerror}")
    else:
        say(f"report: {folder / name}")
    if model.version:
        say(f"nothing changes by it yet: leadgate score activate {model.id} --dry-run")


@score.command("models")
def models_(
    campaign: OfThisCampaign = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """The models that were learned, and which are in force since when and by whose word."""

    async def work(database: Database) -> list[StoredModel]:
        async with database.acquire() as conn:
            return await models.models(conn, campaign)

    found = at_database(settings_beside(data_dir), work)
    if not found:
        say("nothing was learned yet: leadgate score fit CAMPAIGN")
    for line in map(_object, found) if as_json else models_table(found) if found else ():
        typer.echo(line)


@score.command("activate")
def activate(
    model: Named, dry_run: DryRun = False, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Put a model in force, in every process within a second; the one before is out of it."""
    campaign, version = _named(model)

    async def work(database: Database) -> tuple[bool, list[str]]:
        doc = await _campaign(database, campaign)
        declared = _model_of(doc)
        async with database.acquire() as conn:
            known = {one.version: one for one in await models.models(conn, campaign)}
            stored = known.get(version)
            read_ = None if stored is None else read_model(campaign, version, stored.doc)
            if stored is None or read_ is None:
                has = ", ".join(one.id for one in known.values()) or "none"
                raise fail(f"there is no model {model} that can be used; {campaign} has {has}")
            if stored.activated_at is not None:
                return False, [f"{model} is in force already"]
            told = [*_before(known.values()), *_means(declared, read_), *await _changes(conn, doc, read_)]
            if dry_run:
                return True, [f"{model} would be put in force", *told]
            await models.activate(conn, campaign, version, getpass.getuser())
        return True, [f"{model} is in force", *told]

    changes, lines = at_database(settings_beside(data_dir), work)
    told = {"model": model, "campaign": campaign, "changed": changes, "dry_run": dry_run}
    tell(told, *lines, as_json=as_json)


@score.command("deactivate")
def deactivate(
    campaign: Annotated[
        str, typer.Argument(help="Whose model is to be out of force.", autocompletion=completing.campaigns)
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Go back to the points alone, in every process within a second."""

    async def work(database: Database) -> str:
        async with database.acquire() as conn:
            held = next((m for m in await models.models(conn, campaign) if m.activated_at is not None), None)
            if held is None:
                raise fail(f"no model of {campaign} is in force")
            if not dry_run:
                await models.activate(conn, campaign, None, getpass.getuser())
        return held.id

    was = at_database(settings_beside(data_dir), work)
    line = f"{was} {'would be' if dry_run else 'is'} out of force: the score is the points again"
    tell({"model": was, "campaign": campaign, "dry_run": dry_run}, line, as_json=as_json)


@score.command("drift")
def drift(
    campaign: OfThisCampaign = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """How the models in force do: whether leads are still those they were learned from, and rates as foretold."""
    now = world().now()

    async def work(database: Database) -> list[Any]:
        found = []
        async with database.acquire() as conn:
            for one in await models.models(conn, campaign):
                model = read_model(one.campaign, one.version, one.doc)
                if one.activated_at is not None and model is not None:
                    found.append(await look_at(conn, model, one.activated_at, now))
        return found

    found = at_database(settings_beside(data_dir), work)
    if not found:
        say("no model is in force")
    lines = (
        [orjson.dumps(asdict(one), default=_plain).decode() for one in found]
        if as_json
        else drift_table(found)
    )
    for line in lines if found else ():
        typer.echo(line)


async def _campaign(database: Database, campaign: str) -> CampaignDoc:
    catalogue = catalogue_of((await CatalogueStore(database).load())[1])
    found = {one.id: one for one in catalogue.campaigns}
    if campaign not in found:
        raise fail(f"there is no campaign {campaign!r}; {suggestion(campaign, found, otherwise='there is')}")
    return found[campaign]


def _model_of(doc: CampaignDoc) -> ModelDoc:
    if doc.score.model is None:
        raise fail(
            f"{doc.id} does not say what to learn from; add to its `score:`\n"
            "  model: {target: sold, features: [state, bill]}"
        )
    return doc.score.model


def _named(model: str) -> tuple[str, int]:
    campaign, _, version = model.partition("@")
    if not campaign or not version.isdecimal() or len(version) > 9:
        raise fail(f"{model!r} names no model; write it as solar@3 (leadgate score models)", USAGE)
    return campaign, int(version)


def _before(known: Any) -> list[str]:
    return [f"instead of {one.id}" for one in known if one.activated_at is not None]


def _means(declared: ModelDoc, model: Model) -> list[str]:
    means = {
        "points": "the score stays the points; the probability stands beside it (score.model.score)",
        "probability": "the score is the probability in per cent (score.model.score)",
        "rank": "the score is how many in a hundred were less probable (score.model.score)",
    }
    other = differs(model.fitted.features, declared)
    beware = (
        [f"the campaign declares {', '.join(other)} otherwise by now: learn anew to follow it"]
        if other
        else []
    )
    if model.fitted.target != declared.target:
        beware.append(f"it foretells {model.fitted.target}; the campaign asks for {declared.target} by now")
    return [means[declared.score], *beware, *(f"warning: {one}" for one in model.fitted.warnings)]


async def _changes(conn: Any, doc: CampaignDoc, model: Model) -> list[str]:
    """What it would have made of the newest thousand leads."""
    declared = doc.score.model
    if declared is None or declared.score == "points":
        return []
    now = world().now()
    first = since_when("365d", now) or now
    learned = declared.model_copy(update={"target": model.fitted.target})
    leads = await newest(conn, doc.id, learned, first, now, 1_000)
    points, estimator = Points(doc.score), Estimator(model)
    rows = [
        (one.points, points.score(one.points, estimator.estimate(one.facts, one.source))) for one in leads
    ]
    grades = [name for name, _ in sorted(doc.score.grades.items(), key=lambda pair: -pair[1])] or [""]
    names = [*grades, ""] if grades != [""] else [""]
    table = [("grade", "now", "then")]
    for name in names:
        was, will = (sum(points.grade(row[i]) == name for row in rows) for i in (0, 1))
        table.append((name or "none", f"{was:,}", f"{will:,}"))
    mean = [sum(row[i] for row in rows) / max(1, len(rows)) for i in (0, 1)]
    head = f"of the newest {len(rows):,} leads with an outcome: mean score {mean[0]:.0f} → {mean[1]:.0f}"
    return [head, *(columns(table, right=(1, 2)) if grades != [""] else [])]


def _object(one: StoredModel) -> str:
    told = {**asdict(one), "id": one.id, "doc": orjson.loads(one.doc)}
    return orjson.dumps(told, default=str).decode()


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
