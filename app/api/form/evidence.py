"""What is kept beside the answers as proof of how they came: consent, time, place, device, where the visitor came from."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct

from app.api.form.device import fingerprint
from app.api.form.sent import Sent, Simple
from app.api.form.shape import Shape
from app.api.form.token import Token
from app.catalog.forms import FILLED, TRACKED
from app.model import Raw, Record

_LONGEST = 2_000
_TEXTS = ("time_zone", "language", "languages", "screen", "viewport", "platform")
_NUMBERS = ("touch_points", "pixel_ratio", "keys", "pastes", "fills", "gap_ms", "gap_spread_ms", "seconds")
_OURS = ("consent.", "form.", "device.", "typing.")


class Around(Struct, frozen=True, kw_only=True):
    """What the request itself says."""

    now: datetime
    ip: str = ""
    user_agent: str = ""
    page: str = ""  # its address, where the form stands on a page of ours
    origin: str = ""
    hints: Mapping[str, Raw] = {}
    secret: bytes = b""  # which devices are known by


def record_of(sent: Sent, shape: Shape) -> Record:
    """The visitor's answers. What would pass for evidence, or for a field that the form doesn't ask, is set aside."""
    record: Record = {}
    for name, value in sent.values.items():
        low = name.lower()
        if low == shape.trap or low in TRACKED or not name or name.startswith("_"):
            continue
        evident = low in FILLED or low.startswith(_OURS)
        aside = evident or (low in shape.fields and low not in shape.answers)
        record[f"posted.{name}" if aside else name] = value
    if shape.consent and shape.consent.field and sent.consent:
        record[shape.consent.field] = "yes"
    return record


def evidence(sent: Sent, shape: Shape, token: Token, around: Around) -> Record:
    """Names as mappings know them: `utm_source`, `gclid`, `ip`, and the rest under `form.`, `consent.`, `device.`, `typing.`."""
    page = sent.page or around.page
    found: dict[str, Raw] = {
        "ip": around.ip,
        "user_agent": around.user_agent[:_LONGEST],
        "page_url": stripped(page, keep=TRACKED),
        "referrer": stripped(sent.referrer),
        "form.shown_at": _iso(token.shown_at),
        "form.submitted_at": _iso(around.now.timestamp()),
        "form.seconds": round(max(0.0, around.now.timestamp() - token.shown_at), 1),
        "form.script": sent.script,
        "form.embedded_on": around.origin,
        "form.honeypot": bool(sent.values.get(shape.trap)) or None,
    }
    found |= {name: tracked(page, sent.values).get(name) for name in TRACKED}
    found |= _signals(sent.signals)
    found |= around.hints
    found["device.fingerprint"] = fingerprint(found, around.secret)
    found |= _consent(sent, shape, token, around)
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _consent(sent: Sent, shape: Shape, token: Token, around: Around) -> Record:
    """The very text that was shown: the token says which it was."""
    if shape.consent is None:
        return {}
    text = shape.consent.text
    return {
        "consent.given": sent.consent,
        "consent.text": text,
        "consent.version": shape.consent.version,
        "consent.digest": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        "consent.shown_at": _iso(token.issued_at),
        "consent.at": _iso(around.now.timestamp()),
    }


def _signals(said: Mapping[str, Simple]) -> Record:
    """Known names only, numbers as numbers; counts of keys, never keys."""
    found: Record = {}
    for name in _TEXTS:
        if isinstance(text := said.get(name), str):
            found[f"device.{name}"] = text.replace("\0", "")[:200]
    for name in _NUMBERS:
        number = said.get(name)
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < 1e9:
            found[_NUMBER_NAMES.get(name, f"typing.{name}")] = number
    if isinstance(driven := said.get("webdriver"), bool):
        found["device.webdriver"] = driven
    return found


_NUMBER_NAMES = {
    "touch_points": "device.touch_points", "pixel_ratio": "device.pixel_ratio", "seconds": "time_on_page",
}  # fmt: skip


def tracked(page: str, values: Mapping[str, str]) -> dict[str, str]:
    """UTM and click ids: of the page's address, else of the form's own inputs."""
    named = {name: value for name, value in values.items() if name in TRACKED and value}
    return {name: value[:500] for name, value in (named | _query(page)).items()}


def _query(page: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(urlsplit(page[: _LONGEST * 4]).query, max_num_fields=200)
    except ValueError:
        return {}
    return {name: value for name, value in reversed(pairs) if name in TRACKED and value}


def stripped(address: str, keep: tuple[str, ...] = ()) -> str:
    """An address without what of its query is not known: it may hold what a person typed. Else nothing."""
    try:
        parts = urlsplit(address[:_LONGEST])
        host = parts.netloc.rpartition("@")[2]
        known = [(n, v) for n, v in parse_qsl(parts.query, max_num_fields=200) if n in keep]
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    return (
        parts._replace(netloc=host, query=urlencode(known), fragment="").geturl().replace("\0", "")[:_LONGEST]
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
