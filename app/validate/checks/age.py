"""Who must be of age, or is too old for what is sold, is told by the date of birth."""

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from app.catalog.documents import FieldName
from app.core.zone import Zone
from app.model import Action, Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Evidence, checks

Told = Action | Literal["allow"]


class AgeSettings(CheckSettings):
    """`action`, where it is given, is what both bounds do unless they are named."""

    field: FieldName = Field(description="The field that has the date of birth.")
    min: int = Field(0, ge=0, le=150, description="Years that a person must have completed; 0: be born.")
    max: int = Field(120, ge=0, le=150, description="Years that pass at most.")
    zone: Zone = Field("UTC", description="Where it is asked what day it is, as America/New_York.")
    too_young: Told = Field("reject", description="Younger than `min`.")
    too_old: Told = Field("reject", description="Older than `max`.")
    facts: bool = Field(False, description="Note the age where nothing is wrong too.")
    known: ClassVar[Action] = "flag"

    @model_validator(mode="before")
    @classmethod
    def _action_for_both(cls, given: Any) -> Any:
        if isinstance(given, dict) and "action" in given:
            return {"too_young": given["action"], "too_old": given["action"]} | given
        return given

    @model_validator(mode="after")
    def _in_order(self) -> "AgeSettings":
        if self.min > self.max:
            raise ValueError("min is above max")
        return self

    @cached_property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@checks.register
class Age(Check[AgeSettings]):
    """Counts completed years on the day, in `zone`, on which the lead came; a replay counts the same.

    Who was born on 29 February becomes a year older on 1 March of other years. Facts: `age.years`.
    """

    name = "age"
    settings = AgeSettings
    order = 47
    codes = {
        "too_young": "The person is younger than the campaign takes.",
        "too_old": "The person is older than the campaign takes.",
        "known": "Nothing is wrong with it: the age, where the campaign asks for facts.",
    }

    def run(self, lead: Lead, to: AgeSettings, evidence: Evidence) -> Iterable[Finding]:
        born = _day(lead.fields.get(to.field))
        if born is None:
            return
        years = _years(born, lead.received_at.astimezone(to.clock).date())
        code = "too_young" if years < to.min else "too_old" if years > to.max else ""
        if code and (action := getattr(to, code)) != "allow":
            says = (
                f"is of a person under {to.min}" if code == "too_young" else f"is of a person over {to.max}"
            )
            yield self._finding(to.field, code, says, action, points=to.points)
        elif to.facts and not code:
            yield self._finding(to.field, "known", "is known", "flag", facts={"age.years": years})

    def _finding(self, field: str, code: str, says: str, action: Action, **more: Any) -> Finding:
        return Finding(check="age", code=code, message=f"{field} {says}", field=field, action=action, **more)


def _day(value: Value | None) -> date | None:
    if value is None or not value.valid or not isinstance(value.normal, str):
        return None
    try:
        return date.fromisoformat(value.normal)
    except ValueError:
        return None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
