"""What a source may bring: its caps, counted as its leads are taken, and the refusal of the next one."""

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from app.core.conditions import Facts
from app.core.money import units
from app.core.reserved import MONEY
from app.distribute.caps import CounterKey, Use, cap_of
from app.model import Finding, Verdict
from app.pipeline.plans import SourcePlan

_CODE = "source_cap"


def gate(plan: SourcePlan, facts: Facts, at: datetime, agreed: Decimal | None) -> tuple[Use, ...]:
    """What taking this lead uses up of its source's caps; `agreed` is what it is paid for it."""
    price = 0 if agreed is None else units(agreed)
    uses = (cap.use(facts, plan.id, at, price) for cap in plan.caps)
    return tuple(use for use in uses if use is not None)


def refused(verdict: Verdict, key: CounterKey) -> Verdict:
    """Of a lead that nothing else is against. It has no keys: another day it may come again."""
    per = "" if (word := cap_of(key)) == "total" else f" per {word}"
    told = "spent on" if key.startswith(MONEY) else "taken from"
    finding = Finding(
        check="caps", code=_CODE, message=f"no more is {told} this source{per}", action="reject"
    )
    return replace(verdict, outcome="rejected", findings=(*verdict.findings, finding))
