"""Reads the report of a mail server that a mail of ours did not arrive (RFC 3464), by its lines alone."""

import re
from uuid import UUID

from msgspec import Struct

LONGEST = 262_144
"""Bytes that are looked at; the lines that count stand before the returned mail, or at its head."""

_ID = rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_BLANK = re.compile(rb"\r?\n\r?\n")
_REPORT = re.compile(rb"(?im)^content-type:[ \t]*multipart/report\b")
_ACTION = re.compile(rb"(?im)^action:[ \t]*([a-z]+)")
_STATUS = re.compile(rb"(?im)^status:[ \t]*([245]\.\d{1,3}\.\d{1,3})\b")
_ENVELOPE = re.compile(rb"(?im)^original-envelope-id:[ \t]*" + _ID)
_MESSAGE = re.compile(rb"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?<" + _ID + b"@")


class Bounced(Struct, frozen=True):
    """The mail of this delivery did not arrive; `status` is the server's enhanced code, or empty."""

    delivery: UUID
    status: str


def bounced(mail: bytes) -> Bounced | None:
    """What a report says that every recipient failed for; None for any other mail. Never raises."""
    mail = mail[:LONGEST]
    head_ends = _BLANK.search(mail)
    if head_ends is None or not _REPORT.search(mail, 0, head_ends.end()):
        return None
    body = mail[head_ends.end() :]
    actions = {action.lower() for action in _ACTION.findall(body)}
    found = _ENVELOPE.search(body) or _MESSAGE.search(body)
    if actions != {b"failed"} or found is None:
        return None
    status = _STATUS.search(body)
    return Bounced(UUID(found[1].decode()), status[1].decode() if status else "")
