"""A Jornaya LeadiD of the page that a person filled in: it is authentic, and passes the audit profile of the account."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from pydantic import Field, SecretStr

from app.model import Finding, Lead
from app.validate.certificates import (
    CertificateCheck,
    CertificateSettings,
    Origin,
    What,
    answered,
    contacts_of,
    named,
)
from app.validate.check import Evidence, checks
from app.validate.remote import Asking, Request, Response, Told, Unanswered

_TOKENS = ("universal_leadid", "leadid_token", "jornaya_leadid", "jornaya_lead_id", "jornaya_token", "leadid")
_TOKEN = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_CODES = (
    "authentic", "reason", "age", "duration", "data_integrity", "lead_dupe",
    "device_five_minutes", "device_hour", "device_twelve_hours", "device_day",
)  # fmt: skip
"""What is kept of the audit: numbers, none of which tells who the person is."""
_RED, _YELLOW = 3, 2
_LONGEST_NAME = 40


class JornayaSettings(CertificateSettings):
    """`account` and `key` are of your account; the key is also the audit profile. `action`, where it is given, is what
    each reason does unless it is named."""

    account: SecretStr = Field(description="Account code (lac).")
    key: SecretStr = Field(description="Audit key (lak), with the profile that `red` and `yellow` are of.")
    oldest: int | None = Field(None, ge=0, le=10, description="Highest code of age that passes, 0 to 10.")
    shortest: int | None = Field(None, ge=0, le=10, description="Lowest code of duration that passes.")
    disclosure: bool = Field(False, description="The audit must have found the words of consent.")
    service: Origin = Field("https://api.leadid.com", description="Who is asked.")
    missing: What = Field("reject", description="No LeadiD came.")
    malformed: What = Field("reject", description="What came is none; it is not asked for.")
    not_authentic: What = Field("reject", description="Expired, opted out, asked for too often, or invented.")
    no_disclosure: What = Field("reject", description="No words of consent were found on the page.")
    too_old: What = Field("reject", description="Above `oldest`.")
    too_quick: What = Field("flag", description="Below `shortest`.")
    red: What = Field("reject", description="A rule of the profile is broken.")
    yellow: What = Field("flag", description="A rule of the profile is nearly broken.")
    unknown: What = Field("flag", description="No answer, or the budget is used up.")


class Token(Struct, frozen=True):
    """What is asked: whether the page was filled in with these."""

    id: str
    provider: str
    email: str = ""
    phone: str = ""


@checks.register
class Jornaya(CertificateCheck[JornayaSettings, Token]):
    """Audits `universal_leadid` (or `leadid_token`, `jornaya_leadid`) with Jornaya's SingleQuery, by POST: nothing of a
    person stands in an address. Facts: `jornaya.age`, `.duration`, `.data_integrity`, `.device_hour` and others, in
    Jornaya's codes, and `jornaya.red`, `jornaya.yellow`: the rules of the profile."""

    name = "jornaya"
    settings = JornayaSettings
    order = 72
    codes = {
        "missing": "No LeadiD came with the lead.",
        "malformed": "What came as a LeadiD is none.",
        "not_authentic": "Jornaya does not vouch for the LeadiD.",
        "no_disclosure": "No words of consent were found on the page.",
        "too_old": "The lead is older than the campaign takes, by Jornaya's code of age.",
        "too_quick": "The page was filled in quicker than the campaign takes, by Jornaya's code of duration.",
        "red": "A rule of the account's audit profile is broken.",
        "yellow": "A rule of the account's audit profile is nearly broken.",
        "unknown": "Jornaya did not answer, or the budget is used up.",
        "known": "Nothing is wrong with the LeadiD: what is known of it.",
    }

    def question(self, lead: Lead, to: JornayaSettings) -> Token | None:
        id_ = named(lead, _TOKENS)
        if not _TOKEN.match(id_):
            return None
        email, phone = contacts_of(lead)
        return Token(id_.upper(), lead.source, email, phone)

    def converse(self, question: Token, to: JornayaSettings) -> Asking:
        account, key = to.account.get_secret_value(), to.key.get_secret_value()
        contacts = (("email", question.email), ("phone1", question.phone))
        body = {
            "lac": account, "lak": key, "id": question.id, "lpc": question.provider, "format": "json",
            "data": "|".join(f"{name};{value}" for name, value in contacts if value),
        }  # fmt: skip
        response = yield Request(
            method="POST",
            url=f"{to.service}/SingleQuery",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(body).encode(),
            secrets=(account, key),
        )
        return _read(response)

    def run(self, lead: Lead, to: JornayaSettings, evidence: Evidence) -> Iterable[Finding]:
        if self.question(lead, to) is not None:
            yield from super().run(lead, to, evidence)
        elif named(lead, _TOKENS):
            yield from self._finding("malformed", "the LeadiD is none", to)
        else:
            yield from self._finding("missing", "no LeadiD came with the lead", to)

    def found(self, lead: Lead, to: JornayaSettings, told: Told) -> Iterable[Finding]:
        if not told.known:
            yield from self._unheard(told, "Jornaya", to)
            return
        value = told.value if isinstance(told.value, Mapping) else {}
        facts = {f"jornaya.{name}": said for name, said in value.items() if said not in (None, [])}
        yield from self._judged(list(_faults(value, to)), to, known="the LeadiD is known", facts=facts)


def _faults(value: Mapping[str, Any], to: JornayaSettings) -> Iterator[tuple[str, str]]:
    """(reason, what it says). Of a LeadiD that is not vouched for nothing else is known."""
    if value.get("authentic") != 1:
        yield "not_authentic", "the LeadiD is not authentic"
        return
    if to.disclosure and value.get("disclosure") != 1:
        yield "no_disclosure", "no words of consent were found on the page"
    age, duration = value.get("age"), value.get("duration")
    if to.oldest is not None and isinstance(age, int) and age > to.oldest:
        yield "too_old", f"the code of age is above {to.oldest}"
    if to.shortest is not None and isinstance(duration, int) and duration < to.shortest:
        yield "too_quick", f"the code of duration is below {to.shortest}"
    for code, says in (("red", "broken"), ("yellow", "nearly broken")):
        rules = value.get(code)
        if isinstance(rules, list) and rules:
            yield code, f"rules of the audit profile are {says}: {len(rules)}"


def _read(response: Response) -> dict[str, Any]:
    """Every failure of theirs comes with a 200, so what has no audit in it is none."""
    audit = answered(response).get("audit")
    if not isinstance(audit, dict) or _number(audit.get("authentic")) is None:
        raise Unanswered("no_audit")
    rules = {name: _number(value) for name, value in audit.items() if _is_rule(name)}
    return {
        **{name: _number(audit.get(name)) for name in _CODES},
        "disclosure": _number(_tcpa(audit).get("disclosure")),
        "red": sorted(name.removesuffix("_rule") for name, value in rules.items() if value == _RED),
        "yellow": sorted(name.removesuffix("_rule") for name, value in rules.items() if value == _YELLOW),
    }


def _is_rule(name: str) -> bool:
    return name.endswith("_rule") and len(name) <= _LONGEST_NAME and name.isidentifier()


def _tcpa(audit: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of whichever of the two products the account has."""
    market = audit.get("market")
    found = market.get("leadid") if isinstance(market, dict) else None
    for name in ("tcpa", "tcpafirst"):
        one = found.get(name) if isinstance(found, dict) else None
        if isinstance(one, dict):
            return one
    return {}


def _number(said: Any) -> int | None:
    """Their codes come as numbers or as text."""
    if isinstance(said, bool | int):
        return int(said)
    return (
        int(said)
        if isinstance(said, str) and said.isascii() and said.isdecimal() and len(said) < 10
        else None
    )
