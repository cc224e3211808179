"""What the findings of all checks come to as a suspicion of fraud, and which of them are signs of it."""

from collections.abc import Iterable, Mapping

from app.catalog.worth import FraudDoc
from app.model import Action, Finding

NAME = "fraud"

SIGNS: Mapping[str, int] = {
    "form.honeypot": 90, "form.driven": 60, "form.too_quick": 40, "form.form_reused": 30,
    "email.disposable": 30, "email.no_mx": 30, "email.lookalike": 40,
    "phone.fictional": 40, "phone.repeated": 30, "phone.sequential": 30, "phone.elsewhere": 10, "phone.abroad": 10,
    "name.gibberish": 30, "name.keyboard": 40, "name.placeholder": 30, "name.profanity": 30, "name.digits": 20,
    "name.same": 10, "address.placeholder": 30, "address.keyboard": 40,
    "postal.placeholder": 20, "postal.unassigned": 20, "postal.other_state": 15,
    "device.bot": 90, "device.program": 70, "device.headless": 70, "device.contradiction": 40, "device.tor": 40,
    "device.proxy": 30, "device.vpn": 20, "device.hosting": 30, "device.reserved_ip": 20, "device.old_browser": 10,
    "device.ip_country": 25, "device.zone_and_ip": 15, "device.untyped": 40, "device.even_typing": 30,
    "device.blocklisted": 30, "velocity.velocity": 40, "offender.offender": 40, "offender.rate": 20,
}  # fmt: skip
"""Factor (`check.code`, or `check` for any code of it) → its usual weight."""
BOTS = (
    "form.honeypot", "form.driven", "form.too_quick", "device.bot", "device.program", "device.headless",
    "device.untyped",
)  # fmt: skip
"""The factors that only a program gives."""

_MOST = 100
_EARLIER = "offender"


def weights_of(doc: FraudDoc | None) -> Mapping[str, int]:
    """A campaign's weights go before the usual ones."""
    return SIGNS if doc is None else {**SIGNS, **doc.weights}


def sent_by_program(findings: Iterable[Finding]) -> bool:
    return any(f"{one.check}.{one.code}" in BOTS for one in findings)


class Suspicion:
    """A campaign's weights and thresholds, compiled."""

    def __init__(self, doc: FraudDoc) -> None:
        self._weights = weights_of(doc)
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

    def convicts(self, findings: Iterable[Finding]) -> bool:
        """Whether the sum holds or rejects, what is said of earlier offences left out: else they would breed."""
        factors = self._factors(one for one in findings if one.check != _EARLIER)
        return any(action != "flag" and sum(factors.values()) >= least for action, least in self._steps)

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
