"""The checks of a campaign as a source may know them: their order, their codes, what they refuse with."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.catalog.documents import CampaignDoc, CheckDoc
from app.core.registry import Registry
from app.model import Finding, Lead, Value
from app.validate.check import Check, Earlier

_NOBODY, _AT = UUID(int=0), datetime(2026, 1, 1, tzinfo=UTC)
# the setting that says what a finding of this code does, where it has none of its name; without one it is `action`
_ACTION_OF = {"no_mx": "mx", "too_quick": "quick", "form_reused": "reused"}


class CodeSpec(BaseModel):
    """One thing that a check may say."""

    model_config = ConfigDict(frozen=True)

    code: str
    action: Literal["dont_pay", "hold", "reject"]
    meaning: str


class CheckSpec(BaseModel):
    """One check that may refuse, hold or pay nothing, in its place in the published order."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    check: str
    codes: tuple[CodeSpec, ...]
    of: str = ""
    """What it looks at, by the source's names."""


class Rule(NamedTuple):
    check: Check[Any]
    to: Any
    codes: tuple[CodeSpec, ...]
    """Those that refuse, hold, or pay nothing."""


def rules_of(campaign: CampaignDoc, checks: Registry[Check[Any]]) -> Iterator[Rule]:
    """As they are compiled for the path: `required` and `field` hold for every campaign."""
    required = [name for name, doc in campaign.fields.items() if doc.required]
    optional = [name for name in campaign.fields if name not in required]
    made: dict[str, dict[str, Any]] = {"required": {"fields": required}, "field": {"optional": optional}}
    said = [entry.check for entry in campaign.checks]
    entries = [CheckDoc(check=name) for name in made if name not in said]
    for entry in sorted([*entries, *campaign.checks], key=lambda entry: checks[entry.check].order):
        check = checks[entry.check]
        to: Any = check.settings.model_validate({**made.get(entry.check, {}), **(entry.model_extra or {})})
        codes = tuple(
            CodeSpec(code=code, action=action, meaning=meaning)
            for code, meaning in check.codes_of(to).items()
            if (action := _action_of(code, to)) in ("hold", "reject", "dont_pay")
        )
        yield Rule(check, to, codes)


def _action_of(code: str, to: Any) -> Any:
    return getattr(to, code if hasattr(to, code) else _ACTION_OF.get(code, code), to.action)


def required_by(rules: Sequence[Rule]) -> set[str]:
    """A field whose lack is only flagged is not required."""
    return {name for rule in rules if rule.check.name == "required" and rule.codes for name in rule.to.fields}


def checks_told(rules: Sequence[Rule], names: Mapping[str, str]) -> Iterator[CheckSpec]:
    """`names` is our field → the source's name of it."""
    for check, to, codes in rules:
        if codes:
            yield CheckSpec(check=check.name, codes=codes, of=_of(check.name, to, names))


def _of(check: str, to: Any, names: Mapping[str, str]) -> str:
    """A limit that a cheat would stay under isn't told."""
    if check == "required":
        return ", ".join(names.get(name, name) for name in to.fields)
    if check == "field":
        seen = [f for f in names if f not in to.optional and (to.only is None or f in to.only)]
        return ", ".join(names[field] for field in seen)
    if check == "duplicate":
        sets = [" and ".join(names.get(name, name) for name in parts) for _, parts in to.entries]
        return f"{', or '.join(sets)}, within {to.within}"
    return ""


def refusals(campaign: CampaignDoc, checks: Registry[Check[Any]]) -> Iterator[Finding]:
    """What the checks themselves say of a lead without a field, and of one that came before."""
    empty, full = _lead(campaign, ()), _lead(campaign, campaign.fields)
    for kind, lead in (("required", empty), ("duplicate", full)):
        for check, to, codes in rules_of(campaign, checks):
            if check.name == kind and any(one.action == "reject" for one in codes):
                earlier = Earlier(lead_id=UUID(int=1), at=_AT, source="")
                evidence = dict.fromkeys(check.asks(lead, to), earlier)
                yield from list(check.run(lead, to, evidence))[:1]
                break


def _lead(campaign: CampaignDoc, fields: Any) -> Lead:
    values = {name: Value(name, name) for name in fields}
    return Lead(
        id=_NOBODY, submission_id=_NOBODY, source="acme", campaign=campaign.id, received_at=_AT, fields=values
    )
