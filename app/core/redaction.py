"""What people may see of a person, and what nobody may see of a secret."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape

DOTS = "•••"
"""Stands for what is hidden, however long it was."""

_TWO_DIGITS = frozenset(
    [
        "20",
        "27",
        "30",
        "31",
        "32",
        "33",
        "34",
        "36",
        "39",
        "40",
        "41",
        "43",
        "44",
        "45",
        "46",
        "47",
        "48",
        "49",
        "51",
        "52",
        "53",
        "54",
        "55",
        "56",
        "57",
        "58",
        "60",
        "61",
        "62",
        "63",
        "64",
        "65",
        "66",
        "81",
        "82",
        "84",
        "86",
        "90",
        "91",
        "92",
        "93",
        "94",
        "95",
        "98",
    ]
)
"""Calling codes (ITU E.164) of two digits; 1 and 7 have one, all others three."""

_SHOWN = frozenset({"state", "country", "number", "boolean", "choice"})

_HIDDEN_HEADERS = frozenset(
    ["authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "cookie", "set-cookie"]
)
_HIDDEN_ENDINGS = ("-token", "-secret", "-password")

# Every repetition is bounded, so that no text takes long; a run of digits may be a card or a passport as well.
_KEY = re.compile(r"\b(lg_[a-z]{2,8}_|whsec_)[A-Za-z0-9+/=_-]+")
_TOKEN = re.compile(
    r"\b((?i:bearer)[ :=]{1,4}|(?i:basic|token)[ :=]{1,4}(?=[a-z._~+/-]{0,200}[0-9A-Z=]))[A-Za-z0-9._~+/=-]{6,}"
)
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]{1,20}://)([^\s/?#\"'<>]{0,512}@)?([^\s?#\"'<>]{0,2048})([?#][^\s\"'<>]*)?"
)
_EMAIL = re.compile(r"[\w.+'%~!#$*^`{|}-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,10}")
_DIGITS = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d)[+(]{0,2}\d[\d ().\-/]{5,40}\d(?![\w-])")

T = TypeVar("T", str, bytes)


def mask_email(address: str) -> str:
    """`maria@gmail.com` → `m•••@gmail.com`."""
    local, at, domain = address.rpartition("@")
    return f"{local[0]}{DOTS}@{domain}" if at and local and domain else DOTS


def mask_phone(number: str) -> str:
    """`+12025550142` → `+1 ••• ••• 0142`; the length is hidden too."""
    digits = "".join(c for c in number if c.isdecimal() and c.isascii())
    if len(digits) < 8:
        return DOTS
    if not number.startswith("+"):
        return f"{DOTS} {DOTS} {digits[-4:]}"
    length = 1 if digits[0] in "17" else 2 if digits[:2] in _TWO_DIGITS else 3
    return f"+{digits[:length]} {DOTS} {DOTS} {digits[-4:]}"


def mask_name(name: str) -> str:
    """`Anna Maria Müller` → `A••• M••• M•••`; a name of one character is hidden whole."""
    words = name.split()[:3]
    return " ".join(word[0] + DOTS if len(word) > 1 else DOTS for word in words) or DOTS


def mask_value(field_type: str, value: object) -> str:
    """What the console and the command line show of a field; a type that is not known shows nothing."""
    if value is None or value == "":
        return ""
    text = str(value)
    match field_type:
        case "email":
            return mask_email(text)
        case "phone":
            return mask_phone(text)
        case "name":
            return mask_name(text)
        case "postal_code":
            return text[:3] + DOTS if len(text) > 3 else DOTS
        case "date":
            return text[:4] + "-••-••" if re.match(r"\d{4}-", text) else DOTS
        case "ip":
            return _mask_ip(text)
        case "url":
            return _mask_url(text)
        case _:
            return text if field_type in _SHOWN else DOTS


def _mask_ip(text: str) -> str:
    divider = ":" if ":" in text else "."
    return divider.join([*text.split(divider)[:2], DOTS])


def _mask_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        return f"{parts.scheme}://{parts.hostname}/{DOTS}" if parts.scheme and parts.hostname else DOTS
    except ValueError:
        return DOTS


def scrub(text: str) -> str:
    """Text that others wrote, fit for a log: no address, no number, no token, no key, no query of a URL."""
    text = _KEY.sub(lambda m: m[1] + DOTS, text)
    text = _TOKEN.sub(lambda m: m[1] + DOTS, text)
    text = _URL.sub(_without_secrets, text)
    text = _EMAIL.sub(f"{DOTS}@{DOTS}", text)
    return _DIGITS.sub(_hidden_number, text)


def _without_secrets(match: re.Match[str]) -> str:
    scheme, userinfo, rest, query = match.groups()
    return f"{scheme}{DOTS + '@' if userinfo else ''}{rest}{query[0] + DOTS if query else ''}"


def _hidden_number(match: re.Match[str]) -> str:
    return DOTS if sum(c.isdecimal() for c in match[0]) >= 7 else match[0]


def hide(text: T, secrets: Iterable[str]) -> T:
    """`text` with each secret replaced, also where it stands percent-encoded, or escaped for JSON or XML."""
    for form in _forms(tuple(secrets)):
        if isinstance(text, bytes):
            text = text.replace(form.encode("utf-8", "surrogatepass"), DOTS.encode())
        else:
            text = text.replace(form, DOTS)
    return text


@lru_cache(maxsize=1024)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Every way in which the secrets may be written, the longest first: one may be part of another."""
    forms: set[str] = set()
    for secret in secrets:
        forms |= {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        forms |= {escape(secret), escape(secret, {'"': "&quot;", "'": "&apos;"})}
        forms |= {quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
        forms |= {quote(secret, errors="replace")}
    return tuple(sorted(forms - {""}, key=lambda form: (-len(form), form)))


def hide_headers(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """Headers for the trace: what carries a key is hidden but for its scheme, in the others the secrets."""
    known = tuple(secrets)
    return {name: _hidden_header(name, value, known) for name, value in headers.items()}


def _hidden_header(name: str, value: str, secrets: tuple[str, ...]) -> str:
    lower = name.lower()
    if lower not in _HIDDEN_HEADERS and not lower.endswith(_HIDDEN_ENDINGS):
        return hide(value, secrets)
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {DOTS}" if space and scheme.isalpha() and "authorization" in lower else DOTS
