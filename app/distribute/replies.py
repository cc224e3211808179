"""What a buyer's reply says before any contract is asked: its status, its parts, when to come again.

    status                     without a rule of the contract that says otherwise
    200–299                    the contract's rules decide; a reply they can't read is Unclear
    301, 305, 307, 308         Rejected: the lead was not taken here, and we follow nobody
    other 300–399              Unclear: a redirect after a post is how many form endpoints say thanks
    408, 425, 429, 503         TryLater, after Retry-After where it can be read
    other 400–499              Rejected: read and refused (wrong key, wrong address, invalid)
    other 500–599, the rest    Unclear: the buyer had the lead when it failed

Nothing in this table is Accepted, and from 400 on no rule can make it so.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from app.core.expressions import activation
from app.distribute import xml
from app.distribute.adapter import Reply
from app.model import Outcome, Rejected, TryLater, Unclear

PARTS = ("status", "headers", "text", "json", "xml")
LATER = frozenset({408, 425, 429, 503})
MOVED = frozenset({301, 305, 307, 308})
LONGEST_WAIT = 8 * 86_400.0
_CHARSETS = frozenset({"us-ascii", "iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "utf-16"})
_DECODER = msgspec.json.Decoder()


def by_status(reply: Reply, at: datetime) -> Outcome | None:
    """The table above; None for 2xx, where only a contract can say. `at` is now, for a date in Retry-After."""
    status = reply.status
    if 200 <= status < 300:
        return None
    reason = f"http_{status}"
    if status in LATER:
        return TryLater(reason=reason, after=retry_after(reply, at), read=f"status {status}")
    if status in MOVED or 400 <= status < 500:
        return Rejected(reason=reason, read=f"status {status}")
    return Unclear(reason=reason, read=f"status {status}")


def retry_after(reply: Reply, at: datetime) -> float | None:
    """Seconds that the buyer asks us to wait, by number or date; None if it doesn't or can't be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        due = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    due = due if due.tzinfo is not None else due.replace(tzinfo=UTC)
    return min(max((due - at).total_seconds(), 0.0), LONGEST_WAIT)


class Opened:
    """A reply whose parts are read when first needed, once. `needs` are the parts that expressions look at."""

    __slots__ = ("_activation", "_needs", "_parts", "reply")

    def __init__(self, reply: Reply, needs: Iterable[str] = PARTS) -> None:
        self.reply = reply
        self._needs = needs
        self._parts: dict[str, Any] = {}
        self._activation: Any = None

    def part(self, name: str) -> Any:
        """`status`, `headers`, `text`, `json`, `xml` (a tree), `root` or `page` (lxml elements), or ValueError."""
        if name not in self._parts:
            self._parts[name] = _READERS[name](self)
        return self._parts[name]

    def activation(self) -> Any:
        """`reply` as expressions see it, with those parts that can be read."""
        if self._activation is None:
            found = {}
            for name in self._needs:
                try:
                    found[name] = self.part(name)
                except ValueError:
                    continue
            self._activation = activation({"reply": found})
        return self._activation


def _json(opened: Opened) -> Any:
    try:
        return _DECODER.decode(opened.reply.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise ValueError("is no JSON") from None


def _text(opened: Opened) -> str:
    _, _, named = opened.reply.headers.get("content-type", "").lower().partition("charset=")
    charset = named.split(";")[0].strip(" \"'")
    return opened.reply.body.decode(charset if charset in _CHARSETS else "utf-8-sig", "replace")


_READERS: Mapping[str, Any] = {
    "status": lambda opened: opened.reply.status,
    "headers": lambda opened: opened.reply.headers,
    "text": _text,
    "json": _json,
    "root": lambda opened: xml.read(opened.reply.body),
    "xml": lambda opened: xml.tree(opened.part("root")),
    "page": lambda opened: xml.page(opened.part("text")),
}
