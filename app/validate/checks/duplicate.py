"""The same person, bought twice, is paid for once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.catalog.documents import FieldName
from app.core.duration import Duration
from app.model import Effect, Finding, Lead
from app.validate.check import (
    Check,
    CheckSettings,
    Claim,
    Earlier,
    Evidence,
    Has,
    Having,
    Near,
    Neighbour,
    checks,
)
from app.validate.key import digest, identity
from app.validate.persons import Kind, likeness, loosely, resident

Entry = tuple[str, tuple[str, ...]]
"""(how it is called, names in one order): [a, b] and [b, a] are the same combination."""

_CODES = {"link": "repeat", "dont_pay": "unpaid"}
_ALIKE = 0.94


class DuplicateSettings(CheckSettings):
    """A lead is a duplicate when any entry of `on` matches; all fields of a combination must match at once."""

    name: str = Field(
        "", max_length=60, description="What the trace calls this rule, where there are several."
    )
    on: tuple[FieldName | tuple[FieldName, ...], ...] = Field(
        description="Field names, or lists of field names that count only together."
    )
    match: Literal["exact", "loose", "similar"] = Field(
        "exact",
        description="As normalised; in one writing of mailboxes, names and addresses; or one house and a similar name.",
    )
    alike: float = Field(_ALIKE, ge=0.8, le=1, description="How similar is the same, of `similar`: 0.8 to 1.")
    kinds: Mapping[FieldName, Kind] = Field(
        {}, description="What a field is to `loose` and `similar`, where neither its type nor its name tells."
    )
    scope: Literal["campaign", "source", "buyer", "all"] = Field(
        "campaign", description="Among whose leads; `buyer` leaves out the buyers who have the person."
    )
    within: Duration = Field(Duration("30d"), description="How far back.")
    action: Effect = Field(  # type: ignore[assignment]  # the one check whose findings can do more
        "reject", description="What a finding does: flag, link, dont_pay, hold or reject."
    )

    @field_validator("on")
    @classmethod
    def _names_something(cls, on: tuple[Any, ...]) -> tuple[Any, ...]:
        if not on or not all(on):
            raise ValueError("names no field; write on: [email, phone] or on: [[last_name, postal_code]]")
        return on

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scope == "buyer" and "action" in self.model_fields_set:
            raise ValueError(
                "scope buyer leaves buyers out and does nothing else to the lead; leave action out"
            )
        if self.scope == "buyer" and self.match == "similar":
            raise ValueError("scope buyer compares keys; write match: exact or match: loose")
        if self.match == "similar" and any(len(names) < 3 for _, names in self.entries):
            raise ValueError(
                "similar wants a name, a street and a postal code: on: [[name, street, postal_code]]"
            )
        if strange := [name for name in self.kinds if all(name not in names for _, names in self.entries)]:
            raise ValueError(f"kinds tells what {strange[0]} is, which on does not name")
        return self

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        sets = ((entry,) if isinstance(entry, str) else tuple(sorted(set(entry))) for entry in self.on)
        return tuple(("+".join(names), names) for names in dict.fromkeys(sets))

    @cached_property
    def seconds(self) -> int:
        return max(1, int(self.within.seconds))


def _claims(lead: Lead, to: DuplicateSettings) -> Iterator[tuple[Entry, Claim]]:
    """An entry of which the lead lacks a field is skipped. Test leads have keys of their own."""
    among = {"source": lead.source, "all": ""}.get(to.scope, lead.campaign)
    for entry in to.entries:
        label, names = entry
        values = _values(lead, names, to)
        if values is None:
            continue
        how = () if to.match == "exact" else (to.match,)
        key = digest("duplicate", *how, to.scope, among, lead.test, label, values)
        if to.match == "similar":
            yield entry, Near(key, to.seconds)
        elif to.scope == "buyer":
            yield entry, Having(key, to.seconds, *_listable(lead, names))
        else:
            yield entry, Claim(key, to.seconds)


def _values(lead: Lead, names: Sequence[str], to: DuplicateSettings) -> Sequence[Any] | None:
    """What the key of an entry is made of; of `similar` the house, in which names are compared."""
    if to.match == "loose":
        return loosely(lead, names, to.kinds)
    if to.match == "similar":
        one = resident(lead.fields, names, to.kinds)
        return None if one is None else (one.postal_code, one.address.number or one.address.street)
    values = [identity(lead, name) for name in names]
    return None if None in values else values


def _listable(lead: Lead, names: Sequence[str]) -> tuple[str, str]:
    """(kind, value) under which a buyer's list may have it: of an e-mail or a phone alone."""
    value = lead.fields[names[0]]
    for part, kind in (("domain", "email"), ("line_type", "phone")):
        if len(names) == 1 and part in value.parts and isinstance(value.normal, str):
            return kind, value.normal
    return "", ""


@checks.register
class DuplicateCheck(Check[DuplicateSettings]):
    """Claims the lead's keys, so that of any number of equal leads at one moment one is the first. A campaign may have
    several rules; each says what it found."""

    name = "duplicate"
    settings = DuplicateSettings
    order = 90
    claims = True
    codes = {
        "duplicate": "An earlier lead has the same values.",
        "repeat": "The same, and this one is taken as a repeat of it.",
        "unpaid": "The same; this one is taken, and nothing is paid for it.",
        "known": "Buyers have this person already, and are left out.",
    }

    def codes_of(self, to: DuplicateSettings) -> Mapping[str, str]:
        code = "known" if to.scope == "buyer" else _CODES.get(to.action, "duplicate")
        return {code: self.codes[code]}

    def asks(self, lead: Lead, to: DuplicateSettings) -> Iterable[Claim]:
        return [claim for _, claim in _claims(lead, to)]

    def run(self, lead: Lead, to: DuplicateSettings, evidence: Evidence) -> Iterable[Finding]:
        if not any(evidence.values()):  # nobody has any of it, as of most leads: no key need be made again
            return
        for entry, claim in _claims(lead, to):
            answer = evidence.get(claim)
            if isinstance(claim, Having):
                if isinstance(answer, tuple) and answer:
                    yield _known(entry, answer, to)
            elif isinstance(claim, Near):
                if isinstance(answer, tuple) and (found := _likest(lead, entry, answer, to)):
                    other, alike = found
                    yield _finding(lead, entry, Earlier(other.lead_id, other.at, other.source), to, alike)
            elif isinstance(answer, Earlier) and answer.lead_id != lead.id:
                yield _finding(lead, entry, answer, to)


def _likest(
    lead: Lead, entry: Entry, others: Sequence[Neighbour], to: DuplicateSettings
) -> tuple[Neighbour, float] | None:
    """The most similar one, the latest of equals; None where none is similar enough."""
    mine = resident(lead.fields, entry[1], to.kinds)
    best: tuple[Neighbour, float] | None = None
    for other in others:
        theirs = resident(other.fields, entry[1], to.kinds)
        if mine is None or theirs is None or other.lead_id == lead.id:
            continue
        alike = likeness(mine, theirs)
        if alike >= to.alike and (best is None or alike > best[1]):
            best = other, alike
    return best


def _finding(
    lead: Lead, entry: Entry, earlier: Earlier, to: DuplicateSettings, alike: float | None = None
) -> Finding:
    """Which lead it was, and when, is named only to the source that brought both."""
    label, names = entry
    own = earlier.source == lead.source
    other = "an earlier lead"
    if own:
        other = f"…{str(earlier.lead_id)[-8:]} of {earlier.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    said = " and ".join(names)
    facts: dict[str, Any] = {"earlier": str(earlier.lead_id), "on": label, "within": str(to.within)}
    return Finding(
        check="duplicate",
        code=_CODES.get(to.action, "duplicate"),
        message=f"same {said} as {other}" if alike is None else f"{said} much like those of {other}",
        field=label if len(names) == 1 else "",
        action=to.action,
        points=to.points,
        facts=facts
        | ({"rule": to.name} if to.name else {})
        | ({"own": True} if own else {})
        | ({"alike": round(alike, 3)} if alike is not None else {}),
    )


def _known(entry: Entry, has: Sequence[Has], to: DuplicateSettings) -> Finding:
    label, names = entry
    by = {one.buyer: f"list {one.list}" if one.list else f"lead {one.lead_id}" for one in has}
    return Finding(
        check="duplicate",
        code="known",
        message=f"{len(by)} {'buyer has' if len(by) == 1 else 'buyers have'} this {' and '.join(names)} already",
        field=label if len(names) == 1 else "",
        points=to.points,
        facts={"on": label, "within": str(to.within), "buyers": by} | ({"rule": to.name} if to.name else {}),
    )
