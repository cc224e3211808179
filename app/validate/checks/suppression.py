"""Who asked not to be called, who sues, and who is a customer already is not bought as a lead."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from pydantic import Field, field_validator

from app.catalog.documents import FieldName, ListName
from app.core.registry import Settings
from app.model import Action, Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Entry, Evidence, Listed, checks

KINDS = {"line_type": "phone", "version": "ip"}
"""A part that only values of one kind have → that kind. An e-mail has a local part, and is looked at by its domain too."""


class ListUse(Settings):
    """One list with an action or points of its own."""

    list: ListName
    action: Action | None = Field(None, description="Instead of the check's.")
    points: int | None = Field(None, ge=-1000, le=1000, description="Instead of the check's.")


class SuppressionSettings(CheckSettings):
    """Which lists a lead is looked for on."""

    lists: tuple[ListName | ListUse, ...] = Field(
        min_length=1, max_length=50, description="Ids of lists, or {list, action, points}."
    )
    fields: tuple[FieldName, ...] = Field(
        (), description="Fields that are looked at; empty: every phone, email and ip field."
    )

    @field_validator("lists")
    @classmethod
    def _each_once(cls, lists: tuple[str | ListUse, ...]) -> tuple[str | ListUse, ...]:
        names = [_name(one) for one in lists]
        if len(set(names)) < len(names):
            raise ValueError("names one list twice; keep one")
        return lists

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(_name(one) for one in self.lists)

    @cached_property
    def uses(self) -> dict[str, ListUse]:
        return {one.list: one for one in self.lists if isinstance(one, ListUse)}

    @cached_property
    def places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}


def _name(one: str | ListUse) -> str:
    return one if isinstance(one, str) else one.list


def _questions(lead: Lead, to: SuppressionSettings) -> Iterator[tuple[str, Listed]]:
    """(field, what is asked of it). A masked value is a thousand people's."""
    for name in to.fields or lead.fields:
        value = lead.fields.get(name)
        if value is None or not value.valid or not isinstance(value.normal, str) or value.parts.get("masked"):
            continue
        for kind, text in _kinds(value, value.normal, named=bool(to.fields)):
            yield name, Listed(to.names, kind, text)


def _kinds(value: Value, normal: str, *, named: bool) -> Iterator[tuple[str, str]]:
    """As what a value may stand on a list. A web address counts by its host, where it is named: most are our own pages."""
    parts = value.parts
    for part, kind in KINDS.items():
        if part in parts:
            yield kind, normal
    if "domain" in parts:
        yield "email", normal
        yield "domain", str(parts["domain"])
    elif named and "host" in parts:
        yield "domain", str(parts["host"])


@checks.register
class Suppression(Check[SuppressionSettings]):
    """Looks a lead's contacts up on suppression lists. Of a list that is not to be told of, the source hears what it
    hears where reasons are coarse; which list it was stands in the trace."""

    name = "suppression"
    settings = SuppressionSettings
    order = 80
    codes = {
        "suppressed": "A value is on a suppression list.",
        "refused": "The same, of a list that its source is not told of.",
    }

    def asks(self, lead: Lead, to: SuppressionSettings) -> Iterable[Listed]:
        return [ask for _, ask in _questions(lead, to)]

    def run(self, lead: Lead, to: SuppressionSettings, evidence: Evidence) -> Iterable[Finding]:
        told: set[tuple[str, str]] = set()
        for field, ask in _questions(lead, to):
            entries: tuple[Entry, ...] = evidence.get(ask) or ()
            for entry in sorted(entries, key=lambda one: to.places.get(one.list, 0)):
                if (field, entry.list) not in told:
                    told.add((field, entry.list))
                    yield self._finding(field, entry, to)

    def _finding(self, field: str, entry: Entry, to: SuppressionSettings) -> Finding:
        use = to.uses.get(entry.list)
        return Finding(
            check="suppression",
            code="suppressed" if entry.tell else "refused",
            message=f"{field} is on the list {entry.list}" if entry.tell else "the lead was not accepted",
            field=field if entry.tell else "",
            action=(use.action if use else None) or to.action,
            points=to.points if use is None or use.points is None else use.points,
            facts={"list": entry.list, "field": field},
        )
