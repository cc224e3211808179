"""Nobody buys a lead without the fields that its campaign is sold by."""

from collections.abc import Iterable

from pydantic import Field

from app.catalog.documents import FieldName
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, checks


class RequiredSettings(CheckSettings):
    """Made from the campaign: the names of its required fields."""

    fields: tuple[FieldName, ...] = Field((), description="Names of fields that must have come.")


@checks.register
class Required(Check[RequiredSettings]):
    """Says which required fields did not come. One that came and is invalid is the `field` check's."""

    name = "required"
    settings = RequiredSettings
    order = 10
    codes = {"missing": "A required field did not come, or came empty."}

    def run(self, lead: Lead, to: RequiredSettings, evidence: Evidence) -> Iterable[Finding]:
        fields = lead.fields
        for name in to.fields:
            if name not in fields:
                yield Finding(
                    check="required",
                    code="missing",
                    message=f"{name} is required",
                    field=name,
                    action=to.action,
                    points=to.points,
                )
