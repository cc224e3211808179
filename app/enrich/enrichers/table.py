"""Looks a lead up in a table that the operator loads: a credit band by phone, a preference by e-mail and state."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from app.catalog.documents import FieldName
from app.core.expressions import Expression
from app.enrich.enricher import Enricher, EnricherSettings, Row, enrichers
from app.ingest.fieldtype import fieldtypes
from app.ingest.raw import is_blank
from app.model import Lead, Raw, Scalar, Value
from app.validate.key import digest


class KeyPart(BaseModel):
    """One field of the key. Keys beside `type` and `column` are the field type's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    column: str = ""

    _normal: Any = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _by_type(cls, told: Any) -> Any:
        return {"type": told} if isinstance(told, str) else told

    @model_validator(mode="after")
    def _known(self) -> Self:
        kind = fieldtypes.discover().get(self.type)
        if kind is None:
            raise ValueError(f"{self.type!r} is no field type; there are: {', '.join(fieldtypes.names())}")
        settings = kind.settings.model_validate(self.model_extra or {})
        self._normal = lambda raw: kind.normal(raw, settings)
        return self

    def normal(self, raw: Raw) -> Value:
        made: Value = self._normal(raw)
        return made


class TableSettings(EnricherSettings):
    """By what its rows are found, and which columns fill which fields."""

    key: Mapping[FieldName, KeyPart] = Field(
        min_length=1,
        max_length=5,
        description="Our field → its type, or {type, column, …}: what a row is found by.",
    )
    fields: Mapping[FieldName, str] = Field(
        min_length=1, max_length=50, description="Our field → the column that fills it."
    )
    when: Expression | None = Field(None, description="It is looked up only where this holds: CEL over lead.")

    @model_validator(mode="after")
    def _finds_something_else(self) -> Self:
        if both := sorted(self.key.keys() & self.fields.keys()):
            raise ValueError(f"{both[0]} is what rows are found by; it can't be filled, too")
        return self

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of a file that its key stands in, in order."""
        return tuple(part.column or name for name, part in self.key.items())

    def key_of(self, raws: Iterable[Raw]) -> bytes | None:
        """The digest under which a row stands, of the values of its key in order: the same for what a file writes and
        what a lead says. None where any is blank or invalid: it would be everybody's."""
        texts = []
        for part, raw in zip(self.key.values(), raws, strict=True):
            if raw is None or is_blank(raw):
                return None
            value = part.normal(raw)
            if not value.valid or value.normal is None or value.parts.get("masked"):
                return None
            texts.append(str(value.normal).casefold())
        return digest("table", *texts)


@enrichers.register
class Table(Enricher[TableSettings]):
    """Rows come from a file (`leadgate table load`); one statement looks up all leads of a batch."""

    name = "table"
    settings = TableSettings
    remote = False
    examples = (
        {
            "key": {"phone": {"type": "phone", "country": "US", "column": "Phone"}},
            "fields": {"credit_band": "Band"},
        },
        {
            "key": {"email": "email", "state": {"type": "state", "country": "US"}},
            "fields": {"preference": "preference", "last_bought": "last_bought"},
            "overwrite": True,
        },
    )

    def ask(self, name: str, lead: Lead, to: TableSettings) -> Row | None:
        if to.when is not None and not to.when.holds({"lead": lead.normals(), "source": lead.source}):
            return None
        key = to.key_of([lead.normal(field) for field in to.key])
        return None if key is None else Row(name, key)

    def values(self, answer: Any, to: TableSettings) -> Mapping[str, Scalar]:
        said = answer if isinstance(answer, Mapping) else {}
        return {field: said[column] for field, column in to.fields.items() if said.get(column) is not None}

    def reads(self, to: TableSettings) -> frozenset[str]:
        named = {name for name, _ in to.when.lead_fields()} if to.when is not None else set()
        return frozenset(named | to.key.keys())
