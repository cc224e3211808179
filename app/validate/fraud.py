"""What the findings of all checks come to as a suspicion of fraud, and which of them are signs of it."""

from collections.abc import Iterable, Mapping

from app.catalog.worth import FraudDoc
from app.model import Action, Finding

NAME = "fraud"

SIGNS: Mapping[str, int] = {
    "form.honeypot": 90, "form.driven": 60, "form.too_quick": 40, "form.form_reused": 30,
    "email.disposable": 30, "email.no_mx": 30,
    "phone.fictional": 40, "phone.repeated": 30, "phone.sequential": 30, "phone.elsewhere": 10,
    "velocity.velocity": 40,
}  # fmt: skip
"""Factor (`check.code`, or `check` for any code of it) → its usual weight."""
BOTS = ("form.honeypot", "form.driven", "form.too_quick")
"""The factors that only a program gives."""

_MOST = 100


class Suspicion:
    """A campaign's weights and thresholds, compiled."""

    def __init__(self, doc: FraudDoc) -> None:
        self._weights = {**SIGNS, **doc.weights}
        steps: list[tuple[Action, int | None]] = [
            ("reject", doc.reject), ("hold", doc.hold), ("flag", doc.flag),
        ]  # fmt: skip
        self._steps = tuple((action, least) for action, least in steps if least is not None)

    def told(self, findings: Iterable[Finding]) -> Finding | None:
        """The sum as a finding of its own, from the lowest threshold on. Its message names no factor: a
        source may read it, and who cheats would learn by what."""
        factors = self._factors(findings)
        total = min(_MOST, sum(factors.values()))
        for action, least in self._steps:
            if total >= least:
                message = f"signs of fraud add up to {total} of {_MOST}"
                facts = {"score": total, "factors": factors}
                return Finding(check=NAME, code=NAME, message=message, action=action, facts=facts)
        return None

    def _factors(self, findings: Iterable[Finding]) -> dict[str, int]:
        """Each factor once, however many fields or windows it was found of."""
        found: dict[str, int] = {}
        for finding in findings:
            factor = f"{finding.check}.{finding.code}"
            weight = self._weights.get(factor)
            if weight is None:
                weight = self._weights.get(finding.check, 0)
            if weight:
                found[factor] = weight
        return found
