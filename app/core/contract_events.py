"""What is told of contracts: that one rests because its buyer fails, goes on, or owes the proof of a hand-over."""

import logging
from uuid import UUID

from app.core.events import Code, Event, Id


class ContractRests(Event, frozen=True, kw_only=True):
    """A buyer failed so often in a row that the contract gets nothing for `rest_s`; then one delivery tries."""

    level = logging.ERROR
    contract: Id
    why: Code
    failures: int
    rest_s: int


class ContractRecovered(Event, frozen=True, kw_only=True):
    """A contract that rested takes leads again."""

    level = logging.WARNING
    contract: Id
    rested_s: int


class ProofOverdue(Event, frozen=True, kw_only=True):
    """A buyer has not said by the agreed time whether a hand-over arrived. Told once for each."""

    level = logging.WARNING
    delivery: UUID
    lead: UUID
    contract: Id
    then: Code
