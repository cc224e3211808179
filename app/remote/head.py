"""What the head of a mail says, read cheaply: whose it is, which one, and whether a machine wrote it."""

import re
from hashlib import blake2b

from msgspec import Struct

MOST_HEAD = 65_536
_LONGEST = 2_000
_BLANK = re.compile(rb"\r?\n\r?\n")
_NAMED = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
_PLAIN = re.compile(r"[^\s<>(),;:\"@]+@[^\s<>(),;:\"@]+")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_BULK = frozenset(("bulk", "junk", "list", "auto_reply"))
_MACHINES = ("mailer-daemon@", "postmaster@", "noreply@", "no-reply@", "bounce", "owner-")


class Head(Struct, frozen=True, kw_only=True):
    """`identity` is the same for the same mail however often, and by whatever way, it comes."""

    identity: str
    message_id: str = ""
    sender: str = ""  # the address of From, in lower case
    automatic: bool = False  # nobody reads an answer, or a machine answers it
    raw: bytes = b""  # the head as it came, without the body


def head_of(mail: bytes) -> Head:
    """Never raises, whatever the bytes; looks at the first 64 kB for fields."""
    end = _BLANK.search(mail)
    raw = mail[: min(end.start() if end else len(mail), MOST_HEAD)]
    said = _fields(raw)
    body = mail[end.end() :] if end else b""
    return Head(
        identity=_identity(said, body),
        message_id=said.get("message-id", ""),
        sender=_address(said.get("from", "")),
        automatic=_automatic(said),
        raw=raw,
    )


def machine(address: str) -> bool:
    """Whether an address is one that nobody reads, by its name."""
    return not address or address == "<>" or address.lower().startswith(_MACHINES)


def _fields(raw: bytes) -> dict[str, str]:
    """The first of several with one name counts."""
    found: dict[str, str] = {}
    for line in _FOLD.sub(b" ", raw).splitlines():
        name, colon, value = line[:_LONGEST].partition(b":")
        if colon:
            text = "".join(c for c in value.decode("utf-8", "replace").strip() if c.isprintable())
            found.setdefault(name.strip().lower().decode("latin-1"), text)
    return found


def _address(text: str) -> str:
    """The standard library's parser recurses without bound; a name may hold an address, so the last one counts."""
    found = _NAMED.findall(text) or _PLAIN.findall(text)
    return str(found[-1]).lower() if found else ""


def _identity(said: dict[str, str], body: bytes) -> str:
    """The id alone won't do: there are forms that give every mail the same one, and leads would be lost."""
    named = said.get("message-id") or f"{said.get('date', '')}\n{said.get('from', '')}"
    digest = blake2b(named.encode(), digest_size=16, person=b"leadgate mail")
    digest.update(body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def _automatic(said: dict[str, str]) -> bool:
    submitted = said.get("auto-submitted", "no").partition(";")[0].strip().lower()
    bulk = said.get("precedence", "").lower() in _BULK
    return submitted != "no" or bulk or any(name in said for name in ("list-id", "x-loop", "x-autoreply"))
