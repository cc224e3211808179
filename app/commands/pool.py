"""Leads that people pull: what is in the pool, and a person's words on it, by somebody who may speak for them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from msgspec import Struct

from app.commands import completing
from app.commands.beside import Beside, beside
from app.commands.completing import OfThisBuyer
from app.commands.desk import (
    USAGE,
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    object_line,
    say,
    settings_beside,
    tell,
    world,
)
from app.commands.recalling import one_id
from app.commands.words import columns, counted, days, short, span, tail
from app.core.metrics import Metrics
from app.model import Accepted, Rejected
from app.pipeline.faults import Retrying
from app.pipeline.offers import Offers
from app.pipeline.plans import Plans
from app.pipeline.pool_view import Card, PoolView
from app.pipeline.pooling import Agent, PoolDesk
from app.settings import Settings
from app.store import looking
from app.store import pool as pools
from app.store.database import Database
from app.store.pool import Pooled

Named = Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, or its last 6 characters or more.")]
As = Annotated[
    str,
    typer.Option(
        "--as", metavar="BUYER/PERSON", help="For whom: inside/dana.", autocompletion=completing.people
    ),
]
Reason = Annotated[str, typer.Option(help="Why; it stands in the lead's story.")]

pool = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


class Counter(Struct, frozen=True):
    """What the pool is worked with beside the service, which does the sending."""

    beside: Beside
    desk: PoolDesk
    view: PoolView

    def agent(self, name: str) -> Agent:
        buyer, slash, person = name.partition("/")
        if not slash:
            raise fail(f"{name!r} is nobody; write BUYER/PERSON, as inside/dana", USAGE)
        return self.desk.agent(buyer, person)


@pool.callback(invoke_without_command=True)
def every(
    context: typer.Context,
    buyer: OfThisBuyer = None,
    team: Annotated[str | None, typer.Option(help="What is offered to this team only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Without a command: what is in the pool, the next first, each with whom it is offered to, or who has it."""
    if context.invoked_subcommand is not None:
        return

    async def work(database: Database) -> list[Pooled]:
        async with database.acquire() as conn:
            return await pools.every(conn, buyer=buyer, team=team, limit=limit)

    found, now = at_database(settings_beside(data_dir), work), world().now()
    lines = [_object(one) for one in found] if as_json else columns([_row(one, now) for one in found])
    for line in lines:
        typer.echo(line)
    if not found:
        say("nothing is in the pool")
    elif not as_json:
        say("leadgate pool claim --as BUYER/PERSON [LEAD] · leadgate pool move LEAD --to TEAM")


@pool.command("claim")
def claim(
    person: As,
    lead: Annotated[str | None, typer.Argument(metavar="[LEAD]", help="Which; without it the next.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Claim the next lead for a person, or a certain one, and show it whole.

    With --dry-run it says which lead that would be, and shows none of its person."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> list[str]:
        counter = await _counter(database, settings)
        agent = counter.agent(person)
        which = None if lead is None else await _id(database, lead)
        row = await counter.desk.claim(agent, which, dry=dry_run)
        if dry_run:
            line = f"{tail(row.lead_id)} of {row.contract} would be {agent.person.called}'s"
            return [object_line({**_named(row), "dry_run": True}) if as_json else line]
        card = await counter.view.card(agent, row)
        if card is None:
            raise fail("this lead was deleted a moment ago")
        return [_claimed_object(card)] if as_json else _claimed(card, agent)

    for line in at_database(settings, work):
        typer.echo(line)


@pool.command("release")
def release(
    lead: Named,
    person: As,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give a lead back for the person who has it; it is offered to others."""
    settings, is_ = settings_beside(data_dir), "would be" if dry_run else "is"

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        counter = await _counter(database, settings)
        agent, which = counter.agent(person), await _id(database, lead)
        row = await counter.desk.release(agent, which, reason, dry=dry_run)
        line = f"{tail(row.lead_id)} {is_} released, and offered to {_whom(row)}"
        return {**_named(row), "team": row.team, "dry_run": dry_run}, line

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


@pool.command("close")
def close(
    lead: Named,
    person: As,
    rejected: Annotated[
        str, typer.Option(metavar="REASON", help="It was no good: on to the next contract.")
    ] = "",
    reference: Annotated[str, typer.Option(help="The buyer's own id of the lead.")] = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say for the person who has it that it is taken, or with --rejected that it is not."""
    settings, is_ = settings_beside(data_dir), "would be" if dry_run else "is"

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        counter = await _counter(database, settings)
        outcome = Rejected(reason=rejected) if rejected else Accepted(reference=reference or None)
        agent, which = counter.agent(person), await _id(database, lead)
        step = await counter.desk.close(agent, which, outcome, dry=dry_run)
        asked = [job.contract.id for job in step.jobs]
        went = f" and {'would go' if dry_run else 'goes'} to {', '.join(asked)}" if asked else ""
        told = {"lead": step.track.lead_id, "state": step.state, "asked": asked, "dry_run": dry_run}
        return told, f"{tail(step.track.lead_id)} {is_} {step.state}{went}"

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


@pool.command("move")
def move(
    lead: Named,
    to: Annotated[str, typer.Option(metavar="TEAM", help="A team of its buyer, or all.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Offer a lead to another team until it is claimed; whoever has it has it no more."""
    settings, is_ = settings_beside(data_dir), "would be" if dry_run else "is"

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        counter = await _counter(database, settings)
        row = await counter.desk.move(await _id(database, lead), to, by=counter.beside.by, dry=dry_run)
        had = f"; {row.buyer}/{row.person} {'has' if dry_run else 'had'} it" if row.person else ""
        whom = "everybody" if to == "all" else f"team {to}"
        told = {**_named(row), "team": None if to == "all" else to, "had_by": row.person, "dry_run": dry_run}
        return told, f"{tail(row.lead_id)} {is_} offered to {whom}{had}"

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


async def _id(database: Database, text: str) -> UUID:
    async with database.acquire() as conn:
        return await one_id(conn, text, looking.leads_ending, "lead")


async def _counter(database: Database, settings: Settings) -> Counter:
    parts, clock, metrics = await beside(database, settings), world(), Metrics()
    retrying = Retrying(clock, metrics, patience=2.0)

    def plans() -> Plans:
        return parts.plans

    offers = Offers(
        database, parts.recorder, parts.tracker, retrying, clock, metrics, plans=plans, follow=lambda _: None
    )
    desk = PoolDesk(database, parts.recorder, parts.tracker, retrying, offers, clock, metrics, plans=plans)
    return Counter(parts, desk, PoolView(database, desk, parts.tracker, clock))


def _row(one: Pooled, now: datetime) -> list[str]:
    if one.person is not None and one.expires_at is not None:
        left = max(0.0, (one.expires_at - now).total_seconds())
        stands = f"{one.buyer}/{one.person} has it for {span(left * 1000)}"
    else:
        stands = f"offered to {_whom(one)}" + (f" for {_left(one, now)}" if one.until else "")
    had = f"had by {', '.join(one.owners)}" if one.owners else ""
    return [
        short(one.lead_id), one.contract, one.campaign, days(now - one.pooled_at), stands, had,
        "test" if one.test else "",
    ]  # fmt: skip


def _left(one: Pooled, now: datetime) -> str:
    assert one.until is not None, "asked where there is one"
    return span(max(0.0, (one.until - now).total_seconds()) * 1000)


def _whom(one: Pooled) -> str:
    return f"team {one.team}" if one.team else f"everybody of {one.buyer}"


def _named(row: Pooled) -> dict[str, Any]:
    return {
        "lead": row.lead_id, "delivery": row.delivery_id, "contract": row.contract, "buyer": row.buyer
    }  # fmt: skip


def _object(one: Pooled) -> str:
    return orjson.dumps({name: getattr(one, name) for name in one.__struct_fields__}, default=str).decode()


def _claimed(card: Card, agent: Agent) -> list[str]:
    row = card.row
    assert row.expires_at is not None, "it is claimed"
    left = span(max(0.0, (row.expires_at - world().now()).total_seconds()) * 1000)
    fields = [(name, str(value)) for name, value in card.fields.items() if value not in (None, "")]
    lines = [
        f"{row.lead_id} is {agent.person.called}'s for {left}, {counted(card.renewals_left, 'renewal')} left"
    ]
    if card.reachable_from is not None:
        lines.append(f"not to be called before {card.reachable_from:%Y-%m-%d %H:%M %Z}")
    return lines + [f"  {line}" for line in columns(fields)]


def _claimed_object(card: Card) -> str:
    row = card.row
    told: dict[str, Any] = {
        "lead": row.lead_id, "delivery": row.delivery_id, "contract": row.contract, "campaign": row.campaign,
        "person": row.person, "until": row.expires_at, "renewals_left": card.renewals_left, "name": card.name,
        "fields": card.fields, "score": card.score, "grade": card.grade, "reachable_from": card.reachable_from,
    }  # fmt: skip
    return orjson.dumps(told, default=str).decode()
