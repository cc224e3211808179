"""What must not be together in one lead of a campaign, its operator says in one line."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from app.catalog.documents import FieldName
from app.core.expressions import Expression
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, checks


class RuleSettings(CheckSettings):
    """One rule; a campaign may have many. A condition that can't be evaluated (a field is missing) is not true."""

    when: Expression = Field(
        description="CEL over `lead`, `source`, `campaign`: true where the lead is at fault."
    )
    message: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        "breaks a rule of the campaign",
        description="What the source is told; no person's data are put into it.",
    )
    field: FieldName | None = Field(None, description="The field to mend.")
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")] = Field(
        "rule", description="The reason's code, stable for its sources."
    )


@checks.register
class Rule(Check[RuleSettings]):
    """Compiled when saved, evaluated once per lead; the same words as in the conditions of contracts."""

    name = "rule"
    settings = RuleSettings
    order = 48
    codes = {"rule": "A rule of the campaign is broken; it may give the reason a code of its own."}

    def codes_of(self, to: RuleSettings) -> Mapping[str, str]:
        return {to.code: to.message}

    def run(self, lead: Lead, to: RuleSettings, evidence: Evidence) -> Iterable[Finding]:
        known = {"lead": lead.normals(), "source": lead.source, "campaign": lead.campaign}
        if not to.when.holds(known):
            return ()
        return (
            Finding(
                check="rule",
                code=to.code,
                message=to.message,
                field=to.field or "",
                action=to.action,
                points=to.points,
            ),
        )
