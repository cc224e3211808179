"""Where documents name components: the one table that reading, sealing and the snapshot go by."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from pydantic import BaseModel

from app.catalog.documents import ChannelDoc, CheckDoc, FieldDoc, PlatformDoc, ReplyDoc
from app.catalog.kinds import Kinds, Path
from app.core.registry import Settings


class Slot(Struct, frozen=True, kw_only=True):
    """`key` of every object of `kind` holds one component, a list or a map of them; `names` says which it is.

    Where there is only one that it can be, nobody names it: it is `only`, and the slot may be empty.
    `base` is the document whose own keys stand beside the component's settings. Secrets are sealed in
    slots that are `secret` and in no other.
    """

    kind: Literal["enricher", "campaign", "source", "contract"]
    key: str
    names: str = ""
    only: str = ""
    noun: str
    registry: Literal[
        "fieldtypes",
        "checks",
        "adapters",
        "channels",
        "platforms",
        "replies",
        "callbacks",
        "enrichers",
        "pings",
        "bids",
        "postbacks",
    ]
    holds: Literal["one", "list", "map"]
    base: type[BaseModel] | None = None
    secret: bool = False

    @property
    def own(self) -> frozenset[str]:
        return frozenset(self.base.model_fields) if self.base else frozenset(filter(None, (self.names,)))

    def named(self, value: Any) -> Any:
        """The component that stands there."""
        return self.only or (value.get(self.names) if isinstance(value, Mapping) else None)

    def models(self, kinds: Kinds) -> Mapping[str, type[Settings]]:
        known: Mapping[str, type[Settings]] = getattr(kinds, self.registry)
        return known


SLOTS = (
    Slot(
        kind="enricher", key="ask", names="enricher", noun="enricher", registry="enrichers",
        holds="one", secret=True,
    ),
    Slot(
        kind="campaign", key="fields", names="type", noun="field type", registry="fieldtypes",
        holds="map", base=FieldDoc,
    ),
    Slot(
        kind="campaign", key="checks", names="check", noun="check", registry="checks",
        holds="list", base=CheckDoc, secret=True,
    ),
    Slot(
        kind="source", key="channels", names="channel", noun="channel", registry="channels",
        holds="list", base=ChannelDoc, secret=True,
    ),
    Slot(
        kind="source", key="platforms", names="platform", noun="platform", registry="platforms",
        holds="list", base=PlatformDoc, secret=True,
    ),
    Slot(
        kind="source", key="replies", names="reply", noun="reply dialect", registry="replies",
        holds="list", base=ReplyDoc, secret=True,
    ),
    Slot(
        kind="source", key="callback", only="callback", noun="callback", registry="callbacks",
        holds="one", secret=True,
    ),
    Slot(
        kind="source", key="ping", only="ping", noun="ping", registry="pings",
        holds="one", secret=True,
    ),
    Slot(
        kind="contract", key="bid", only="bid", noun="bid", registry="bids",
        holds="one", secret=True,
    ),
    Slot(
        kind="contract", key="postback", only="postback", noun="postback", registry="postbacks",
        holds="one", secret=True,
    ),
    Slot(
        kind="contract", key="deliver", names="adapter", noun="adapter", registry="adapters",
        holds="one", secret=True,
    ),
)  # fmt: skip


def slots_of(kind: str, *, secret: bool = False) -> tuple[Slot, ...]:
    return tuple(slot for slot in SLOTS if slot.kind == kind and (slot.secret or not secret))


class Held(Struct, frozen=True):
    """One component that a document names, with what it tells it."""

    at: Path
    name: str
    settings: dict[str, Any]


def held(doc: BaseModel, slot: Slot) -> list[Held]:
    """In the order of the document."""
    value = getattr(doc, slot.key)
    if value is None:
        return []
    if slot.holds == "one":
        return [_held(value, slot, (slot.key,))]
    entries = value.items() if slot.holds == "map" else enumerate(value)
    return [_held(each, slot, (slot.key, at)) for at, each in entries]


def _held(value: Any, slot: Slot, at: Path) -> Held:
    if isinstance(value, BaseModel):
        return Held(at, getattr(value, slot.names), dict(value.__pydantic_extra__ or {}))
    told = {key: item for key, item in value.items() if key != slot.names}
    return Held(at, str(slot.named(value)), told)


def with_settings(doc: BaseModel, slot: Slot, settings: list[dict[str, Any]]) -> dict[str, Any]:
    """What to update in `doc` so that its components are told these settings, of the same keys as before."""
    value = getattr(doc, slot.key)
    if slot.holds == "one":
        return {slot.key: {**value, **settings[0]}}
    if slot.holds == "map":
        return {
            slot.key: {
                key: _told(each, new) for (key, each), new in zip(value.items(), settings, strict=True)
            }
        }
    return {slot.key: tuple(_told(each, new) for each, new in zip(value, settings, strict=True))}


def _told(entry: BaseModel, settings: dict[str, Any]) -> BaseModel:
    return entry.model_copy(update=settings)
