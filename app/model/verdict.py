"""What the checks say of a lead."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

Action = Literal["flag", "hold", "reject"]
"""What a finding does to the lead: is noted, waits for a person, ends it."""

Effect = Action | Literal["link", "dont_pay"]
"""And of a lead that is taken all the same: it is tied to an earlier one, or its source is paid nothing for it."""

VerdictOutcome = Literal["accepted", "held", "rejected"]


class Finding(Struct, frozen=True, gc=False, kw_only=True):
    """One thing one check says of one lead. `code` is stable and public; `message` has no personal data."""

    check: str
    code: str
    message: str
    field: str = ""
    action: Effect = "flag"
    points: int = 0
    facts: Mapping[str, Any] = {}


class Worth(Struct, frozen=True, gc=False):
    """What a lead was found to be worth; `probability` where a model is in force."""

    score: int = 0
    grade: str = ""
    sales_ready: bool = False
    probability: float | None = None


class Verdict(Struct, frozen=True, gc=False):
    """The strongest action of all findings decides; every finding is kept, in the order of checks."""

    outcome: VerdictOutcome
    findings: tuple[Finding, ...] = ()
    score: int = 0
    grade: str = ""
    sales_ready: bool = False
    probability: float | None = None

    @property
    def worth(self) -> Worth:
        return Worth(self.score, self.grade, self.sales_ready, self.probability)

    def against(self) -> tuple[Finding, ...]:
        """The findings that decided: those whose action is the verdict's."""
        action = {"accepted": "", "held": "hold", "rejected": "reject"}[self.outcome]
        return tuple(f for f in self.findings if f.action == action)

    def told(self) -> tuple[Finding, ...]:
        """What its source hears of a lead that is taken: what it repeats, why nothing is paid, that its ping did not hold."""
        return tuple(f for f in self.findings if f.action in ("link", "dont_pay") or f.check == "ping")

    @property
    def unpaid(self) -> bool:
        return any(f.action == "dont_pay" for f in self.findings)
