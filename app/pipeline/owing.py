"""Whether a source is owed a callback: unless it is on the line at this moment, it can't know otherwise."""

from decimal import Decimal
from uuid import UUID

from app.core.world import World
from app.pipeline.plans import SourcePlan
from app.store.callbacks import Owed

_LET_GO = ("held", "unclear", "pooled")
"""States in which a source that waits is answered `pending` before its deadline."""


def nobody(_: UUID) -> bool:
    """For whoever serves no source: none is on the line here."""
    return False


def owed(
    world: World,
    plan: SourcePlan,
    lead_id: UUID,
    round_: int,
    *,
    state: str,
    outcome: str | None,
    price: Decimal | None,
    reasons: str | None,
    waits: bool,
) -> Owed | None:
    """What to write with this outcome (None: still open). `waits`: this process has the source on the line.

    A source that this process lets go at its deadline is promised its callback before it hears `pending`,
    so that between the two nothing is lost, whoever dies.
    """
    to = plan.callback
    if to is None:
        return None
    if outcome is None:
        if state not in _LET_GO:
            return None
    elif outcome not in to.outcomes or (to.only_late and waits):
        return None
    return Owed(
        id=world.new_id(), lead_id=lead_id, round=round_, source=plan.id, outcome=outcome, price=price, reasons=reasons,
    )  # fmt: skip


def promise(world: World, plan: SourcePlan, lead_id: UUID, round_: int = 1) -> Owed:
    """Written before the source is told that its lead is pending."""
    return Owed(
        id=world.new_id(),
        lead_id=lead_id,
        round=round_,
        source=plan.id,
        outcome=None,
        price=None,
        reasons=None,
    )
