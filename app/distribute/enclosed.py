"""Takes the files of a buyer's out of a mail."""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32

from app.distribute.packed import Unpackable, is_packed
from app.distribute.place import Enclosed
from app.remote.mail_parts import decoded_leniently, leaves, refuse_hostile

_LONGEST_NAME = 1_000
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


def enclosed(mail: bytes, answers: Callable[[str], tuple[str, ...] | None]) -> list[Enclosed]:
    """Those that `answers` knows by their names, of the mail itself: what is in a mail that it passes on, such as ours
    that could not be delivered, is nobody's answer. Raises Unpackable."""
    try:
        refuse_hostile(mail)
        return list(_fitting(message_from_bytes(mail, policy=compat32), answers))
    except Exception:  # the parser has a dozen ways to fail on what is no mail
        raise Unpackable("unreadable") from None


def _fitting(
    message: "Message[str, str]", answers: Callable[[str], tuple[str, ...] | None]
) -> Iterator[Enclosed]:
    for part in leaves(message, forwarded=False):
        name = _name(part)
        known = answers(name) if name else None
        body = part.get_payload(decode=True) if known is not None else None
        if known is not None and isinstance(body, bytes):
            yield Enclosed(name, known, _in_utf_8(body, part))


def _name(part: "Message[str, str]") -> str:
    """Without the folder that it had at home; many programs write it as a header, which it is not."""
    written = str(part.get_filename() or "")[:_LONGEST_NAME]
    try:
        written = str(make_header(decode_header(written)))
    except (ValueError, LookupError):
        pass
    return _FOLDERS.sub("", " ".join(written.split()))


def _in_utf_8(body: bytes, part: "Message[str, str]") -> bytes:
    """What its bytes don't tell is what the mail says of it."""
    charset = part.get_param("charset")
    if not isinstance(charset, str) or part.get_content_maintype() != "text" or is_packed(body):
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return decoded_leniently(body, charset).encode()
    return decoded_leniently(body, charset).encode() if b"\0" in body else body
