"""What a field type is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from app.core.registry import Component, Registry, Settings
from app.model import Raw, Value

S = TypeVar("S", bound=Settings)


class FieldType(Component, ABC, Generic[S]):
    """Makes one raw value normal. Pure, idempotent (`normal(normal(x)) == normal(x)`), never raises.

    What can't be understood is kept with `valid=False` and a `note`; an empty or blank value is no
    value: the caller doesn't ask. `parts` are the facts that come with the value (a phone's region and
    line type); their names are listed in `parts`.
    """

    examples: ClassVar[tuple[tuple[Mapping[str, Any], Raw, Value], ...]]
    """(settings, what came, what it becomes)."""
    parts: ClassVar[Mapping[str, str]] = {}
    """part name → what it says, for the docs."""

    @abstractmethod
    def normal(self, raw: Raw, to: S) -> Value: ...


fieldtypes: Registry[FieldType[Any]] = Registry("app.ingest.fieldtypes", "leadgate.fieldtypes")
