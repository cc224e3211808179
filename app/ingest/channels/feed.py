"""Polls an RSS or Atom feed whose items are leads."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode, urlsplit

from lxml import etree
from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from app.core.auth import Auth
from app.core.errors import NotDurable, Refused, Unreadable
from app.core.registry import Settings
from app.ingest.channel import Channel, ChannelSettings, Door, Fetched, Trouble, Visit, channels
from app.ingest.items import ATOM, guid_of, items

_ACCEPT = "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
MOST_ITEMS = 100_000
_AT_ONCE = 64
_ASKED_AT_ONCE = 1_000
_LONGEST_MARK = 1_000
_A_DAY = 86_400.0


def _feed_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the URL can't be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("the URL must be http:// or https:// with a host")
    if "@" in parts.netloc:
        raise ValueError("the URL must not carry a user or password; write them under auth")
    if parts.fragment or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("the URL has a # or characters that must be percent-encoded")
    return url


class Secret(Settings):
    """What is sent and never shown: keys that the feed's server wants in a header or in the query."""

    headers: Mapping[str, SecretStr] = {}
    query: Mapping[str, SecretStr] = {}


class FeedSettings(ChannelSettings):
    url: Annotated[str, AfterValidator(_feed_address)] = Field(description="Where the feed is.")
    auth: Auth | None = None
    secret: Secret = Secret()

    def asked(self) -> str:
        """The URL with the keys that belong into it: for the wire only."""
        if not self.secret.query:
            return self.url
        query = urlencode({name: value.get_secret_value() for name, value in self.secret.query.items()})
        return f"{self.url}{'&' if urlsplit(self.url).query else '?'}{query}"

    def headers(self) -> dict[str, str]:
        given = {name.lower(): value.get_secret_value() for name, value in self.secret.headers.items()}
        if self.auth is not None:
            given["authorization"] = self.auth.header()
        return given


class Item(Struct, frozen=True):
    """One lead of a feed, as a body of its own."""

    body: bytes
    content_type: str
    identity: str


@channels.register
class Feed(Channel):
    """Each item is kept once, told from the others by its `guid` (Atom's `id`, RDF's `about`); one without is told by
    all that it says. One request a visit: `ETag` and `Last-Modified` are sent back, so that an unchanged feed
    costs nothing. `429` and `503` are waited for as `Retry-After` says, at most a day; `410` is asked again once a day.
    A feed that has moved is not followed: give the channel its new URL. At most 16 MB are read.

    auth: `basic: {user, password}` or `bearer`.
    secret: headers and query parameters that hold keys; sealed, and never shown.
    """

    name = "feed"
    settings: ClassVar[type[Settings]] = FeedSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"url": "https://vendor.example/leads.rss", "every": "5m"},
        {
            "url": "https://portal.example/export/atom?campaign=solar",
            "every": "15m",
            "auth": {"basic": {"user": "acme", "password": "write-it-here"}},
        },
    )

    async def visit(self, settings: FeedSettings, door: Door) -> Visit:
        got = await door.fetch(settings.asked(), settings.headers() | _conditions(door.state))
        if got.status == 304:
            return Visit()
        if got.status != 200:
            raise _trouble(got, _host(settings.url))
        seen = blake2b(got.body, digest_size=16).hexdigest()
        visit = Visit()
        if seen != door.state.get("seen"):
            visit = await _keep(await _split(got, settings.url), door)
        await door.remember({"seen": seen, **_marks(got)})
        return visit


def _conditions(state: Mapping[str, Any]) -> dict[str, str]:
    asked = {"accept": _ACCEPT}
    if state.get("etag"):
        asked["if-none-match"] = state["etag"]
    if state.get("modified"):
        asked["if-modified-since"] = state["modified"]
    return asked


def _marks(got: Fetched) -> dict[str, str]:
    """What the server tells this version by, as it wrote it; nothing that could not be sent back."""
    named = (("etag", "etag"), ("modified", "last-modified"))
    found = {mark: got.headers.get(header, "").strip() for mark, header in named}
    return {
        mark: text
        for mark, text in found.items()
        if text and len(text) <= _LONGEST_MARK and text.isascii() and text.isprintable()
    }


async def _split(got: Fetched, url: str) -> list[Item]:
    """The items, the oldest first: feeds begin with what is new."""
    try:
        return await asyncio.to_thread(_items, got.body, got.headers.get("content-type", ""), url)
    except Unreadable as error:
        if error.reason == "empty" and got.body.strip():
            return []
        raise Trouble(f"{_host(url)} answers with what is no feed: {error.detail}") from None


def _items(body: bytes, content_type: str, url: str) -> list[Item]:
    found = items(body, content_type)
    if len(found) > MOST_ITEMS:
        raise Unreadable(f"it has more than {MOST_ITEMS:,} items", code="records")
    guids = [guid_of(item) for item in found]
    times = Counter(guids)
    parts = urlsplit(url)
    place = f"{parts.hostname}{parts.path}"  # a key in its query, or http that became https, is no other feed
    made = []
    for item, guid in zip(found, guids, strict=True):
        body = etree.tostring(item, encoding="utf-8", with_tail=False)
        # One guid on several items tells none of them: it would be the first lead, and no other ever.
        told = guid if times[guid] == 1 and guid else f"{guid} {_digest(item)}"
        atom = item.tag.startswith(f"{{{ATOM}}}")
        made.append(Item(body, f"application/{'atom' if atom else 'rss'}+xml", f"{place} {told}"))
    return made[::-1]


def _digest(item: Any) -> str:
    """Of what it says, however its feed declares namespaces and breaks lines around it."""
    return blake2b(etree.tostring(item, method="c14n", exclusive=True), digest_size=16).hexdigest()


async def _keep(found: Sequence[Item], door: Door) -> Visit:
    known: set[str] = set()
    for at in range(0, len(found), _ASKED_AT_ONCE):
        known |= await door.known([item.identity for item in found[at : at + _ASKED_AT_ONCE]])
    new = [item for item in found if item.identity not in known]
    kept = refused = 0
    for at in range(0, len(new), _AT_ONCE):
        ends = await asyncio.gather(*(_one(item, door) for item in new[at : at + _AT_ONCE]))
        for end in ends:
            if isinstance(end, NotDurable):
                raise end
        kept += ends.count(True)
        refused += sum(isinstance(end, Refused) for end in ends)
    return Visit(kept=kept, known=len(found) - kept - refused, refused=refused)


async def _one(item: Item, door: Door) -> bool | Refused:
    try:
        return await door.keep(item.body, item.content_type, identity=item.identity)
    except Refused as refused:
        return refused


def _trouble(got: Fetched, host: str) -> Trouble:
    status = got.status
    if status == 410:
        return Trouble(f"{host} says that the feed is gone for good (410): remove the channel", after=_A_DAY)
    if status in (401, 403):
        return Trouble(f"{host} does not let us in ({status}): look at auth and secret")
    if 300 <= status < 400:
        return Trouble(f"{host} says that the feed has moved ({status}): give the channel its new URL")
    if status in (429, 503):
        return Trouble(f"{host} asks us to wait ({status})", after=_retry_after(got))
    return Trouble(f"{host} answers {status}")


def _retry_after(got: Fetched) -> float:
    """Seconds; a date counts from the server's own."""
    said = got.headers.get("retry-after", "").strip()
    if said.isdecimal() and said.isascii():
        return float(said[:9])
    try:
        then, now = parsedate_to_datetime(said), parsedate_to_datetime(got.headers.get("date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
