"""An address that lives for ten minutes, that an office reads or that is misspelt does not reach the person."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, Mx, checks
from app.validate.data import disposable, kind_of, role_names
from app.validate.misspelt import meant_by, shown_as

Told = Action | Literal["allow"]


class EmailSettings(CheckSettings):
    """`action`, where it is given, is what `disposable` and `role` do unless they are named."""

    disposable: Told = Field("flag", description="Throw-away mailboxes.")
    role: Told = Field("flag", description="Shared mailboxes such as info@.")
    misspelt: Told = Field("flag", description="A domain one slip from a well-known one, as gmial.com.")
    lookalike: Told = Field(
        "flag", description="A provider's domain written with letters of another alphabet."
    )
    free: Told = Field("allow", description="Mailboxes that anybody gets, as at gmail.com.")
    company: Told = Field("allow", description="Mailboxes at a domain of one's own: firms, mostly.")
    international: Told = Field("allow", description="Domains in other letters than a to z.")
    mx: Action | Literal["off"] = Field("off", description="Domains that take no mail, asked in the DNS.")
    facts: bool = Field(False, description="Note kind, domain and suggestion where nothing is wrong too.")
    fields: tuple[FieldName, ...] = Field((), description="Names of fields; empty: every e-mail field.")
    known: ClassVar[Action] = "flag"

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
    """Looks at what kind of mailbox a valid address is; its syntax is the field type's.

    Facts: `email.kind` (disposable, free or company), `email.suggestion`: the domain that was meant by a misspelt
    one; nothing is changed, for the person alone knows.
    """

    name = "email"
    settings = EmailSettings
    order = 30
    codes = {
        "disposable": "The address is at a provider of throw-away mailboxes.",
        "role": "The address belongs to an office, not to a person.",
        "misspelt": "The domain of the address is a slip away from a well-known one, which the finding suggests.",
        "lookalike": "The domain of the address looks like a well-known one and is another.",
        "free": "The address is at a provider where anybody gets one.",
        "company": "The address is at a domain of its own, as firms have.",
        "international": "The domain of the address is written in other letters than a to z.",
        "no_mx": "The domain of the address takes no mail.",
        "known": "Nothing is wrong with it: what is known of the address, where the campaign asks for facts.",
    }

    def asks(self, lead: Lead, to: EmailSettings) -> Iterable[Mx]:
        if to.mx == "off":
            return ()
        return [Mx(domain) for _, _, domain in _addresses(lead, to)]

    def run(self, lead: Lead, to: EmailSettings, evidence: Evidence) -> Iterable[Finding]:
        for field, local, domain in _addresses(lead, to):
            facts = _facts(domain)
            for code, says in _said(local, domain, facts):
                action = getattr(to, code)
                if action != "allow":
                    yield self._finding(field, code, says, action, to, facts)
            if to.mx != "off" and evidence.get(Mx(domain)) is False:
                yield self._finding(field, "no_mx", "is at a domain that takes no mail", to.mx, to, {})
            if to.facts:
                says = f"{field} is known"
                yield Finding(check="email", code="known", message=says, field=field, facts=facts)

    def _finding(
        self, field: str, code: str, says: str, action: Action, to: EmailSettings, facts: dict[str, str]
    ) -> Finding:
        return Finding(
            check="email",
            code=code,
            message=f"{field} {says}",
            field=field,
            action=action,
            points=to.points,
            facts=facts if code == "misspelt" else {},
        )


def _facts(domain: str) -> dict[str, str]:
    kind = kind_of(domain)
    facts: dict[str, str] = {"email.kind": kind}
    if kind != "free" and (suggestion := meant_by(domain)):
        facts["email.suggestion"] = suggestion
    return facts


def _said(local: str, domain: str, facts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(code, what it says), in the order of `codes`."""
    kind, suggestion = facts["email.kind"], facts.get("email.suggestion")
    if kind == "disposable":
        yield "disposable", f"is a throw-away address ({disposable(domain)})"
    if (role := local.partition("+")[0]) in role_names():
        yield "role", f"is read by an office ({role}@)"
    if suggestion:
        yield "misspelt", f"may be misspelt: {suggestion} is alike"
    if provider := shown_as(domain):
        yield "lookalike", f"only looks as if it were at {provider}"
    if kind == "free":
        yield "free", "is at a provider where anybody gets one"
    elif kind == "company" and not suggestion:
        yield "company", "is at a domain of its own"
    if "xn--" in domain:
        yield "international", "is at a domain in other letters than a to z"
