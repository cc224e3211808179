"""Finds the format that a Content-Type names, and reads the body with it."""

from collections.abc import Iterable
from functools import lru_cache

from app.core.errors import UnknownType
from app.ingest.format import Format
from app.ingest.platform import Platform, type_of
from app.model import Record

_LONGEST_KEPT = 256
_UNTYPED = frozenset(("", "text/plain", "application/octet-stream", "binary/octet-stream"))

_Found = tuple[Format | None, tuple[Format, ...]]


class Reader:
    """Stateless but for a bounded memory of headers. A format's type `+json` takes every `…+json`.

    Formats that share a type (`Format.also`) are asked first whether the body is theirs. What a platform sent
    is kept under a type of its own, which is read here again but named to nobody.
    """

    def __init__(self, formats: Iterable[Format], platforms: Iterable[Platform] = ()) -> None:
        known = tuple(formats)
        self._platforms = {type_of(one.name): one for one in platforms}
        self._by_type = {kind: one for one in known for kind in one.content_types}
        self._sharing = {kind: tuple(one for one in known if kind in one.also) for kind in self._by_type}
        self._sniffing = tuple(sorted(known, key=lambda one: not one.also))
        self.taken = tuple(sorted(kind for kind in self._by_type if not kind.startswith("+")))
        self._kept = lru_cache(maxsize=512)(self._look_up)

    def format_of(self, content_type: str, body: bytes = b"", *, sniff_untyped: bool = False) -> Format:
        """UnknownType names what is taken, also where no type is given.

        `sniff_untyped`: a body without a type, or with one that says nothing (text/plain,
        application/octet-stream), goes to the format that knows it by its look.
        """
        found, sharing = (
            self._kept(content_type) if len(content_type) <= _LONGEST_KEPT else self._look_up(content_type)
        )
        if sharing:
            found = _sniffed(sharing, body) or found
        if found is None and sniff_untyped and _kind(content_type) in _UNTYPED:
            found = _sniffed(self._sniffing, body)
        if found is None:
            said = "the Content-Type is not taken" if content_type.strip() else "there is no Content-Type"
            raise UnknownType(f"{said}; send one of {', '.join(self.taken)}", taken=list(self.taken))
        return found

    def by_look(self, content_type: str, body: bytes) -> str:
        """The type under which to keep and read a body whose Content-Type may say nothing, or lie.

        It is believed where the body looks as it says, or like nothing that is known; else it is the type of
        what the body looks like, with the parameters that were said.
        """
        try:
            said = self.format_of(content_type, body)
        except UnknownType:
            said = None
        if said is not None and said.sniffs(body):
            return said.told(body, content_type)
        found = _sniffed(self._sniffing, body)
        if found is None or (said is not None and set(said.also) & set(found.content_types)):
            return content_type
        return found.told(body, "".join((found.content_types[0], *content_type.partition(";")[1:])))

    def read(self, body: bytes, content_type: str, *, sniff_untyped: bool = False) -> list[Record]:
        platform = self._platforms.get(content_type)
        if platform is not None:
            return platform.read(body, content_type)
        return self.format_of(content_type, body, sniff_untyped=sniff_untyped).read(body, content_type)

    def _look_up(self, content_type: str) -> _Found:
        kind = _kind(content_type)
        _, plus, suffix = kind.rpartition("+")
        named = self._by_type.get(kind) or (self._by_type.get(plus + suffix) if plus else None)
        return named, self._sharing.get(kind, ())


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _sniffed(formats: Iterable[Format], body: bytes) -> Format | None:
    return next((one for one in formats if one.sniffs(body)), None)
