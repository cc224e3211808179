"""What checks of consent certificates have in common: where a lead carries one, and whose it must be."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from app.model import Lead

_ID = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_LONGEST = 1_000


def named(lead: Lead, names: Sequence[str]) -> str:
    """The first text under one of these names, as a field of the campaign or beside them, in any case; else empty."""
    beside = {name.lower(): value for name, value in lead.extra.items()}
    own = {name.lower(): value.raw for name, value in lead.fields.items()}
    for name in names:
        for said in (own.get(name.lower()), beside.get(name.lower())):
            if isinstance(said, str) and said.strip():
                return said.strip()
    return ""


def id_at(url: str, service: str) -> str:
    """The id of a certificate in an address of that service and no other; else empty."""
    if len(url) > _LONGEST:
        return ""
    try:
        given, own = urlsplit(url), urlsplit(service)
        same = (given.hostname, given.port) == (own.hostname, own.port)
    except ValueError:
        return ""
    id_ = given.path.removeprefix("/")
    if given.scheme not in ("https", own.scheme) or not same or given.username or not _ID.match(id_):
        return ""
    return "" if set(id_) <= {"."} else id_


def contacts_of(lead: Lead) -> tuple[str, str]:
    """The first valid (e-mail, phone) of a lead, the phone as the digits that a form of its country asks for."""
    email = phone = ""
    for value in lead.fields.values():
        if not value.valid or not isinstance(value.normal, str) or value.parts.get("masked"):
            continue
        if "line_type" in value.parts and not phone:
            phone = value.normal.removeprefix("+1") if len(value.normal) == 12 else value.normal.lstrip("+")
        elif "domain" in value.parts and not email:
            email = value.normal
    return email, phone
