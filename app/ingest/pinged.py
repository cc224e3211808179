"""What a source may tell of a lead before it hands it over: facts, and contacts only as hashes."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from pydantic import Field

from app.core.errors import Unprocessable
from app.core.hashed import Hashed
from app.ingest.raw import written
from app.model import Raw, Value

HASHES = {"phone_hash": "phone", "email_hash": "email"}
_LENGTH = {"md5": 32, "sha1": 40, "sha256": 64}
_HEX = re.compile(r"[0-9a-f]+\Z")


class PingSettings(Hashed):
    """How a source pings. All of it may be left out."""

    contact: Literal["refuse", "drop"] = Field(
        "refuse",
        description="What is done with names, phones, e-mails and streets: a ping must not have them.",
    )
    per_minute: int = Field(300, ge=1, le=1_000_000, description="Pings in a minute, over all processes.")
    otherwise: Literal["distribute", "refuse"] = Field(
        "distribute",
        description="Of a lead whose ping does not hold (any more): sold as any other, or refused.",
    )


class Told(Struct, frozen=True):
    """A ping's facts, and its hashes by kind (`phone`, `email`), in lower case."""

    fields: Mapping[str, Value]
    hashes: Mapping[str, str]


def told(
    fields: Mapping[str, Value], extra: Mapping[str, Raw], contact: Mapping[str, str], to: PingSettings
) -> Told:
    """`fields` and `extra` as the source's mapping makes them; names that are nobody's are dropped. Raises Unprocessable,
    which names the fields and repeats nothing."""
    reaching = [name for name in fields if name in contact and not fields[name].parts.get("masked")]
    # What did not come is the source's own default.
    said = [name for name in reaching if fields[name].raw is not None]
    if said and to.contact == "refuse":
        raise contact_refused(said)
    hashes = {kind: _hash(name, extra[name], to.hash) for name, kind in HASHES.items() if name in extra}
    kept = {name: value for name, value in fields.items() if name not in reaching}
    return Told(kept, {kind: text for kind, text in hashes.items() if text})


def contact_refused(fields: Sequence[str]) -> Unprocessable:
    """Names them, and repeats nothing of them."""
    return Unprocessable(
        f"a ping has no contact data; leave out {', '.join(fields)}, or send phone_hash and email_hash",
        code="contact_in_ping",
        where=fields[0],
    )


def _hash(name: str, raw: Raw, how: str) -> str:
    text = written(raw).lower()
    if text and not (len(text) == _LENGTH[how] and _HEX.match(text)):
        raise Unprocessable(
            f"{name} is {_LENGTH[how]} hexadecimal digits ({how})", code="no_hash", where=name
        )
    return text
