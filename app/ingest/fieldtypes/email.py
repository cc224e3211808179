"""An e-mail address: lower case, no spaces, an international domain in its ASCII form."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_PLAIN = re.compile(
    r"([a-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-z0-9_!#$%&'*+\-/=?^`{|}~]+)*)@([a-z0-9.-]{1,253})"
)
_LONGEST = 254


class EmailSettings(Settings):
    pass


@fieldtypes.register
class Email(FieldType[EmailSettings]):
    """Syntax only; whether it is disposable or has an MX is what the check `email` asks."""

    name = "email"
    settings = EmailSettings
    parts = {"local": "what stands before the @", "domain": "what stands after it, in ASCII"}
    examples = (
        (
            {},
            " Ann.Smith@Example.COM ",
            Value(
                " Ann.Smith@Example.COM ",
                "ann.smith@example.com",
                True,
                {"local": "ann.smith", "domain": "example.com"},
            ),
        ),
        ({}, "ann@", Value("ann@", None, False, {}, "is no e-mail address")),
    )

    def normal(self, raw: Raw, to: EmailSettings) -> Value:
        text = written(raw).lower()
        note = ""
        if len(words := text.split()) > 1:
            text, note = "".join(words), "spaces removed"
        match = _PLAIN.fullmatch(text)
        if match is None or "xn--" in match[2]:  # its Unicode form is held to the length too
            return _any(raw, text, note)
        local, domain = match.groups()
        if len(text) > _LONGEST or not _is_domain(domain):
            return invalid(raw, "is no e-mail address")
        return valid(raw, text, {"local": local, "domain": domain}, note)


@lru_cache(maxsize=16_384)
def _is_domain(domain: str) -> bool:
    """Asked of the library once per domain; it costs ten times the rest."""
    try:
        validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _any(raw: Raw, text: str, note: str) -> Value:
    if len(text) > 2 * _LONGEST:
        return invalid(raw, "is no e-mail address")
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return invalid(raw, "is no e-mail address")
    parts = {"local": found.local_part, "domain": found.ascii_domain}
    return valid(raw, f"{found.local_part}@{found.ascii_domain}", parts, note)
