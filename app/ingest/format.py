"""What an intake format is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from app.core.errors import Unreadable
from app.core.registry import Component, Registry
from app.model import Record

MOST_DEPTH = 32
MOST_FIELDS = 2_000
MOST_RECORDS = 1_000

__all__ = ["MOST_DEPTH", "MOST_FIELDS", "MOST_RECORDS", "Format", "Unreadable", "formats"]


class Format(Component, ABC):
    """Reads one kind of body into flat records. Pure: no clock, no network, no SQL.

    Nested names are joined by dots, list items by their index (`phones.0.number`). Values stay as they
    came (`Raw`). A body holds one lead or several; none at all is Unreadable. Raises Unreadable (with a
    position in `where` where there is one) and nothing else, whatever the bytes.
    """

    content_types: ClassVar[tuple[str, ...]]
    also: ClassVar[tuple[str, ...]] = ()
    """Content types of another format, whose bodies this one reads where it `sniffs` its own kind."""
    examples: ClassVar[tuple[tuple[bytes, str, Sequence[Record]], ...]]
    """(body, content type header, records it reads as)."""

    @abstractmethod
    def read(self, body: bytes, content_type: str) -> list[Record]:
        """`content_type` is the whole header value, with its parameters (charset, boundary)."""

    def sniffs(self, body: bytes) -> bool:
        """Whether the body looks like this kind. A guess from its first kilobyte: cheap, and raises nothing."""
        return False

    def told(self, body: bytes, content_type: str) -> str:
        """The Content-Type of a body that it `sniffs`, with what only the body says of it."""
        return content_type


formats: Registry[Format] = Registry("app.ingest.formats", "leadgate.formats")
