"""Leads that buyers want to give back: shown with what was looked up, approved or denied."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from app.commands.beside import Beside, beside
from app.commands.completing import OfThisBuyer, OfThisContract
from app.commands.desk import (
    REFUSED,
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    object_line,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.recalling import one_id
from app.commands.words import columns, counted, days, money, short, tail
from app.core.errors import Refused
from app.core.metrics import Metrics
from app.followup.later import view
from app.pipeline.faults import Retrying
from app.pipeline.returning import Returns
from app.store import returns as rows
from app.store.database import Database
from app.store.returns import Request

STATES = ("requested", "approved", "denied", "withdrawn")
Named = Annotated[
    list[str], typer.Argument(metavar="RETURN…", help="Ids of returns, or their last 6 characters or more.")
]

returns = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


@returns.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES)}, or all.")] = "requested",
    contract: OfThisContract = None,
    buyer: OfThisBuyer = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Without a command: those that wait, the oldest first, each with what speaks for it and against it."""
    if context.invoked_subcommand is not None:
        return
    if state not in (*STATES, "all"):
        raise fail(f"there is no state {state!r}; say {', '.join(STATES)}, or all", 2)

    async def work(database: Database) -> list[Request]:
        async with database.acquire() as conn:
            states = STATES if state == "all" else (state,)
            return await rows.listed(conn, states, contract=contract, buyer=buyer, limit=limit)

    found = at_database(settings_beside(data_dir), work)
    for line in [_object(one) for one in found] if as_json else columns([_shown(one) for one in found]):
        typer.echo(line)
    if not found:
        say("no return is in that state" if state != "requested" else "no return waits for a person")
    elif not as_json and state == "requested":
        say("leadgate returns show RETURN · returns approve RETURN · returns deny RETURN --reason …")


@returns.command("show")
def show(
    named: Annotated[str, typer.Argument(metavar="RETURN", help="Its id, or the last 6 characters or more.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """One return with what was said about it, in turn: notes, evidence, decisions."""

    async def work(database: Database) -> tuple[Request, list[dict[str, Any]]]:
        async with database.acquire() as conn:
            return_id = await one_id(conn, named, rows.ending, "return")
            found = await rows.find(conn, return_id)
            if found is None:
                raise fail("there is no such return")
            return found, await rows.words(conn, return_id)

    found, words = at_database(settings_beside(data_dir), work)
    tell(
        {**view(found), "words": words}, *columns([_shown(found)]), *map(_word, words), as_json=as_json
    )  # fmt: skip


def _word(word: dict[str, Any]) -> str:
    """What a buyer wrote may hold anything; a terminal must not obey it."""
    written = " · ".join(text for text in (word["text"], word["evidence"]) if text)
    visible = "".join(sign if sign.isprintable() else " " for sign in written)
    line = f"{word['at'].astimezone():%Y-%m-%d %H:%M}  {word['kind']}  {word['by_whom']}  {visible}"
    return line.rstrip()


@returns.command("approve")
def approve(
    named: Named,
    reason: Annotated[str, typer.Option(help="Words for the buyer.")] = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take leads back: what was charged is credited, or the next lead is free."""

    async def word(desk: Returns, parts: Beside, return_id: UUID) -> Request:
        return await desk.approve(return_id, by=parts.by, why=reason, dry=dry_run)

    _each(named, word, dry_run, data_dir, as_json=as_json)


@returns.command("deny")
def deny(
    named: Named,
    reason: Annotated[str, typer.Option(help="Why; the buyer is told these words.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Leave things as they are; the buyer may appeal once, with evidence."""

    async def word(desk: Returns, parts: Beside, return_id: UUID) -> Request:
        return await desk.deny(return_id, reason, by=parts.by, dry=dry_run)

    _each(named, word, dry_run, data_dir, as_json=as_json)


def _each(
    named: list[str], word: Callable[[Returns, Beside, UUID], Awaitable[Request]], dry_run: bool, data_dir: Any,
    *, as_json: bool,
) -> None:  # fmt: skip
    """Each by itself: one that can't be decided hinders none of the others. `changed` is false where it was so."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        async with database.acquire() as conn:
            ids = [await one_id(conn, text, rows.ending, "return") for text in named]
            found = [await rows.find(conn, return_id) for return_id in ids]
        ended = {one.id for one in found if one is not None and one.state != "requested"}
        parts = await beside(database, settings)
        clock = world()
        desk = Returns(
            database, parts.recorder, parts.tracker, clock, Retrying(clock, Metrics()), plans=lambda: parts.plans
        )  # fmt: skip
        refused = 0
        for return_id in ids:
            try:
                done = await word(desk, parts, return_id)
                is_ = "was already" if return_id in ended else "would be" if dry_run else "is"
                told = {**view(done), "changed": return_id not in ended, "dry_run": dry_run}
                tell(told, f"{tail(return_id)} {is_} {done.state}{_came_to(done)}", as_json=as_json)
            except Refused as error:
                refused += 1
                warn(f"error: {tail(return_id)}: {error.detail}")
        return REFUSED if refused else 0

    raise typer.Exit(at_database(settings, work))


def _came_to(one: Request) -> str:
    if one.state == "denied":
        return f": {one.why}"
    if one.credited is not None:
        text = f": {money(one.credited)} {one.currency} credited to {one.buyer}"
    else:
        text = f": the next lead of {one.contract} is free"
    if one.price_back is not None:
        return f"{text}, {one.source} is not paid {money(one.price_back)}"
    return f"{text}, {one.source} is paid all the same"


def _shown(one: Request) -> list[str]:
    due = ""
    if one.due_at is not None:
        due = f"{one.by_then} in {days(one.due_at - world().now())}"
    return [
        short(one.id), one.buyer, one.contract, one.reason, f"{money(one.price)} {one.currency}",
        f"sold {days(one.requested_at - one.sold_at)} before", *([due] if one.state == "requested" else [one.state]),
        _found(one),
    ]  # fmt: skip


def _found(one: Request) -> str:
    """What speaks for it and against it."""
    found = one.found
    told = []
    if found.get("verified"):
        told.append("our findings bear it out")
    if found.get("contradicted"):
        told.append("the buyer's own words contradict it")
    if found.get("over_cap"):
        told.append(f"over the cap: {found['returned']} of {found['sold']}")
    if found.get("attempts"):
        told.append(f"{found['attempts']} calls on {found['days']} days")
    if one.evidence:
        told.append(counted(one.evidence, "piece") + " of evidence")
    if one.appealed:
        told.append("appealed")
    if one.absorbed:
        told.append("the house bears it")
    if one.why:
        told.append(one.why)
    return "; ".join(told)


def _object(one: Request) -> str:
    return object_line(view(one))
