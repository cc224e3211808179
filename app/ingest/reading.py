"""Finds the format that a Content-Type names, and reads the body with it."""

from collections.abc import Iterable
from functools import lru_cache

from app.core.errors import UnknownType
from app.ingest.format import Format
from app.model import Record

_LONGEST_KEPT = 256


class Reader:
    """Stateless but for a bounded memory of headers. A format's type `+json` takes every `…+json`."""

    def __init__(self, formats: Iterable[Format]) -> None:
        self._by_type = {kind: known for known in formats for kind in known.content_types}
        self.taken = tuple(sorted(kind for kind in self._by_type if not kind.startswith("+")))
        self._kept = lru_cache(maxsize=512)(self._look_up)

    def format_of(self, content_type: str) -> Format:
        """UnknownType names what is taken, also where no type is given."""
        found = (
            self._kept(content_type) if len(content_type) <= _LONGEST_KEPT else self._look_up(content_type)
        )
        if found is None:
            said = "the Content-Type is not taken" if content_type.strip() else "there is no Content-Type"
            raise UnknownType(f"{said}; send one of {', '.join(self.taken)}", taken=list(self.taken))
        return found

    def read(self, body: bytes, content_type: str) -> list[Record]:
        return self.format_of(content_type).read(body, content_type)

    def _look_up(self, content_type: str) -> Format | None:
        kind = content_type.partition(";")[0].strip().lower()
        _, plus, suffix = kind.rpartition("+")
        return self._by_type.get(kind) or (self._by_type.get(plus + suffix) if plus else None)
