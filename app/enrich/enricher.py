"""What an enricher is: what it asks of whom about a lead, and which fields the answer fills."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct
from pydantic import Field

from app.core.registry import Component, Registry, Settings
from app.model import Lead, Scalar
from app.validate.remote import Remote


class EnricherSettings(Settings):
    """What every enricher can be told beside its own settings, which have `fields`: ours → where it stands."""

    overwrite: bool = Field(False, description="Take its word over what the lead says; else only fill gaps.")

    @property
    def fills(self) -> tuple[str, ...]:
        """The fields that an answer may fill."""
        return tuple(getattr(self, "fields", ()))


class Row(Struct, frozen=True):
    """Ask: what does this `table` say under this key (a digest)? Answer: column → text, or None where it has no such
    row. Asked once for a batch."""

    table: str
    key: bytes


S = TypeVar("S", bound=EnricherSettings)


class Enricher(Component, ABC, Generic[S]):
    """Pure, as checks are: what it asks is answered by the pipeline.

    A value goes into its field as if the lead had brought it: normal by the field's type, and marked with
    the enricher's id. One that the type finds invalid is left out: a service's slip is held against no lead.
    """

    examples: ClassVar[tuple[Mapping[str, Any], ...]]
    """Settings that work as they stand, for the docs and the conformance tests."""
    remote: ClassVar[bool]
    """It asks `Remote`s, so its leads wait for it beside the path; else `Row`s."""

    @abstractmethod
    def ask(self, name: str, lead: Lead, to: S) -> Remote | Row | None:
        """`name` is the enricher's id. None where the lead lacks what it takes to ask."""

    @abstractmethod
    def values(self, answer: Any, to: S) -> Mapping[str, Scalar]:
        """Field → what the answer says of it. `answer` is a Row's columns, or a Told's `value`."""

    @abstractmethod
    def reads(self, to: S) -> frozenset[str]:
        """The fields that its question is made of: it has its turn after whoever fills them."""


enrichers: Registry[Enricher[Any]] = Registry("app.enrich.enrichers", "leadgate.enrichers")
