"""What the webhooks of form builders share: any of three kinds of body as one record, and a token in the address."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from itertools import islice
from typing import Annotated, Any, TypeVar
from urllib.parse import quote_plus, unquote_to_bytes

import msgspec
from pydantic import AfterValidator, SecretStr

from app.ingest.body import as_utf8, charset_of, decoded, listed, too_many_fields
from app.ingest.format import MOST_FIELDS, Unreadable, formats
from app.ingest.objects import BROKEN, DECODE, explained, record_of
from app.ingest.platform import Asked, Platform
from app.ingest.proofs import refuse, same
from app.ingest.reading import Reader
from app.model import Record

MOST_BYTES = 1_000_000
"""One lead with all its questions is a hundredth of it."""

_FORM = "application/x-www-form-urlencoded"
_BOUNDARY = re.compile(rb"--([A-Za-z0-9_'()+,./:=?-]{1,200})\r\n")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
_BEARER = "bearer "
_DAY = 86_400

T = TypeVar("T")


class Oversized(Unreadable):
    status, code, title = 413, "too_large", "The body is too large"


def _token(secret: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(secret.get_secret_value()):
        raise ValueError("a token is 16 to 200 letters, digits, - and _: it stands in a URL")
    return secret


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("an origin is written https://www.example.com, in lower case, without a path")
    return text


Token = Annotated[SecretStr, AfterValidator(_token)]
Origin = Annotated[str, AfterValidator(_origin)]


def refuse_unless_told(token: SecretStr | None, asked: Asked) -> None:
    """Forged unless the token comes as `?token=`, or as `Authorization: Bearer` where that can be set."""
    if token is None:
        return
    given = dict(asked.query).get("token", "")
    header = asked.headers.get("authorization", "")
    if not given and header[: len(_BEARER)].lower() == _BEARER:
        given = header[len(_BEARER) :].strip()
    if not same(given, token.get_secret_value()):
        refuse("the address has no ?token=, or not the one of this source")


def refuse_elsewhere(origins: Sequence[str], asked: Asked) -> None:
    """Forged for pages of other sites. Browsers say where they post from; programs say what they like."""
    if origins and asked.headers.get("origin", "") not in origins:
        refuse("the page's site is not among this source's `origins`")


def kept(asked: Asked, *, charset: str = "") -> bytes:
    """The body in UTF-8, so that it can be read without its header.

    `charset` is what the address says, where the header says nothing.
    """
    _refuse_oversized(asked.body)
    content_type = asked.headers.get("content-type", "")
    if charset and "charset" not in content_type.lower():
        content_type = f'{_FORM}; charset="{charset}"'
    named = charset_of(content_type)
    body = asked.body
    if named == "utf-8" or _is_multipart(body) or _is_json(body) or named.startswith(("utf-16", "utf-32")):
        return as_utf8(body, named)
    return b"&".join(_recoded(pair, named) for pair in body.split(b"&"))


def without(body: bytes, token: SecretStr | None) -> bytes:
    """Some platforms repeat the address they post to, token and all."""
    return body if token is None else body.replace(token.get_secret_value().encode(), b"hidden")


def digest(body: bytes, now: float) -> str:
    """The identity of a post whose platform gives it none: a second click, a repeated webhook.

    On another day (UTC) the same bytes are another lead: whether that is a duplicate, the campaign decides.
    """
    return f"{int(now // _DAY)}:{blake2b(body, digest_size=16).hexdigest()}"


def glance(platform: Platform, body: bytes) -> Record:
    """The first lead of a proved body, for its id. Nothing where it can't be read: the door says why, and
    keeps what it refuses for a person to see."""
    try:
        return platform.read(body, "")[0]
    except Unreadable:
        return {}


def record_in(body: bytes) -> Record:
    """The one lead of a form, a multipart form or a JSON object; which of them, its first byte says."""
    _refuse_oversized(body)
    if _is_json(body):
        return record_of(json_in(body), None, has_nul=True)
    content_type = _FORM
    if _is_multipart(body):
        found = _BOUNDARY.match(body)
        if found is None:
            raise Unreadable("the first line is no boundary", code="boundary", where="line 1")
        content_type = f'multipart/form-data; boundary="{found[1].decode()}"'
    [record] = _reader().read(body, content_type)
    return record


def json_in(body: bytes) -> Any:
    _refuse_oversized(body)
    try:
        return DECODE(body)
    except BROKEN:
        raise explained(body) from None


def object_in(text: Any, name: str) -> dict[str, Any]:
    """A JSON object that stands in a field of a form. Its faults are told by the field's name."""
    try:
        found = json_in(text.encode()) if isinstance(text, str) else None
    except Unreadable as refused:
        raise Unreadable(refused.detail, code=refused.reason, where=name) from None
    if type(found) is not dict:
        raise Unreadable(f"{name} is no JSON object", code="shape", where=name)
    return found


def shaped(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A JSON body of a known shape; what the shape doesn't name is skipped."""
    _refuse_oversized(body)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        detail = f"it has not the shape of this platform's webhook: {what}"
        raise Unreadable(detail, code="shape", where=where.strip("`") or None) from None
    except BROKEN:
        raise explained(body) from None


def flat(pairs: Iterable[tuple[str, Any]]) -> Record:
    """Pairs as one record: of equal names plain is the first, several values of one name stand as `name.0`, …"""
    spread = ((name, one) for name, value in pairs for one in (value if type(value) is list else [value]))
    found = list(islice(spread, MOST_FIELDS + 1))
    if len(found) > MOST_FIELDS:
        raise too_many_fields()
    return record_of(listed(found), None, has_nul=True)


@cache
def _reader() -> Reader:
    return Reader(formats.discover())


def _refuse_oversized(body: bytes) -> None:
    if len(body) > MOST_BYTES:
        raise Oversized(f"the webhook of a form has at most {MOST_BYTES:,} bytes")


def _is_json(body: bytes) -> bool:
    return body[:256].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _is_multipart(body: bytes) -> bool:
    return body.startswith(b"--")


def _recoded(pair: bytes, charset: str) -> bytes:
    parts = pair.split(b"=", 1)
    texts = [decoded(unquote_to_bytes(part.replace(b"+", b" ")), charset) for part in parts]
    return "=".join(quote_plus(text, safe="[]") for text in texts).encode()
