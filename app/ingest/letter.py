"""Opens a mail: its decoded texts and files, in bounded time and memory however broken or hostile it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import compat32, default
from email.utils import parseaddr, parsedate_to_datetime

from app.ingest.body import refuse_empty, refuse_nul
from app.ingest.format import Unreadable
from app.remote.mail_parts import decoded_leniently, leaves, refuse_hostile

_LONGEST_HEADER = 2_000
_NAMED = {
    ".adf": "application/x-adf+xml",
    ".xml": "application/xml",
    ".json": "application/json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_VAGUE = frozenset(("application/octet-stream", "binary/octet-stream", "text/plain", "application/zip"))


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or what is of no text type. `kind` is its type, or that of its name where the type says nothing."""

    kind: str
    charset: str
    data: bytes

    @property
    def content_type(self) -> str:
        return f"{self.kind}; charset={self.charset}" if self.charset else self.kind


@dataclass(slots=True)
class Letter:
    """Each text is whole and decoded; `headers` are those that a lead keeps, by the names that it keeps them by."""

    headers: Mapping[str, str]
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[Part] = field(default_factory=list)


def opened(body: bytes) -> Letter:
    """Raises Unreadable and nothing else."""
    refuse_empty(body)
    refuse_hostile(body)
    try:
        message = message_from_bytes(body, policy=compat32)
        letter = Letter(_headers(message))
        for part in leaves(message):
            _sort(part, letter)
    except Unreadable:
        raise
    except Exception:  # the parser has a dozen ways to fail on broken headers; none of them is ours
        raise Unreadable("it is no mail, or its parts can't be told apart", code="syntax") from None
    return letter


def _sort(part: "Message[str, str]", letter: Letter) -> None:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data.strip():
        return
    name = str(part.get_filename() or "").lower()
    kind, charset = part.get_content_type(), str(part.get_param("charset") or "")
    named = _NAMED.get(name[name.rfind(".") :]) if "." in name else None
    if named and (kind in _VAGUE or not kind.endswith(("xml", "json", "csv"))):
        letter.files.append(Part(named, "", data))
    elif kind in ("text/plain", "text/html") and not name:
        text = decoded_leniently(data, charset)
        refuse_nul("a text part", text)
        (letter.plain if kind == "text/plain" else letter.html).append(text)
    else:
        letter.files.append(Part(kind, charset if charset.isascii() and charset.isprintable() else "", data))


def _headers(message: "Message[str, str]") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        found.setdefault(name.lower(), value if isinstance(value, str) else "")
    said = {
        name: _header(name, found.get(name, "")) for name in ("from", "reply-to", "subject", "message-id")
    }
    sender, address = parseaddr(said["from"])
    kept = {
        "mail.from": address,
        "mail.from_name": sender,
        "mail.reply_to": parseaddr(said["reply-to"])[1],
        "mail.subject": said["subject"],
        "mail.message_id": said["message-id"],
        "mail.date": _date(found.get("date", "")),
    }
    return {name: value for name, value in kept.items() if value}


def _header(name: str, raw: str) -> str:
    """Decoded words and raw bytes alike; what can't be decoded stays as it came."""
    text = decoded_leniently(raw[:_LONGEST_HEADER].encode("utf-8", "surrogateescape"), "")
    text = " ".join(text.replace("\0", "").split())
    try:
        text = str(default.header_fetch_parse(name, text))
    except Exception:  # the header parser fails in many ways; the undecoded text is no worse
        pass
    return " ".join(text.encode("utf-8", "replace").decode().replace("\0", "").split())


def _date(raw: str) -> str:
    try:
        return parsedate_to_datetime(raw[:100]).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
