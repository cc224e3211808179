"""An address in a mail, fixed or by template, that can never become two addresses or another header."""

import re
from email.headerregistry import Address
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator

from app.distribute.templates import Template, TemplateFailed

_NAMED = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>\s]+)>|(?P<bare>[^<>\s]+)")
_LONGEST_NAME = 100


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def _fillable(text: str) -> str:
    if is_template(text):
        Template(text, "header")
    else:
        mailbox(text)
    return text


MailboxText = Annotated[str, AfterValidator(_fillable)]
"""`a@b.example`, `Ann <a@b.example>`, or a template for one of them."""


def mailbox(text: str) -> Address:
    """The one address of a text; ValueError where there is none, or more. Its domain is in ASCII."""
    match = _NAMED.fullmatch(text.strip())
    if match is None:
        raise ValueError("is no address; write a@b.example or Ann <a@b.example>")
    try:
        found = validate_email(
            match["address"] or match["bare"],
            check_deliverability=False, allow_smtputf8=False, globally_deliverable=False,
        )  # fmt: skip
    except EmailNotValidError:
        raise ValueError("is no address; write a@b.example or Ann <a@b.example>") from None
    name = printable(match["name"] or "").strip(' "')[:_LONGEST_NAME]
    return Address(name, addr_spec=found.ascii_email)


def printable(text: str) -> str:
    """One line, without what ends it or can't be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class Filled:
    """A mailbox of settings, compiled once. TemplateFailed for a lead that makes it no address."""

    __slots__ = ("_fixed", "_template")

    def __init__(self, text: str) -> None:
        self._template = Template(text, "header") if is_template(text) else None
        self._fixed = None if self._template is not None else mailbox(text)

    def of(self, values: dict[str, Any]) -> Address:
        if self._fixed is not None:
            return self._fixed
        assert self._template is not None
        try:
            return mailbox(self._template.render(values))
        except ValueError:
            raise TemplateFailed("no_address") from None

    def maybe(self, values: dict[str, Any]) -> Address | None:
        """For what the mail can do without."""
        try:
            return self.of(values)
        except TemplateFailed:
            return None
