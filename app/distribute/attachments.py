"""The lead as a file beside a mail: CSV, JSON, XML or ADF."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Handover
from app.distribute.adf import CONTENT_TYPE, Adf
from app.distribute.letters import Part


class Attachment(Settings):
    """`fields` as a webhook's (their name → what fills it); of an ADF: its place → what fills it."""

    kind: Literal["csv", "json", "xml", "adf"]
    name: str = Field(
        "", max_length=100, pattern=r"^[A-Za-z0-9 ._-]*$", description="Else lead.csv, lead.json …"
    )
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Without: all that the lead has.")

    _write: bodies.Write = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "Attachment":
        if self.kind == "adf":
            self._write = Adf(self.fields).write
            return self
        bodies.refuse_unfit(list(self.fields or ()), self.kind)
        self._write = bodies.from_fields(self.fields, {}, {}, kind=self.kind, envelope="lead")
        return self

    def part(self, handover: Handover) -> Part:
        kind = CONTENT_TYPE if self.kind == "adf" else bodies.CONTENT_TYPES[self.kind]
        name = self.name or f"lead.{'xml' if self.kind == 'adf' else self.kind}"
        return Part(type=kind.partition(";")[0], body=self._write(handover), name=name)
