"""What a lead is worth: points of its campaign's rules, a grade, and whether it is ready for sales."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.catalog.worth import Decay, SalesReady, ScoreDoc, ScoreRule
from app.core.conditions import Facts
from app.core.expressions import activation
from app.core.quick import quick
from app.model import Finding, Lead, Scalar, Worth
from app.validate.estimate import Estimate

START = 50
"""The score of a lead of which nothing is known, unless its campaign says another."""
NAME = "score"


class Points:
    """The rules of one campaign, compiled. Pure: the same lead at the same moment, the same points."""

    def __init__(self, doc: ScoreDoc) -> None:
        self.start = doc.start
        self.rules = tuple(
            (quick(rule.when), rule.when, rule, _finding(rule, rule.points)) for rule in doc.rules
        )
        self._model = doc.model
        self._grades = sorted(doc.grades.items(), key=lambda one: -one[1])
        self._ready = doc.sales_ready
        self._definition = _definition(doc.sales_ready)

    def found(self, lead: Lead, facts: Facts, at: datetime) -> list[Finding]:
        """A finding for each rule that counted, as configured. `facts` are the lead's normal values."""
        return list(self._counted(lead, facts, at))

    def _counted(self, lead: Lead, facts: Facts, at: datetime) -> Iterator[Finding]:
        over: Any = None
        for answer, when, rule, finding in self.rules:
            if answer is not None:
                if not answer(facts):
                    continue
            else:
                over = over or activation({"lead": facts, "source": lead.source})
                if when.over(over) is not True:
                    continue
            if rule.decay is None:
                yield finding
            elif (age := _age(lead, rule.decay, at)) is not None:
                yield _finding(rule, round(rule.points * 0.5 ** (age / rule.decay.half_life.seconds)))

    def grade(self, score: int) -> str:
        return next((name for name, least in self._grades if score >= least), "")

    def score(self, points: int, estimate: Estimate | None) -> int:
        """The points, unless the campaign wants what the model in force says instead."""
        if estimate is None or self._model is None or self._model.score == "points":
            return points
        return estimate.rank if self._model.score == "rank" else round(100 * estimate.probability)

    def told(self, worth: Worth, points: int) -> Finding | None:
        """The grade, and the definition of sales-ready that it was held against; None where there is nothing to
        say. With a model in force also what the points alone came to."""
        if not self._grades and self._definition is None and worth.probability is None:
            return None
        grade, ready = worth.grade, worth.sales_ready
        facts: dict[str, Any] = {"score": worth.score, "start": self.start, "grade": grade}
        if worth.probability is not None:
            facts |= {"points": points, "probability": worth.probability}
        words = [f"grade {grade}"] if grade else ["no grade"] if self._grades else []
        if self._definition is not None:
            facts |= {"sales_ready": ready, **self._definition}
            words.append(f"{'' if ready else 'not '}sales-ready (version {facts['version']})")
        return Finding(check=NAME, code="graded", message=", ".join(words), facts=facts)

    def is_ready(self, lead: Lead, score: int, grade: str) -> bool:
        """Whether the lead is what the campaign calls sales-ready."""
        ready = self._ready
        if ready is None or score < ready.score:
            return False
        known = {"lead": lead.normals(), "source": lead.source, "score": score, "grade": grade}
        return ready.when is None or ready.when.holds(known)


def _finding(rule: ScoreRule, points: int) -> Finding:
    return Finding(check=NAME, code="points", message=rule.why, points=points)


def _definition(ready: SalesReady | None) -> dict[str, Any] | None:
    """What is kept with each lead, so that a later version doesn't change what an earlier one meant."""
    if ready is None:
        return None
    said = {"version": ready.version}
    return said if ready.reviewed is None else {**said, "reviewed": ready.reviewed.isoformat()}


def _age(lead: Lead, decay: Decay, at: datetime) -> float | None:
    """Seconds, none of what is yet to come; None where the lead has no such date."""
    since = _moment(lead.normal(decay.field)) if decay.field else lead.received_at
    return None if since is None else max(0.0, (at - since).total_seconds())


def _moment(text: Scalar) -> datetime | None:
    """Of a date its first moment; without a zone, in UTC."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)
