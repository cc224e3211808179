"""All checks of a campaign in their published order, compiled once per catalogue."""

from collections.abc import Iterable
from typing import Any

from app.model import Finding, Lead, Verdict, VerdictOutcome
from app.validate.check import Ask, Check, CheckSettings, Evidence

START = 50
"""The score of a lead of which nothing is known."""

Rule = tuple[Check[Any], CheckSettings]

_OUTCOME: dict[str, VerdictOutcome] = {"flag": "accepted", "hold": "held", "reject": "rejected"}
_STRENGTH: dict[VerdictOutcome, int] = {"accepted": 0, "held": 1, "rejected": 2}


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

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(sorted(rules, key=lambda rule: rule[0].order))
        """In the order in which their findings are listed; equal orders as configured."""
        self._early = tuple((check.run, to) for check, to in self.rules if not check.claims)
        self._late = tuple((check.run, to) for check, to in self.rules if check.claims)
        asking = [r for r in self.rules if type(r[0]).asks is not Check.asks]
        self._asks = tuple((check.asks, to) for check, to in asking if not check.claims)
        self._claims = tuple((check.asks, to) for check, to in asking if check.claims)
        self._place = {check.name: at for at, (check, _) in reversed(list(enumerate(self.rules)))}

    def asks(self, lead: Lead) -> list[Ask]:
        """What must be known before `judge`; never a Claim."""
        return [ask for asks, to in self._asks for ask in asks(lead, to)]

    def claims(self, lead: Lead) -> list[Ask]:
        """What must be known before `settle`: the Claims of the checks that settle last."""
        return [ask for asks, to in self._claims for ask in asks(lead, to)]

    def judge(self, lead: Lead, evidence: Evidence) -> Verdict:
        """What all checks say but those that claim."""
        return _verdict([finding for run, to in self._early for finding in run(lead, to, evidence)])

    def settle(self, lead: Lead, verdict: Verdict, evidence: Evidence) -> Verdict:
        """`verdict` with the findings of the claiming checks, each in its place."""
        found = [finding for run, to in self._late for finding in run(lead, to, evidence)]
        if not found:
            return verdict
        every = [*verdict.findings, *found]
        return _verdict(sorted(every, key=lambda finding: self._place[finding.check]))


def _verdict(findings: list[Finding]) -> Verdict:
    outcome: VerdictOutcome = "accepted"
    score = START
    for finding in findings:
        score += finding.points
        said = _OUTCOME[finding.action]
        if _STRENGTH[said] > _STRENGTH[outcome]:
            outcome = said
    return Verdict(outcome, tuple(findings), min(100, max(0, score)))
