"""Nobody is called without having agreed to it: the text, when, from where and on which page stand with the lead."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import Field, model_validator

from app.core.duration import Duration
from app.core.zone import Zone
from app.model import Action, Finding, Lead, Raw
from app.validate.check import Check, CheckSettings, Evidence, checks
from app.validate.instants import Span, span_of

Told = Action | Literal["allow"]
Part = Literal["given", "text", "version", "at", "ip", "page"]
Name = Annotated[str, Field(min_length=1, max_length=200)]

USUAL: Mapping[Part, tuple[str, ...]] = {
    "given": ("consent.given", "consent", "tcpa_consent", "tcpa", "opt_in", "optin"),
    "text": (
        "consent.text", "consent_text", "tcpa_text", "tcpa_language", "tcpa_consent_text", "opt_in_text",
        "consent.digest",
    ),
    "version": ("consent.version", "consent_version", "tcpa_version"),
    "at": (
        "consent.at", "consent_at", "consent_time", "consent_timestamp", "tcpa_timestamp", "opt_in_at",
        "opt_in_date", "optin_date", "optin_timestamp",
    ),
    "ip": ("consent.ip", "consent_ip", "ip", "ip_address", "client_ip"),
    "page": ("page_url", "consent_url", "landing_page_url", "landing_page", "source_url", "website_url"),
}  # fmt: skip
"""Under which names a part of the evidence comes: as fields of the campaign, else beside them, in any case."""
_MAIN = ("missing", "denied", "too_old", "from_future", "other_text")
_AHEAD = timedelta(minutes=10)  # that a sender's clock may be
_NO = frozenset(("false", "no", "n", "0", "off", "denied", "declined", "opt-out"))


class ConsentSettings(CheckSettings):
    """`action`, where it is given, is what missing, denied, too_old, from_future and other_text do unless they are
    named. `texts` are the campaign's own `consent`; a check need not say them again."""

    within: Duration | None = Field(Duration("30d"), description="How old it may be when the lead comes.")
    names: Mapping[Part, Name] = Field({}, description="Where a part comes under another name than usual.")
    texts: Mapping[str, str] = Field({}, description="Version → text, where it is not the campaign's.")
    zone: Zone = Field("UTC", description="The clock of times that name none, as America/New_York.")
    missing: Told = Field("reject", description="No word of any consent.")
    denied: Told = Field("reject", description="The person did not agree.")
    too_old: Told = Field("reject", description="Given longer ago than `within`.")
    from_future: Told = Field("reject", description="Given after the lead came.")
    other_text: Told = Field("reject", description="A text or version that the campaign does not declare.")
    no_text: Told = Field("flag", description="Neither the text nor its version came.")
    no_time: Told = Field("flag", description="When it was given did not come, or can't be read.")
    no_ip: Told = Field("flag", description="The address from which it was given did not come.")
    no_page: Told = Field("flag", description="The page on which it was given did not come.")
    facts: bool = Field(False, description="Note version, digest and time where nothing is wrong too.")
    known: ClassVar[Action] = "flag"

    @model_validator(mode="before")
    @classmethod
    def _action_for_the_main(cls, given: Any) -> Any:
        if isinstance(given, dict) and "action" in given:
            return dict.fromkeys(_MAIN, given["action"]) | given
        return given

    @cached_property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def digests(self) -> dict[str, frozenset[str]]:
        """Of the words, and of the text as it is written, which is what the hosted form keeps."""
        return {
            version: frozenset((digest_of(text), f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"))
            for version, text in self.texts.items()
        }

    def declares(self, digest: str, version: str) -> bool:
        """Under that version, or under any where none is said."""
        of = [self.digests[version]] if version else self.digests.values()
        return any(digest in known for known in of)


class Given(Struct, frozen=True):
    """What came of it. Empty is absent; `names` say where each part was found."""

    parts: Mapping[str, Raw]
    names: Mapping[str, str]
    digest: str = ""
    at: Span | None = None

    def has(self, part: Part) -> bool:
        return part in self.parts


def digest_of(text: str) -> str:
    """Of the words: how they were broken into lines is the page's. A digest that came instead of them is itself."""
    words = " ".join(text.split())
    if words.startswith("sha256:"):
        return words
    return f"sha256:{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()}"


def given_of(lead: Lead, to: ConsentSettings) -> Given:
    """The first of the usual names that has something; what is named instead goes before them."""
    beside = {name.lower(): value for name, value in lead.extra.items()}
    parts: dict[str, Raw] = {}
    names: dict[str, str] = {}
    for part, usual in USUAL.items():
        for name in (to.names[part], *usual) if part in to.names else usual:
            said = _said(lead, beside, name, part)
            if said is not None and said != "":
                parts[part], names[part] = said, name
                break
    text = parts.get("text")
    digest = digest_of(text) if isinstance(text, str) else ""
    return Given(parts, names, digest, span_of(parts.get("at"), to.clock))


def _said(lead: Lead, beside: Mapping[str, Raw], name: str, part: Part) -> Raw:
    """A time as it came: a date field has lost its hour. An address that is none is no evidence."""
    value = lead.fields.get(name)
    if value is None:
        return beside.get(name.lower())
    if part == "at":
        return value.raw
    return value.normal if value.valid else None


@checks.register
class Consent(Check[ConsentSettings]):
    """Reads the evidence that the hosted form keeps, and what posted leads bring of their own.

    Facts: `consent.version`, `consent.digest` of the words, `consent.at`, `consent.from` (the names under
    which it came); never the words, the address or the page, which stand with the lead.
    """

    name = "consent"
    settings = ConsentSettings
    order = 53
    codes = {
        "missing": "No word of any consent came with the lead.",
        "denied": "The person did not agree.",
        "too_old": "The consent is older than the campaign takes.",
        "from_future": "The consent is said to be given after the lead came.",
        "other_text": "The text, or its version, is none that the campaign declares.",
        "no_text": "Neither the text of the consent nor its version came.",
        "no_time": "When the consent was given did not come, or can't be read.",
        "no_ip": "The address from which the consent was given did not come.",
        "no_page": "The page on which the consent was given did not come.",
        "known": "Nothing is wrong with it: its version, digest and time, where the campaign asks for facts.",
    }

    def run(self, lead: Lead, to: ConsentSettings, evidence: Evidence) -> Iterable[Finding]:
        given = given_of(lead, to)
        wrong = False
        for code, part, says in _faults(lead, given, to):
            wrong = True
            action: Told = getattr(to, code)
            if action != "allow":
                yield Finding(
                    check="consent", code=code, message=says, field=_field(lead, given, part), action=action,
                    points=to.points,
                )  # fmt: skip
        if to.facts and not wrong:
            yield Finding(check="consent", code="known", message="the consent is known", facts=_facts(given))


def _faults(lead: Lead, given: Given, to: ConsentSettings) -> Iterator[tuple[str, Part, str]]:
    """(code, part, what it says). Where there is none at all, or a no, the rest would follow from it."""
    if not any(given.has(part) for part in ("given", "text", "version", "at")):
        yield "missing", "given", "no consent came with the lead"
        return
    if _is_no(given.parts.get("given")):
        yield "denied", "given", "the person did not agree"
        return
    yield from _age(lead, given, to)
    yield from _text(given, to)
    if not given.has("ip"):
        yield "no_ip", "ip", "the address from which consent was given did not come"
    if not given.has("page"):
        yield "no_page", "page", "the page on which consent was given did not come"


def _age(lead: Lead, given: Given, to: ConsentSettings) -> Iterator[tuple[str, Part, str]]:
    if given.at is None:
        why = "can't be read" if given.has("at") else "did not come"
        yield "no_time", "at", f"when consent was given {why}"
    elif given.at.first > lead.received_at + _AHEAD:
        yield "from_future", "at", "consent is said to be given after the lead came"
    elif to.within and lead.received_at - given.at.last > timedelta(seconds=to.within.seconds):
        yield "too_old", "at", f"consent was given more than {to.within} before the lead came"


def _text(given: Given, to: ConsentSettings) -> Iterator[tuple[str, Part, str]]:
    if not given.has("text") and not given.has("version"):
        yield "no_text", "text", "neither the text of the consent nor its version came"
        return
    if not to.texts:
        return
    version = str(given.parts.get("version", ""))
    if version and version not in to.texts:
        yield "other_text", "version", "the version of the consent is none that the campaign declares"
    elif given.digest and not to.declares(given.digest, version):
        of = "of its version" if version else "that the campaign declares"
        yield "other_text", "text", f"the text of the consent is not the one {of}"


def _is_no(said: Raw) -> bool:
    return said is False or said == 0 or (isinstance(said, str) and said.strip().lower() in _NO)


def _field(lead: Lead, given: Given, part: Part) -> str:
    name = given.names.get(part, "")
    return name if name in lead.fields else ""


def _facts(given: Given) -> dict[str, Any]:
    facts = {
        "consent.version": str(given.parts.get("version", ""))[:100],
        "consent.digest": given.digest,
        "consent.at": given.at.first.isoformat(timespec="seconds") if given.at else "",
    }
    told = {name: value for name, value in facts.items() if value}
    return told | {"consent.from": sorted(given.names.values())}
