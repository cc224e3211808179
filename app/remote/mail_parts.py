"""Takes a mail apart, in bounded time and memory however broken or hostile it is."""

import re
from collections.abc import Iterator
from email.message import Message

from app.core.charsets import charset_named
from app.core.errors import Unreadable

MOST_BYTES = 26_000_000
_MOST_LINES = 500_000
_LONGEST_LINE = 4_000_000
_MOST_HEADERS = 50_000
_MOST_BOUNDARIES = 1_000
_MOST_PARTS = 100
_MOST_DEPTH = 8
_HEADER = re.compile(rb"^[!-9;-~]{1,80}:", re.MULTILINE)
_NESTING = re.compile(rb"boundary[\s*\d]{0,4}=|message/", re.IGNORECASE)
_ENDLESS = re.compile(
    rb"(?:\A|[\r\n])content-[a-z-]{1,40}[ \t]*:(?:[^\r\n]|\r?\n[ \t]|\r[ \t]){2000}", re.IGNORECASE
)


def leaves(message: "Message[str, str]", *, forwarded: bool = True) -> Iterator["Message[str, str]"]:
    """Every part that holds no others; with `forwarded` those of mails within the mail as well. Raises Unreadable."""
    for count, (part, depth) in enumerate(_leaves(message, 0, forwarded), 1):
        if count > _MOST_PARTS or depth > _MOST_DEPTH:
            raise Unreadable(f"more than {_MOST_PARTS} parts, or nested too deeply", code="depth")
        yield part


def refuse_hostile(body: bytes) -> None:
    """Before it is parsed, raising Unreadable: every line, header and boundary costs more memory there than in the mail."""
    if len(body) > MOST_BYTES:
        raise Unreadable(f"a mail of more than {MOST_BYTES // 1_000_000} MB is not read", code="records")
    if any(_endless(body, at) for at in range(0, len(body) - _LONGEST_LINE + 1, _LONGEST_LINE)):
        raise Unreadable(f"a line of the mail is longer than {_LONGEST_LINE} bytes", code="fields")
    lines = max(body.count(b"\n"), body.count(b"\r"))
    headers = sum(1 for _ in _HEADER.finditer(body)) if lines > _MOST_HEADERS else 0
    nested = sum(1 for _ in _NESTING.finditer(body)) > 2 * _MOST_PARTS
    parts = body.count(b"\n--") + body.count(b"\r--") > _MOST_BOUNDARIES
    if _ENDLESS.search(body):  # the standard library takes the square of its length for its parameters
        raise Unreadable("a Content header of the mail is longer than is read", code="fields")
    if lines > _MOST_LINES or headers > _MOST_HEADERS or nested or parts:
        raise Unreadable("the mail has more lines, headers or parts than are read", code="fields")


def _endless(body: bytes, at: int) -> bool:
    return not any(body.find(end, at, at + _LONGEST_LINE) >= 0 for end in (b"\n", b"\r"))


def _leaves(
    message: "Message[str, str]", depth: int, forwarded: bool
) -> Iterator[tuple["Message[str, str]", int]]:
    inner = message.get_payload()
    enters = forwarded or message.get_content_maintype() != "message"
    if message.is_multipart() and isinstance(inner, list) and depth <= _MOST_DEPTH and enters:
        for part in inner:
            if isinstance(part, Message):
                yield from _leaves(part, depth + 1, forwarded)
    else:
        yield message, depth


def decoded_leniently(data: bytes, charset: str) -> str:
    """A mail's charset is often wrong: as it says, else UTF-8, else windows-1252, else byte by byte."""
    for name in (charset, "utf-8", "cp1252"):
        try:
            return data.decode(charset_named(name)) if name else data.decode("utf-8")
        except (UnicodeError, Unreadable):
            continue
    return data.decode("latin-1")
