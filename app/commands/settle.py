"""`settle`: a person says what an unclear delivery was."""

from typing import Annotated, Any
from uuid import UUID

import typer

from app.commands import completing
from app.commands.beside import Beside, beside
from app.commands.desk import AsJson, DataDir, DryRun, at_database, fail, settings_beside, tell, warn
from app.commands.recalling import one_id
from app.commands.words import money, short, tail
from app.core.money import amount
from app.model import Accepted, Outcome, Rejected
from app.pipeline.settling import as_bid
from app.pipeline.tracks import Step
from app.store import deliveries, looking
from app.store.database import Database
from app.store.deliveries import DeliveryRow


def settle(
    delivery: Annotated[str, typer.Argument(help="A delivery's id, or its last 6 characters or more.")],
    what: Annotated[
        str,
        typer.Argument(
            metavar="sold|not-sold|again",
            help="What the buyer says it was.",
            autocompletion=completing.words("sold", "not-sold", "again"),
        ),
    ],
    reference: Annotated[str | None, typer.Option(help="sold: the buyer's own id of the lead.")] = None,
    price: Annotated[str | None, typer.Option(help="sold: where it differs from the contract's.")] = None,
    reason: Annotated[str | None, typer.Option(help="not-sold: why.")] = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say what an unclear delivery was. `sold` books it, `not-sold` goes on to the next contract, `again` asks
    the buyer once more with the same id, which is only safe if he ignores repeats."""
    if what not in ("sold", "not-sold", "again"):
        raise fail(f"{what!r} is no end of a delivery; say sold, not-sold or again", 2)
    outcome = _outcome(what, reference, price, reason)
    settings = settings_beside(data_dir)

    async def work(database: Database) -> tuple[dict[str, Any], str]:
        row = await _row(database, delivery)
        parts = await beside(database, settings)
        if outcome is None:
            return _object(row, what, None, dry_run), await _again(parts, row, yes, dry_run)
        async with database.acquire() as conn:
            paid = await as_bid(conn, row, outcome)
        step = await parts.settler.settle(row.id, outcome, by=parts.by, dry=dry_run)
        return _object(row, what, step, dry_run), _told(row, paid, step, _currency(parts, row), dry_run)

    told, line = at_database(settings, work)
    tell(told, line, as_json=as_json)


def _outcome(what: str, reference: str | None, price: str | None, reason: str | None) -> Outcome | None:
    if reason is not None and what != "not-sold":
        raise fail("--reason goes with not-sold", 2)
    if (reference is not None or price is not None) and what != "sold":
        raise fail("--reference and --price go with sold", 2)
    if what == "again":
        return None
    if what == "not-sold":
        return Rejected(reason=reason or "settled_as_not_sold", read="settled by a person")
    try:
        paid = None if price is None else amount(price)
    except ValueError as error:
        raise fail(f"--price {price} {error}", 2) from None
    if paid is not None and paid < 0:
        raise fail(f"--price {price} is below 0", 2)
    return Accepted(reference=reference, price=paid, read="settled by a person")


async def _row(database: Database, text: str) -> DeliveryRow:
    async with database.acquire() as conn:
        delivery_id: UUID = await one_id(conn, text, looking.deliveries_ending, "delivery")
        row = await deliveries.find(conn, delivery_id)
    if row is None:
        raise fail(f"there is no delivery {delivery_id}")
    if row.state == "sending":
        raise fail(f"delivery {tail(row.id)} is being asked at this moment; wait for its answer")
    return row


async def _again(parts: Beside, row: DeliveryRow, yes: bool, dry_run: bool) -> str:
    if row.state != "unclear":
        raise fail(
            f"delivery {tail(row.id)} is {row.state}, not unclear; `leadgate replay` asks dead ones again"
        )
    contract = parts.snapshot.contracts.get(row.contract)
    if not (yes or dry_run) and not (contract and contract.doc.idempotent):
        warn(f"{row.contract} may have this lead, and its contract does not say that it ignores repeats.")
        typer.confirm("Ask again with the same delivery id?", abort=True, err=True)
    await parts.replayer.ask(row.id, by=parts.by, even_unclear=True, dry=dry_run)
    if dry_run:
        return f"{tail(row.id)} would be asked again, with the same id"
    return f"{tail(row.id)} is asked again, with the same id; see `leadgate trace {short(row.lead_id)}`"


def _currency(parts: Beside, row: DeliveryRow) -> str:
    campaign = parts.snapshot.campaigns.get(row.campaign)
    return campaign.currency if campaign else ""


def _object(row: DeliveryRow, what: str, step: Step | None, dry_run: bool) -> dict[str, Any]:
    """`changed` is false where it was so already; `asked` are the contracts that the lead goes on to."""
    return {
        "delivery": row.id, "lead": row.lead_id, "contract": row.contract, "was": row.state, "said": what,
        "changed": step is not None or what == "again", "state": step.state if step else None,
        "asked": [job.contract.id for job in step.jobs] if step else [], "dry_run": dry_run,
    }  # fmt: skip


def _told(row: DeliveryRow, outcome: Outcome, step: Step | None, currency: str, dry_run: bool) -> str:
    if step is None:
        return f"{tail(row.id)} was {row.state} already; nothing changed"
    lead = f"lead {tail(row.lead_id)}"
    was, is_, owes, goes = (
        ("would be", "would be", "would owe", "would go") if dry_run else ("was", "is", "owes", "goes")
    )
    if isinstance(outcome, Accepted):
        paid = row.price if outcome.price is None else outcome.price
        return f"{tail(row.id)} {was} sold: {row.contract} {owes} {money(paid)} {currency}; {lead} {is_} {step.state}"
    if step.jobs:
        following = ", ".join(job.contract.id for job in step.jobs)
        return f"{tail(row.id)} {was} not sold: {lead} {goes} on to {following}"
    return f"{tail(row.id)} {was} not sold, and nobody is left to ask: {lead} {is_} {step.state}"
