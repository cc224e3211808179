"""A person who does not exist: a lead for `trigger` and `listen`, made from a campaign's fields."""

from collections.abc import Mapping
from typing import Any

from app.catalog.documents import CampaignDoc, FieldDoc
from app.core.world import World
from app.ingest.fieldtype import fieldtypes
from app.ingest.raw import is_blank

_PLAIN: Mapping[str, Any] = {
    "name": "Test", "state": "CA", "postal_code": "94110", "country": "US", "address": "1 Market St", "boolean": "yes", "ip": "203.0.113.9",
    "url": "https://example.com/", "date": "1988-04-12", "text": "test",
}  # fmt: skip


def sample(campaign: CampaignDoc, world: World, given: Mapping[str, str]) -> dict[str, Any]:
    """field → what a source would send: each time another mailbox and number, so that no two are doubles."""
    number = int(world.chance() * 9_000_000) + 1_000_000
    return {name: given.get(name, _value(doc, number)) for name, doc in campaign.fields.items()}


def _value(doc: FieldDoc, number: int) -> Any:
    """What its own type takes for valid, the plain ones first."""
    told = doc.model_extra or {}
    kind = fieldtypes[doc.type]
    settings = kind.settings.model_validate(told)
    tries = [*_tries(doc.type, told, number), *(raw for _, raw, value in kind.examples if value.valid)]
    valid = (one for one in tries if not is_blank(one) and kind.normal(one, settings).valid)
    return next(valid, tries[0] if tries else "test")


def _tries(kind: str, told: Mapping[str, Any], number: int) -> list[Any]:
    if kind == "email":
        return [f"trigger.{number}@example.com"]
    if kind == "phone":
        return [f"+1415{number}", f"+1512{number}", "+14155550132"]
    if kind == "number":
        return [max(150, told.get("min", 150)), told.get("max", 1), told.get("min", 1)]
    if kind == "choice":
        return [*(told.get("values") or ())]
    return [_PLAIN[kind]] if kind in _PLAIN else []
