"""How each contract's buyer does at this moment, as far as this process hears it: counted without a look anywhere."""

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from app.catalog.confirming import BreakerDoc
from app.model import Outcome, TryLater, Unclear
from app.pipeline.tracks import Job

_OURS = frozenset(
    {
        "shutdown", "no_place", "unformattable", "to_be_bundled", "contract_gone", "no_such_adapter", "internal_error",
        "http_429",
    }
)  # fmt: skip
"""What is no failure of the buyer: faults of ours, and a buyer who only asks for patience."""

_WELL = "awaits_confirmation"
"""The hand-over went as it should; only its proof comes later."""


class Run(Struct):
    """Failures in a row."""

    since: float
    failures: int = 0
    why: str = ""


class Failing(Struct, frozen=True):
    """A contract that is to rest."""

    contract: str
    doc: BreakerDoc
    failures: int
    why: str
    lead_id: UUID  # the last one's


class Health:
    """`heard` is told of every conversation; `turns` empties what is to be written down of it.

    `shut` are the contracts that rest, `tried` those whose next conversation decides whether they go on resting.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._runs: dict[str, Run] = {}
        self._failing: dict[str, Failing] = {}
        self._well: dict[str, UUID] = {}
        self.shut: frozenset[str] = frozenset()
        self.tried: frozenset[str] = frozenset()

    def heard(self, job: Job, outcome: Outcome) -> None:
        contract, doc = job.contract.id, job.contract.doc.breaker
        if doc is None:
            return
        if not isinstance(outcome, TryLater | Unclear) or outcome.reason == _WELL:
            self._runs.pop(contract, None)
            if contract in self.tried or contract in self.shut:
                self._failing.pop(contract, None)
                self._well[contract] = job.track.lead_id
        elif outcome.reason not in _OURS:
            self._failed(job, doc, outcome.reason)

    def _failed(self, job: Job, doc: BreakerDoc, why: str) -> None:
        contract, now = job.contract.id, self._monotonic()
        run = self._runs.setdefault(contract, Run(now))
        run.failures += 1
        run.why = why
        long = run.failures >= doc.failures and now - run.since >= doc.over.seconds
        if contract in self.tried or long:
            self._failing[contract] = Failing(contract, doc, run.failures, why, job.track.lead_id)
            self._well.pop(contract, None)

    def turns(self) -> tuple[list[Failing], dict[str, UUID]]:
        """(contracts that are to rest, contracts that do well again → whose lead told), each told once."""
        failing, well = list(self._failing.values()), self._well
        self._failing, self._well = {}, {}
        for one in failing:
            self._runs.pop(one.contract, None)
        return failing, well
