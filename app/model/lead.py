"""What came in, and what we understood of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

Raw = str | int | float | bool | None
"""One value as its sender wrote it."""

Scalar = str | int | float | bool | None
"""One value in our words: text, number, yes or no; dates as ISO 8601 text."""

Record = dict[str, Raw]
"""One lead as its sender named it: flat, nested names joined by dots (`contact.phone.0`)."""


class Submission(Struct, frozen=True, gc=False, kw_only=True):
    """The bytes as received, durable before anybody says yes; kept even if nobody can read them."""

    id: UUID
    source: str
    received_at: datetime
    content_type: str
    body: bytes
    test: bool = False
    remote: str = ""
    key_hint: str = ""  # the last four characters of the key, for the trace
    forced: str = ""  # the result that a test asks for beside its bytes


class Value(Struct, frozen=True, gc=False):
    """One field of a lead. `raw` is never lost; invalid (`valid=False`) is not absent (no Value)."""

    raw: Raw
    normal: Scalar
    valid: bool = True
    parts: Mapping[str, Any] = {}
    note: str = ""  # why it is invalid or what was changed, without repeating the value


class Lead(Struct, kw_only=True):
    """A person who asked to be called, in our words. `fields` is keyed by the campaign's names."""

    id: UUID
    submission_id: UUID
    source: str
    campaign: str
    received_at: datetime
    test: bool = False
    fields: dict[str, Value] = field(default_factory=dict)
    extra: dict[str, Raw] = field(default_factory=dict)  # came, but no field of ours: kept aside

    def normal(self, name: str) -> Scalar:
        """The normal value of a valid field, else None."""
        value = self.fields.get(name)
        return value.normal if value is not None and value.valid else None

    def normals(self) -> dict[str, Scalar]:
        """What expressions see as `lead`: valid normal values only."""
        return {name: v.normal for name, v in self.fields.items() if v.valid}
