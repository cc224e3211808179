"""What a platform is: a system that posts its own webhooks to `/in/{platform}/{source}`."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from app.core.errors import Unreadable
from app.core.registry import Component, Registry
from app.model import Record

__all__ = [
    "Asked",
    "Fetching",
    "Get",
    "Gone",
    "Got",
    "Later",
    "Page",
    "Platform",
    "Polling",
    "Said",
    "Taken",
    "Unreadable",
    "platforms",
    "type_of",
]


class Asked(Struct, frozen=True, kw_only=True):
    """One request as it came: header names in lower case (the last of several counts), the query in order."""

    method: str = "POST"
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Said(Struct, frozen=True):
    """Answered at once, nothing kept: a subscription's challenge, a ping."""

    body: bytes = b""
    content_type: str = "text/plain"
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()


class Taken(Struct, frozen=True, kw_only=True):
    """What one request asks us to do once it has proved where it comes from.

    `keep` is the body to store and read, with every secret that it carried taken out; None where the
    request only names leads. `identity` is the platform's own id of it (a delivery or lead id): the same
    one twice is one submission. `fetch` and `delete` are the platform's ids of leads to be fetched from
    it, and of leads that it wants deleted here.
    """

    keep: bytes | None = None
    identity: str = ""
    test: bool = False
    fetch: Sequence[str] = ()
    delete: Sequence[str] = ()


class Platform(Component, ABC):
    """Pure, as formats are: no clock but the one it is given, no network, no SQL."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    examples: ClassVar[tuple[tuple[Asked, Mapping[str, Any], Said | Taken], ...]]
    """(request, settings as YAML gives them, what comes of it)."""
    bodies: ClassVar[tuple[tuple[bytes, Sequence[Record]], ...]] = ()
    """(kept body, the records it reads as)."""

    @abstractmethod
    def take(self, asked: Asked, settings: Any, now: float) -> Said | Taken:
        """Proof first: raises Forged (401) where signature, token or key is not right, compared in
        constant time over the bytes as they came. Raises Unreadable for a body of another shape."""

    @abstractmethod
    def read(self, body: bytes, content_type: str) -> list[Record]:
        """The leads of a kept (or fetched) body, flat. Raises Unreadable, nothing else, whatever the bytes."""

    def answer(self, asked: Asked, settings: Any) -> Said:
        """What is said once `keep` is durable, also to a repetition. Where browsers post, what the original
        says, so that the page goes on working; nothing of the lead, and no id of ours, stands in it."""
        return Said(b"{}", "application/json")

    def origins(self, settings: Any) -> Sequence[str]:
        """The pages (`https://www.example.com`) whose scripts may post here and read every answer, errors too
        (CORS; `OPTIONS` is then answered for them); `*`: any. Empty: no script of another site may."""
        return ()

    def fetching(self, lead: str, settings: Any) -> "Fetching":
        """A generator that asks for the lead (`got = yield Get(…)`) and returns the body to keep; raises Gone,
        Later or Unreadable. For platforms whose webhooks only name a lead."""
        raise NotImplementedError(f"{self.name} fetches nothing")

    def is_test(self, body: bytes) -> bool:
        """Whether a fetched body is one that the platform's own test tool has made."""
        return False

    def polled(self, settings: Any) -> Sequence[str]:
        """What is looked through from time to time for leads whose webhook never came: ids of forms."""
        return ()

    def polling(self, what: str, since: float, cursor: str, settings: Any) -> "Polling":
        """A generator as `fetching` is, which returns one page of the leads since then (seconds since 1970);
        `cursor` is the last page's, empty at first."""
        raise NotImplementedError(f"{self.name} polls nothing")


class Get(Struct, frozen=True, kw_only=True):
    """One GET. A secret stands in a header, never in the URL; `secrets` are hidden wherever this is shown."""

    url: str
    headers: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()


class Got(Struct, frozen=True, kw_only=True):
    """Its answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Page(Struct, frozen=True):
    """Leads by the platform's ids; with a `cursor` there are more."""

    leads: Sequence[str]
    cursor: str = ""


Fetching = Generator[Get, Got, bytes]
Polling = Generator[Get, Got, Page]


class Gone(Exception):
    """The platform has no such lead any more: the fetch is over."""


class Later(Exception):
    """Not now: it is tried again on the schedule. `reason` is a word of ours (`limited`, `denied`, `failed`);
    `after` seconds, where the platform says how long, hold for all that is fetched from it for this source."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


def type_of(platform: str) -> str:
    """The content type under which what a platform sent is stored and read again."""
    return f"application/vnd.leadgate.{platform.replace('_', '-')}"


platforms: Registry[Platform] = Registry("app.ingest.platforms", "leadgate.platforms")
