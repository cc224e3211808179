"""What a browser sent back, from a plain form or from the script, as one value."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from app.core.errors import Unreadable
from app.ingest.format import formats
from app.ingest.reading import Reader
from app.model import Raw, Record

MOST_BYTES = 262_144
_LONGEST = 20_000
_MOST_VALUES = 300
CONSENT, TOKEN, GO, STEP, SIGNALS, PAGE, REFERRER = (
    "_consent", "_token", "_go", "_step", "_signals", "_page", "_referrer",
)  # fmt: skip
"""Names of our own inputs: no field's begins with `_`."""

Simple = str | int | float | bool | None


class Sent(Struct, kw_only=True):
    """`values` are the visitor's, by the names of the page; all else is ours."""

    values: dict[str, str] = field(default_factory=dict)
    token: str = ""
    go: str = ""
    step: int = 0
    consent: bool = False
    signals: Mapping[str, Simple] = field(default_factory=dict)
    page: str = ""
    referrer: str = ""
    script: bool = False
    attached: bool = False  # to a form that the page had already


class _Said(Struct):
    """As the script writes it."""

    values: dict[str, Simple | list[Simple]]
    signals: dict[str, Simple] = {}
    page: str = ""
    referrer: str = ""
    attached: bool = False


_SAID = msgspec.json.Decoder(_Said)
_SIGNALS = msgspec.json.Decoder(dict[str, Simple])


def read(body: bytes, content_type: str) -> Sent:
    """Raises Unreadable, UnknownType."""
    if content_type.partition(";")[0].strip().lower() == "application/json":
        return from_script(body)
    return _from_form(body, content_type)


def from_script(body: bytes) -> Sent:
    """JSON, whatever its type says: a page that goes away may not ask first. Raises Unreadable."""
    try:
        said = _SAID.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unreadable("this is not what the form's script sends", code="syntax") from None
    values = {name: _joined(value) for name, value in said.values.items()}
    sent = _taken(values)
    sent.signals, sent.page, sent.referrer = said.signals, said.page, said.referrer
    sent.script, sent.attached = True, said.attached
    return sent


def _joined(value: Simple | list[Simple]) -> str:
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value if one is not None)
    return _text(value)


def _text(value: Raw) -> str:
    if value is True or value is False:
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _from_form(body: bytes, content_type: str) -> Sent:
    if not body.strip():
        return Sent()
    record: Record = Reader(_FORMS()).read(body, content_type)[0]
    sent = _taken({name: _text(value) for name, value in record.items()})
    sent.page, sent.referrer = sent.values.pop(PAGE, ""), sent.values.pop(REFERRER, "")
    if signals := sent.values.pop(SIGNALS, ""):
        sent.script = True
        try:
            sent.signals = _SIGNALS.decode(signals.encode())
        except (msgspec.MsgspecError, RecursionError):
            sent.signals = {}
    return sent


def _FORMS() -> list[Any]:
    return [one for one in formats.discover() if one.name in ("form", "multipart")]


def _taken(values: dict[str, str]) -> Sent:
    """Our own names out of the values; what no field could hold, cut."""
    if len(values) > _MOST_VALUES:
        raise Unreadable(f"a form has at most {_MOST_VALUES} answers", code="fields")
    kept = {name: text.replace("\0", "")[:_LONGEST] for name, text in values.items() if "\0" not in name}
    step = kept.pop(STEP, "")
    return Sent(
        token=kept.pop(TOKEN, ""),
        go=kept.pop(GO, ""),
        step=int(step) if step.isdecimal() and len(step) < 4 else 0,
        consent=kept.pop(CONSENT, "").lower() in ("yes", "on", "true", "1"),
        values=kept,
    )
