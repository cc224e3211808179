"""The lead as a file beside a mail: CSV, JSON, XML or ADF."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from pydantic import Field, PrivateAttr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Handover
from app.distribute.adf import Adf
from app.distribute.letters import Part
from app.distribute.many import CONTENT_TYPES, Many


class Attachment(Settings):
    """`fields` as a webhook's (their name → what fills it); of an ADF: its place → what fills it."""

    kind: Literal["csv", "json", "xml", "adf"]
    name: str = Field(
        "", max_length=100, pattern=r"^[A-Za-z0-9 ._-]*$", description="Else lead.csv, lead.json …"
    )
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Without: all that the lead has.")

    _write: bodies.Write = PrivateAttr()
    _many: Many = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "Attachment":
        self._many = Many(self.kind, self.fields, tests={"test": True} if self.fields is None else {})
        if self.kind == "adf":
            self._write = Adf(self.fields).write
            return self
        bodies.refuse_unfit(list(self.fields or ()), self.kind)
        self._write = bodies.from_fields(self.fields, {}, {}, kind=self.kind, envelope="lead")
        return self

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.kind]

    def called(self, *, many: bool = False) -> str:
        one = "leads" if many else "lead"
        return self.name or f"{one}.{'xml' if self.kind == 'adf' else self.kind}"

    def part(self, handover: Handover) -> Part:
        return Part(type=self.content_type.partition(";")[0], body=self._write(handover), name=self.called())

    def many(self, handovers: Sequence[Handover]) -> tuple[bytes, Mapping[UUID, str]]:
        """All of them in one, and of each delivery that has no row why."""
        return self._many.write(handovers)
