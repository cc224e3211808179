"""An address that lives for ten minutes, or that an office reads, does not reach the person."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, Mx, checks
from app.validate.data import disposable, role_names


class EmailSettings(CheckSettings):
    """`action`, where it is given, is what `disposable` and `role` do unless they are named."""

    disposable: Action | Literal["allow"] = Field("flag", description="Throw-away mailboxes.")
    role: Action | Literal["allow"] = Field("flag", description="Shared mailboxes such as info@.")
    mx: Action | Literal["off"] = Field("off", description="Domains that take no mail, asked in the DNS.")
    fields: tuple[FieldName, ...] = Field((), description="Names of fields; empty: every e-mail field.")

    @model_validator(mode="before")
    @classmethod
    def _action_for_both(cls, given: Any) -> Any:
        if isinstance(given, dict) and "action" in given:
            return {"disposable": given["action"], "role": given["action"]} | given
        return given


def _addresses(lead: Lead, to: EmailSettings) -> Iterator[tuple[str, str, str]]:
    """(field, local part, domain in ASCII) of every valid address."""
    fields = lead.fields
    for name in to.fields or fields:
        value = fields.get(name)
        if value is None or not value.valid or "domain" not in value.parts:
            continue
        if isinstance(value.normal, str):
            local, at, domain = value.normal.lower().rpartition("@")
            if at:
                yield name, local, domain if domain.isascii() else _punycode(domain)


def _punycode(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


@checks.register
class Email(Check[EmailSettings]):
    """Looks at what kind of mailbox a valid address is; its syntax is the field type's."""

    name = "email"
    settings = EmailSettings
    order = 30
    codes = {
        "disposable": "The address is at a provider of throw-away mailboxes.",
        "role": "The address belongs to an office, not to a person.",
        "no_mx": "The domain of the address takes no mail.",
    }

    def asks(self, lead: Lead, to: EmailSettings) -> Iterable[Mx]:
        if to.mx == "off":
            return ()
        return [Mx(domain) for _, _, domain in _addresses(lead, to)]

    def run(self, lead: Lead, to: EmailSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, local, domain in _addresses(lead, to):
            if to.disposable != "allow" and (listed := disposable(domain)):
                yield self._finding(
                    field, "disposable", f"is a throw-away address ({listed})", to.disposable, to
                )
            if to.role != "allow" and (role := local.partition("+")[0]) in role_names():
                yield self._finding(field, "role", f"is read by an office ({role}@)", to.role, to)
            if to.mx != "off" and evidence.get(Mx(domain)) is False:
                yield self._finding(field, "no_mx", "is at a domain that takes no mail", to.mx, to)

    def _finding(self, field: str, code: str, says: str, action: Action, to: EmailSettings) -> Finding:
        return Finding(
            check="email",
            code=code,
            message=f"{field} {says}",
            field=field,
            action=action,
            points=to.points,
        )
