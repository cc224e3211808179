"""A value that its field type can't understand is kept, and said."""

from collections.abc import Iterable

from pydantic import Field

from app.catalog.documents import FieldName
from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, checks


class FieldSettings(CheckSettings):
    """Made from the campaign: `optional` are the names of its fields that are not required."""

    only: tuple[FieldName, ...] | None = Field(
        None, description="Names of the fields to look at; all by default."
    )
    optional: tuple[FieldName, ...] = Field((), description="Names of fields whose faults are only flagged.")


@checks.register
class FieldCheck(Check[FieldSettings]):
    """Says which values are invalid, in the words of their field types."""

    name = "field"
    settings = FieldSettings
    order = 20
    codes = {"invalid": "The value is not of the field's type."}

    def run(self, lead: Lead, to: FieldSettings, evidence: Evidence) -> Iterable[Finding]:
        for name, value in lead.fields.items():
            if value.valid or (to.only is not None and name not in to.only):
                continue
            yield Finding(
                check="field",
                code="invalid",
                message=f"{name} {value.note or 'is not valid'}",
                field=name,
                action="flag" if name in to.optional else to.action,
                points=to.points,
            )
