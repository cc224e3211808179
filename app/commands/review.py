"""Leads that a check has held for a person: shown with what was found, approved or rejected."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from app.catalog.review import ReviewDoc
from app.catalog.rows import catalogue_of
from app.commands.beside import Beside, beside
from app.commands.completing import OfThisCampaign, OfThisSource
from app.commands.desk import (
    AsJson,
    DataDir,
    DryRun,
    at_database,
    object_line,
    say,
    settings_beside,
    tell,
    world,
)
from app.commands.recalling import one_id
from app.commands.words import columns, days, short, tail
from app.core.redaction import scrub
from app.pipeline.tracks import Step
from app.store import looking, reviews
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.reviews import HeldLead

Named = Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, or its last 6 characters or more.")]

Ends = Mapping[str, ReviewDoc]
"""Campaign → what becomes of its held leads, where that is said."""
_ENDS = {"accept": "goes on", "reject": "is rejected"}

review = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


@review.callback(invoke_without_command=True)
def held(
    context: typer.Context,
    source: OfThisSource = None,
    campaign: OfThisCampaign = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Without a command: the leads that wait, the oldest first, each with why, and what becomes of it by itself."""
    if context.invoked_subcommand is not None:
        return

    async def work(database: Database) -> tuple[list[HeldLead], Ends]:
        catalogue = catalogue_of((await CatalogueStore(database).load())[1])
        async with database.acquire() as conn:
            waiting = await reviews.held(conn, source=source, campaign=campaign, limit=limit)
        return waiting, {one.id: one.review for one in catalogue.campaigns if one.review}

    found, ends = at_database(settings_beside(data_dir), work)
    lines = (
        [_object(one, ends) for one in found] if as_json else columns([_shown(one, ends) for one in found])
    )
    for line in lines:
        typer.echo(line)
    if not found:
        say("no lead waits for a person")
    elif not as_json:
        say("leadgate review approve LEAD · leadgate review reject LEAD --reason …")


@review.command("approve")
def approve(lead: Named, dry_run: DryRun = False, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Send a held lead on to distribution as if it had been accepted; the running service hands it over."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        async with database.acquire() as conn:
            lead_id = await one_id(conn, lead, looking.leads_ending, "lead")
        parts: Beside = await beside(database, settings)
        step = await parts.reviewer.approve(lead_id, by=parts.by, dry=dry_run)
        line = f"{tail(lead_id)} {'would be' if dry_run else 'is'} approved{_followed(step)}"
        return _ended(lead_id, "approved", step, dry_run), line

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


@review.command("reject")
def reject(
    lead: Named,
    reason: Annotated[str, typer.Option(help="Why; its source is told these words.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Refuse a held lead; nothing is owed for it, and it stands in nobody's way as a duplicate."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        async with database.acquire() as conn:
            lead_id = await one_id(conn, lead, looking.leads_ending, "lead")
        parts: Beside = await beside(database, settings)
        step = await parts.reviewer.reject(lead_id, reason, by=parts.by, dry=dry_run)
        line = f"{tail(lead_id)} {'would be' if dry_run else 'is'} rejected: {reason}"
        return _ended(lead_id, "rejected", step, dry_run), line

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


def _ended(lead_id: UUID, said: str, step: Step | None, dry_run: bool) -> dict[str, Any]:
    """`asked` are the contracts that it goes on to; what became of it is not known where a commit was in doubt."""
    return {
        "lead": lead_id, "said": said, "state": step.state if step else None,
        "asked": [job.contract.id for job in step.jobs] if step else [], "dry_run": dry_run,
    }  # fmt: skip


def _followed(step: Step | None) -> str:
    if step is None:
        return ""
    if step.state == "rejected":
        return "; but its ping had expired, and its source wants no other sale: it is rejected"
    if step.state == "held":
        return ", and goes to whoever bids most: the running service holds its auction"
    if step.jobs:
        return f" and goes to {', '.join(job.contract.id for job in step.jobs)}"
    return f"; no contract takes it: it is {step.state}"


def _shown(one: HeldLead, ends: Ends) -> list[str]:
    why = "; ".join(_why(finding) for finding in one.findings if finding["action"] == "hold")
    waits = f"{days(world().now() - one.received_at)}"
    return [
        short(one.id),
        one.source,
        one.campaign,
        waits,
        _end(one, ends),
        "test" if one.test else "",
        why or "not on record",
    ]


def _end(one: HeldLead, ends: Ends) -> str:
    if one.let_go is not None:
        return "waits for its auction"
    doc = ends.get(one.campaign)
    if doc is None:
        return "no time-out"
    left = one.held_at + timedelta(seconds=doc.within.seconds) - world().now()
    when = f"in {days(left)}" if left > timedelta() else "now"
    return f"{_ENDS[doc.then]} {when}"


def _why(finding: Mapping[str, Any]) -> str:
    return f"{finding['check']}: {scrub(finding['message'])}"


def _object(one: HeldLead, ends: Ends) -> str:
    findings = [{name: value for name, value in f.items() if name != "facts"} for f in one.findings]
    told = {name: getattr(one, name) for name in one.__struct_fields__} | {"findings": findings}
    if doc := ends.get(one.campaign):
        told |= {"ends_at": one.held_at + timedelta(seconds=doc.within.seconds), "then": doc.then}
    return object_line(told)
