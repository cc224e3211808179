"""One attempt as it went over the wire: what was sent, what came back, and how that was read."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.commands.hand_overs import shown_attempts
from app.commands.steps import Setting
from app.commands.words import moment, money, span
from app.core.redaction import hide, mask_value, scrub
from app.distribute.exchange import OFFER
from app.pipeline.story import Story


def attempt_text(story: Story, number: int, setting: Setting) -> list[str]:
    """Lines of attempt `number`, as the trace counts them. Raises IndexError where there is none."""
    attempts = shown_attempts(story)
    if not 1 <= number <= len(attempts):
        raise IndexError
    a = attempts[number - 1]
    delivery = next((one for one in story.deliveries if one.id == a["delivery_id"]), None)
    contract = delivery.contract if delivery else "?"
    private = [] if setting.reveal else personal(story, setting)
    lines = [
        f"attempt {number} of {len(attempts)}   {contract}   delivery {a['delivery_id']}, its attempt {a['n']}"
        f"   {moment(a['started_at'], setting.zone, setting.now)}"
    ]
    for exchange in a["exchanges"] or ():
        lines += _exchange(exchange, private, setting)
    if not a["exchanges"]:
        lines.append(
            "nothing was sent" if a["outcome"] else "no answer yet, or its process died before one came"
        )
    return [*lines, _read(a, setting)] if a["outcome"] else lines


def personal(story: Story, setting: Setting) -> list[str]:
    """What came and what we made of it, where people may not see it: to be hidden in bodies."""
    found: list[str] = []
    for name, value in (story.detail or {}).get("fields", {}).items():
        parts = value[3].values() if len(value) > 3 else ()
        kind = setting.types.get(name, "")
        for one in (value[0], value[1], *(p for p in parts if kind in ("email", "phone", "name"))):
            text = "" if one is None or isinstance(one, bool) else str(one)
            if len(text) > 1 and mask_value(kind, text) != text:
                found.append(text)
    extra = (story.detail or {}).get("extra", {})
    return found + [str(one) for one in extra.values() if isinstance(one, str) and len(one) > 1]


def request_text(one: Mapping[str, Any], private: Iterable[str], setting: Setting) -> list[str]:
    """What was sent, or would be."""
    lines = ["", f"--> {one['method']} {hide(one['url'], private)}", *_headers(one["sent_headers"], private)]
    return lines + _body(one["sent"], private, setting)


def _exchange(one: Mapping[str, Any], private: Iterable[str], setting: Setting) -> list[str]:
    lines = request_text(one, private, setting)
    if one["method"] == OFFER:
        return lines  # to people, who answer when they do
    if one["status"] is None:
        lines += ["", f"<-- no reply: {one['error'] or 'unknown'} after {span(one['ms'])}"]
    else:
        lines += [
            "",
            f"<-- {one['status']} in {span(one['ms'])}{', then ' + one['error'] if one['error'] else ''}",
        ]
        lines += [*_headers(one["received_headers"], private), *_body(one["received"], private, setting)]
    if one["cut"]:
        lines.append("    (cut: longer than what is kept)")
    return lines


def _headers(headers: Mapping[str, str], private: Iterable[str]) -> list[str]:
    return [f"    {name}: {hide(value, private)}" for name, value in headers.items()]


def _body(body: str | Mapping[str, str], private: Iterable[str], setting: Setting) -> list[str]:
    if not body:
        return []
    if not isinstance(body, str):
        text = bytes.fromhex(body["hex"]).decode("utf-8", "replace")
        body = "\n".join(_hex(bytes.fromhex(body["hex"]))) if setting.reveal else hide(text, private)
    shown = body if setting.reveal else scrub(hide(body, private))
    return ["", *(f"    {line}" for line in _safe(shown).splitlines())]


def _hex(data: bytes) -> list[str]:
    return [
        f"{at:06x}  {data[at : at + 16].hex(' '):<47}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in data[at : at + 16])}"
        for at in range(0, len(data), 16)
    ]


def _safe(text: str) -> str:
    """Nothing that a terminal would take for a command."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def _read(a: Mapping[str, Any], setting: Setting) -> str:
    said: list[str] = [a["outcome"]]
    if a["outcome"] == "Accepted":
        said += [
            a["reference"] or "",
            f"{money(a['price'])} {setting.currency}".rstrip() if a["price"] is not None else "",
        ]
    else:
        said.append(a["reason"] if setting.reveal else scrub(a["reason"] or ""))
    how = a["read"] if setting.reveal else scrub(a["read"] or "")
    return "\nread as: " + " ".join(filter(None, said)) + (f"   by {how}" if how else "")
