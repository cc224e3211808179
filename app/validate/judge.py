"""All checks of a campaign in their published order, compiled once per catalogue."""

from collections.abc import Callable, Iterable
from datetime import datetime
from time import perf_counter
from typing import Any

from app.catalog.modelling import Model
from app.catalog.worth import ScoreDoc
from app.model import Finding, Lead, Verdict, VerdictOutcome, Worth
from app.validate.check import Ask, Check, CheckSettings, Evidence, Offences
from app.validate.estimate import Estimate, Estimator
from app.validate.fraud import NAME as FRAUD
from app.validate.fraud import Suspicion, sent_by_program
from app.validate.score import NAME as SCORE
from app.validate.score import Points

Rule = tuple[Check[Any], CheckSettings]
Took = dict[str, float]
"""Name of a check → milliseconds of one lead."""

_OUTCOME: dict[str, VerdictOutcome] = {
    "flag": "accepted", "link": "accepted", "dont_pay": "accepted", "hold": "held", "reject": "rejected",
}  # fmt: skip
_STRENGTH: dict[VerdictOutcome, int] = {"accepted": 0, "held": 1, "rejected": 2}
_SUMS = {(FRAUD, FRAUD), (SCORE, "graded")}


ABANDONED = Verdict(
    "rejected",
    (
        Finding(
            check="partial", code="abandoned", message="it was begun and never completed", action="reject"
        ),
    ),
)
"""Of a lead that is ended without being looked at."""


class Judge:
    """Pure and immutable: the same lead and evidence, the same verdict.

    For a batch: fetch what `asks` names, `judge`, really claim what `claims` names for the leads that are
    not rejected (for the others only look it up, so that the finding is still listed), then `settle`.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        score: ScoreDoc = ScoreDoc(),
        fraud: Suspicion | None = None,
        model: Model | None = None,
    ) -> None:
        """`model`: the one in force."""
        self.rules: tuple[Rule, ...] = tuple(sorted(rules, key=lambda rule: rule[0].order))
        """In the order in which their findings are listed; equal orders as configured."""
        self._early = tuple((check.name, check.run, to) for check, to in self.rules if not check.claims)
        self._late = tuple((check.name, check.run, to) for check, to in self.rules if check.claims)
        asking = [r for r in self.rules if type(r[0]).asks is not Check.asks]
        self._asks = tuple((check.asks, to) for check, to in asking if not check.claims)
        self._asking = tuple((check.name, check.asks, to) for check, to in asking if not check.claims)
        self._claims = tuple((check.asks, to) for check, to in asking if check.claims)
        self.recalls = any(check.recalls for check, _ in asking)
        """Whether any check asks of earlier offences."""
        self._points, self._suspicion = Points(score), fraud
        self.model = model
        self._estimator = None if model is None else Estimator(model)
        self._place = {check.name: at for at, (check, _) in reversed(list(enumerate(self.rules)))}

    def asks(self, lead: Lead) -> list[Ask]:
        """What must be known before `judge`; never a Claim."""
        return [ask for asks, to in self._asks for ask in asks(lead, to)]

    def asking(self, lead: Lead) -> list[tuple[str, Iterable[Ask]]]:
        """As `asks`, by the name of the check that asks."""
        return [(name, asks(lead, to)) for name, asks, to in self._asking]

    def claims(self, lead: Lead) -> list[Ask]:
        """What must be known before `settle`: the Claims of the checks that settle last."""
        return [ask for asks, to in self._claims for ask in asks(lead, to)]

    def judge(
        self, lead: Lead, evidence: Evidence, *, at: datetime | None = None, took: Took | None = None
    ) -> Verdict:
        """What all checks say but those that claim. `at`: when, where that is not when it was received. What each
        check took is added to `took`."""
        found = _found(self._early, lead, evidence, took)
        if self._estimator is None and not self._points.rules:
            return self._verdict(lead, found, took=took)
        began, estimate = perf_counter(), None
        facts = lead.normals()
        found += self._points.found(lead, facts, at or lead.received_at)
        if self._estimator is not None:
            estimate = self._estimator.estimate(facts, lead.source)
            found.append(self._estimator.told(estimate))
        _add(took, SCORE, began)
        return self._verdict(lead, found, estimate, took=took)

    def settle(self, lead: Lead, verdict: Verdict, evidence: Evidence, took: Took | None = None) -> Verdict:
        """`verdict` with the findings of the claiming checks, each in its place."""
        found = _found(self._late, lead, evidence, took)
        if not found:
            return verdict
        before = [finding for finding in verdict.findings if (finding.check, finding.code) not in _SUMS]
        model = self._estimator
        estimate = None if model is None else model.estimate(lead.normals(), lead.source)
        return self._verdict(lead, sorted([*before, *found], key=self._placed), estimate, took=took)

    def offences(self, lead: Lead, verdict: Verdict) -> list[Offences]:
        """The marks by which a lead that was found to be fraud, or sent by a program, is known again."""
        if not self.recalls:
            return []
        bots = sent_by_program(verdict.findings)
        fraud = self._suspicion is not None and self._suspicion.convicts(verdict.findings)
        if not (bots or fraud):
            return []
        asked = (ask for ask in self.asks(lead) if isinstance(ask, Offences))
        return [ask for ask in asked if (bots if ask.bots else fraud)]

    def _placed(self, finding: Finding) -> int:
        """The points of the campaign's rules come after what the checks found."""
        return self._place.get(finding.check, len(self.rules))

    def _verdict(
        self,
        lead: Lead,
        findings: list[Finding],
        estimate: Estimate | None = None,
        *,
        took: Took | None = None,
    ) -> Verdict:
        """What the findings come to; what is summed up of them is listed last."""
        began = perf_counter()
        if self._suspicion is not None and (said := self._suspicion.told(findings)) is not None:
            findings.append(said)
            _add(took, FRAUD, began)
        began = perf_counter()
        outcome: VerdictOutcome = "accepted"
        total = self._points.start
        for finding in findings:
            total += finding.points
            meant = _OUTCOME[finding.action]
            if _STRENGTH[meant] > _STRENGTH[outcome]:
                outcome = meant
        points = min(100, max(0, total))
        worth = self._worth(lead, points, estimate)
        if (graded := self._points.told(worth, points)) is not None:
            findings.append(graded)
            _add(took, SCORE, began)
        return Verdict(
            outcome, tuple(findings), worth.score, worth.grade, worth.sales_ready, worth.probability
        )

    def _worth(self, lead: Lead, points: int, estimate: Estimate | None) -> Worth:
        score = self._points.score(points, estimate)
        grade = self._points.grade(score)
        probability = None if estimate is None else estimate.probability
        return Worth(score, grade, self._points.is_ready(lead, score, grade), probability)


def _found(
    rules: Iterable[tuple[str, Callable[..., Iterable[Finding]], CheckSettings]],
    lead: Lead,
    evidence: Evidence,
    took: Took | None,
) -> list[Finding]:
    """The clock is read once a check: who doesn't want to know pays nothing."""
    if took is None:
        return [finding for _, run, to in rules for finding in run(lead, to, evidence)]
    found: list[Finding] = []
    began = perf_counter()
    for name, run, to in rules:
        found += run(lead, to, evidence)
        ended = perf_counter()
        took[name] = took.get(name, 0.0) + (ended - began) * 1000
        began = ended
    return found


def _add(took: Took | None, name: str, began: float) -> None:
    """Of what is no check, as of one."""
    if took is not None:
        took[name] = took.get(name, 0.0) + (perf_counter() - began) * 1000
