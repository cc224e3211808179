"""Who cheated before, comes again: by the same device, network or contact, or through the same source."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from app.core.duration import Duration
from app.model import Action, Finding, Lead
from app.validate.check import Ask, Check, CheckSettings, Evidence, Offences, Seen, checks
from app.validate.key import digest
from app.validate.marks import Mark, mark_of


class OffenderSettings(CheckSettings):
    """More than `most` such leads with the same `per` in `within`; with `share`, more than that part of all of them."""

    action: Action = Field("flag", description="What a finding does: flag, hold or reject.")
    per: str = Field(
        "device",
        min_length=1,
        description="source, ip, network (/24, /48), device, email, phone, name, address, or a field name; several joined by +.",
    )
    of: Literal["fraud", "bots"] = Field(
        "fraud", description="Leads that their fraud score held or rejected; or those that a program sent."
    )
    most: int = Field(0, ge=0, description="How many pass.")
    within: Duration = Field(Duration("30d"), description="In how long.")
    share: int | None = Field(None, ge=1, le=99, description="Percent that pass, instead of a number.")
    least: int = Field(50, ge=1, description="From how many leads on a share is told.")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.share is not None and self.most:
            raise ValueError("says both most and share; give one")
        if not 1 <= self.within.seconds <= 366 * 86_400:
            raise ValueError("looks back over a second at least and a year at most; 30d is usual")
        return self

    @cached_property
    def seconds(self) -> int:
        return int(self.within.seconds)


def _asked(lead: Lead, to: OffenderSettings) -> Iterator[tuple[str, Offences, Seen | None]]:
    field, value = mark_of(lead, to.per)
    if value is not None:
        yield (
            field,
            Offences(_key("offender", lead, to, value), to.seconds, to.of == "bots"),
            None if to.share is None else Seen(_key("offender of", lead, to, value), to.seconds),
        )


def _key(word: str, lead: Lead, to: OffenderSettings, value: Mark) -> bytes:
    """In every campaign the same: who cheats in one, does in another."""
    return digest(word, lead.test, to.of, to.per, value if isinstance(value, tuple) else (value,))


@checks.register
class Offender(Check[OffenderSettings]):
    """Counts earlier leads that were fraud. What this check itself adds to a fraud score makes no lead one of them:
    else nobody who came after a cheat would ever be cleared."""

    name = "offender"
    settings = OffenderSettings
    order = 65
    recalls = True
    codes = {
        "offender": "Earlier leads with the same mark were fraud.",
        "rate": "Too great a share of the leads with the same mark, as those of its source, is fraud.",
    }

    def asks(self, lead: Lead, to: OffenderSettings) -> Iterable[Ask]:
        return [ask for _, *asks in _asked(lead, to) for ask in asks if ask is not None]

    def run(self, lead: Lead, to: OffenderSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, offences, seen in _asked(lead, to):
            count = evidence.get(offences) or 0
            of = (evidence.get(seen) or 0) if seen is not None else 0
            what = "were sent by a program" if to.of == "bots" else "were fraud"
            facts = {"count": count, "per": to.per}
            if to.share is None and count > to.most:
                yield self._finding(
                    "offender", field, f"earlier leads of the same {to.per} {what}", to, facts
                )
            elif to.share is not None and of >= to.least and count * 100 > to.share * of:
                says = f"more than {to.share} % of the leads of the same {to.per} {what}"
                yield self._finding("rate", field, says, to, {**facts, "of": of})

    def _finding(
        self, code: str, field: str, says: str, to: OffenderSettings, facts: dict[str, object]
    ) -> Finding:
        return Finding(
            check="offender",
            code=code,
            message=says,
            field=field,
            action=to.action,
            points=to.points,
            facts=facts,
        )
