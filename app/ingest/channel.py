"""What a channel is: a place that leads are fetched from, on a source's behalf."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import Struct
from pydantic import AfterValidator, Field

from app.core.duration import Duration
from app.core.errors import Refused
from app.core.registry import Component, Registry, Settings
from app.remote.folder import Trouble as Trouble


def _not_always(every: Duration) -> Duration:
    if every.seconds < 1:
        raise ValueError("is less than 1s, which would be a visit without end")
    return every


Every = Annotated[Duration, AfterValidator(_not_always)]


class ChannelSettings(Settings):
    """What every channel is told; each adds its own."""

    every: Every = Field(Duration("5m"), description="How long between two visits while all goes well.")


class Fetched(Struct, frozen=True, kw_only=True):
    """An HTTP answer; `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Door(Protocol):
    """What a channel may do with what it finds. Everything else it needs comes from its library."""

    state: Mapping[str, Any]
    """What `remember` said last: small, JSON. Empty on the first visit."""

    spool: Path
    """A folder for what is being fetched; made where it is missing."""

    async def keep(self, body: bytes, content_type: str, *, identity: str, name: str = "") -> bool:
        """Durable when it returns; False where this identity was kept before, on any visit. What can't be
        read is kept as a refusal and raised as Refused; NotDurable: stop, and come again."""

    async def keep_file(self, file: Path, *, identity: str, name: str) -> int:
        """A table of any size (CSV, sheet, NDJSON) through the batch import: all rows durable when it
        returns; how many were refused. Taken up again where a killed visit stopped."""

    async def refuse(self, refused: Refused, *, identity: str, name: str = "") -> None:
        """Note, once for its identity, what the channel itself won't read, such as what is too large."""

    async def known(self, identities: list[str]) -> set[str]:
        """Which of them were kept before."""

    async def remember(self, state: Mapping[str, Any]) -> None: ...

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """GET through the wire, which refuses what it must not reach. Raises Trouble."""

    async def reach(self, host: str, port: int) -> str:
        """The address to dial for a host: the one that was checked, so that a name that changes its mind
        gains nothing. Raises Trouble where one of its addresses is of the kind that the wire refuses."""


class Visit(Struct, frozen=True, kw_only=True):
    """What one visit brought."""

    kept: int = 0
    known: int = 0
    refused: int = 0
    more: bool = False  # there is more to fetch at once: no waiting


class Channel(Component, ABC):
    """Does its I/O through the library of its protocol; never SQL, never a clock of its own.

    One process at a time visits one channel (a lease), and a kill at any moment loses nothing: what is
    fetched is kept under an identity before it is marked, moved or acknowledged at the other end.
    """

    settings: ClassVar[type[Settings]] = ChannelSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]]
    """Settings as YAML gives them, each worth copying."""

    @abstractmethod
    async def visit(self, settings: Any, door: Door) -> Visit:
        """Fetch what is new. Raises Trouble (tried again after a wait that doubles); NotDurable passes through."""


channels: Registry[Channel] = Registry("app.ingest.channels", "leadgate.channels")
