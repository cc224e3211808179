"""The catalogue as the hot path sees it: immutable, compiled, looked up by dict, swapped whole."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import orjson
from msgspec import Struct
from msgspec.structs import force_setattr
from pydantic import ValidationError

from app.catalog.documents import BuyerDoc, CampaignDoc, ContractDoc, EnricherDoc, ListDoc, SourceDoc
from app.catalog.kinds import Kinds, replaced, secret_places
from app.catalog.limits import FREE, Account, Endpoint, Rate
from app.catalog.modelling import Model
from app.catalog.people import PersonDoc
from app.catalog.rows import MODELS, Rows, from_row, in_order
from app.catalog.sealing import CannotOpen, Sealer, opened
from app.catalog.slots import SLOTS, Held, Slot, held
from app.core.registry import Settings
from app.store.keys import KeyEntry, digest

T = TypeVar("T")

__all__ = [
    "Builder",
    "ChannelPart",
    "Contract",
    "KeyEntry",
    "ReplyPart",
    "Snapshot",
    "SourceParts",
    "Unbuildable",
    "build",
]

_SLOTS = {slot.key: slot for slot in SLOTS}


class Contract(Struct, frozen=True, kw_only=True):
    """A contract ready for use. `settings` are the adapter's, with secrets in clear: never log them."""

    id: str
    buyer: str
    doc: ContractDoc
    adapter: str
    settings: Settings
    paused: bool  # its own pause or its buyer's
    account: Account = FREE
    bid: Settings | None = None  # what its bid is made of; None: its price
    postback: Settings | None = None
    people: tuple[PersonDoc, ...] = ()  # of its buyer, where it has to do with them
    endpoint: Endpoint | None = None  # that it shares with others
    sharing: tuple[str, ...] = ()  # whose conversations are counted together, itself among them
    place: str = ""  # what they are counted under
    rate: Rate | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        said = self.doc if self.endpoint is None else self.endpoint
        place = self.id if self.endpoint is None else f"endpoint:{self.buyer}/{self.doc.endpoint}"
        known = {"place": place, "rate": said.rate, "concurrency": said.concurrency}
        for name, value in {"sharing": self.sharing or (self.id,), **known}.items():
            force_setattr(self, name, value)

    def __repr__(self) -> str:
        return f"Contract({self.id!r}, buyer={self.buyer!r})"


class ChannelPart(NamedTuple):
    """A channel of a source ready for use. `key` is the same for as long as it visits the same place:
    a digest of what it is told, without its secrets and how often it goes there."""

    name: str
    settings: Settings
    key: str


class ReplyPart(NamedTuple):
    """A dialect in which a source is posted to, and the credentials that it knows there."""

    name: str
    settings: Settings


class EnricherPart(Struct, frozen=True, kw_only=True):
    """An enricher ready for use: `enricher` names its component. Secrets in clear: never log it."""

    id: str
    enricher: str
    settings: Settings

    def __repr__(self) -> str:
        return f"EnricherPart({self.id!r}, {self.enricher!r})"


class SourceParts(Struct, frozen=True, kw_only=True):
    """The components of a source, with secrets in clear: never log them."""

    platforms: Mapping[str, Settings] = {}
    channels: tuple[ChannelPart, ...] = ()
    replies: tuple[ReplyPart, ...] = ()
    callback: Settings | None = None
    ping: Settings | None = None

    def __repr__(self) -> str:
        return f"SourceParts({sorted(self.platforms)}, {[channel.key for channel in self.channels]})"


class Snapshot(Struct, frozen=True, kw_only=True):
    """One version of everything. Nothing in it changes; a reader keeps it for as long as it needs one view."""

    version: int = 0
    lists: Mapping[str, ListDoc] = {}
    enrichers: Mapping[str, EnricherPart] = {}
    campaigns: Mapping[str, CampaignDoc] = {}
    secret_checks: Mapping[str, Mapping[int, Mapping[str, Any]]] = {}
    """campaign → place in its checks → what that is told, with its secrets in clear: never log it."""
    sources: Mapping[str, SourceDoc] = {}
    source_parts: Mapping[str, SourceParts] = {}  # of every source
    buyers: Mapping[str, BuyerDoc] = {}
    contracts: Mapping[str, Contract] = {}
    by_campaign: Mapping[str, tuple[Contract, ...]] = {}
    keys: Mapping[bytes, KeyEntry] = {}
    models: Mapping[str, Model] = {}  # campaign → the one in force

    def find_key(self, presented: str, now: datetime) -> KeyEntry | None:
        """The live key that was presented. Looked up by digest: how long that takes says nothing of
        the key, since nobody can choose a digest that shares its beginning with a stored one."""
        entry = self.keys.get(digest(presented))
        if entry is None or (entry.expires_at is not None and entry.expires_at <= now):
            return None
        return entry

    def __repr__(self) -> str:
        return f"Snapshot(v{self.version})"


class Unbuildable(Exception):
    """A stored object that this installation can't use: a component is gone, or a secret's key is another."""

    def __init__(self, kind: str, id_: str, why: str) -> None:
        super().__init__(f"{kind} {id_} {why}")
        self.kind, self.id = kind, id_


class Builder:
    """Builds snapshots, compiling only what differs from the one before (a CEL filter costs 0.3 ms)."""

    def __init__(self, kinds: Kinds, sealer: Sealer) -> None:
        self._kinds, self._sealer = kinds, sealer
        self._known: dict[tuple[str, str], tuple[Any, Any]] = {}

    def build(self, version: int, rows: Rows, keys: Iterable[KeyEntry]) -> Snapshot:
        """Raises Unbuildable; the builder is then as it was."""
        steps = self.steps(version, rows, keys)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                snapshot: Snapshot = done.value
                return snapshot

    def steps(
        self, version: int, rows: Rows, keys: Iterable[KeyEntry], models: Iterable[Model] = ()
    ) -> Generator[None, None, Snapshot]:
        """`build` in small pieces, so that an event loop can do other things in between."""
        known: dict[tuple[str, str], tuple[Any, Any]] = {}
        docs: dict[str, dict[str, Any]] = {kind: {} for kind in MODELS}
        contracts: dict[str, Contract] = {}
        parts: dict[str, SourceParts] = {}
        enrichers: dict[str, EnricherPart] = {}
        secret: dict[str, Mapping[int, Mapping[str, Any]]] = {}
        for kind in MODELS:
            for id_, row in rows.get(kind, ()):
                raw = {key: value for key, value in row.items() if key != "contracts"}
                inner = row.get("contracts", ())
                doc: Any = self._once(known, kind, id_, raw, partial(from_row, kind, raw))
                if kind == "enricher":
                    enrichers[id_] = self._once(
                        known, kind, id_, raw, partial(self._enricher, doc), part="part"
                    )
                if kind == "campaign":
                    secret[id_] = self._once(
                        known, kind, id_, raw, partial(self._secrets, doc), part="secrets"
                    )
                if kind == "source":
                    parts[id_] = self._once(known, kind, id_, raw, partial(self._parts, doc), part="parts")
                mine: list[ContractDoc] = []
                for each in inner:
                    contract = self._contract(known, doc, each, inner)
                    contracts[contract.id] = contract
                    mine.append(contract.doc)
                    yield
                docs[kind][id_] = doc.model_copy(update={"contracts": tuple(mine)}) if inner else doc
                yield
        self._known = known
        return Snapshot(
            version=version, lists=docs["list"], enrichers=enrichers,
            secret_checks={id_: told for id_, told in secret.items() if told}, campaigns=docs["campaign"], sources=docs["source"], source_parts=parts,
            buyers=docs["buyer"], contracts=contracts, by_campaign=_by_campaign(docs["campaign"], contracts),
            keys={key.hash: key for key in keys}, models={model.campaign: model for model in models},
        )  # fmt: skip

    def _contract(
        self, known: dict[tuple[str, str], tuple[Any, Any]], buyer: BuyerDoc, raw: Any, beside: Iterable[Any]
    ) -> Contract:
        id_, endpoint = str(raw.get("id")), buyer.endpoints.get(raw.get("endpoint"))
        sharing = tuple(str(one["id"]) for one in beside if one.get("endpoint") == raw.get("endpoint"))
        shared = () if endpoint is None else (endpoint, sharing)
        key = (buyer.id, buyer.paused, buyer.caps, buyer.money, _people(buyer, raw), shared, raw)
        return self._once(known, "contract", id_, key, lambda: self._compiled(buyer, raw, *shared))

    def _compiled(
        self, buyer: BuyerDoc, raw: Any, endpoint: Endpoint | None = None, sharing: tuple[str, ...] = ()
    ) -> Contract:
        doc = ContractDoc.model_validate(in_order(raw))
        (deliver,) = held(doc, _SLOTS["deliver"])
        bids = [self._settings(_SLOTS["bid"], one) for one in held(doc, _SLOTS["bid"])]
        postbacks = [self._settings(_SLOTS["postback"], one) for one in held(doc, _SLOTS["postback"])]
        settings = self._settings(_SLOTS["deliver"], deliver)
        return Contract(
            id=doc.id, buyer=buyer.id, doc=doc, adapter=deliver.name, settings=settings,
            paused=doc.paused or buyer.paused, account=Account(buyer.caps, buyer.money),
            bid=bids[0] if bids else None, postback=postbacks[0] if postbacks else None,
            people=_people(buyer, raw), endpoint=endpoint, sharing=sharing,
        )  # fmt: skip

    def _enricher(self, doc: EnricherDoc) -> EnricherPart:
        (ask,) = held(doc, _SLOTS["ask"])
        return EnricherPart(id=doc.id, enricher=ask.name, settings=self._settings(_SLOTS["ask"], ask))

    def _secrets(self, doc: CampaignDoc) -> Mapping[int, Mapping[str, Any]]:
        """What checks with secrets are told."""
        models, found = self._kinds.checks, {}
        for at, one in enumerate(held(doc, _SLOTS["checks"])):
            model = models.get(one.name)
            if model is not None and secret_places(model, one.settings):
                found[at] = opened(one.settings, model, self._sealer)
        return found

    def _parts(self, source: SourceDoc) -> SourceParts:
        if not (source.platforms or source.channels or source.replies or source.callback or source.ping):
            return _NO_PARTS
        platforms, channels = (held(source, _SLOTS[key]) for key in ("platforms", "channels"))
        return SourceParts(
            platforms={one.name: self._settings(_SLOTS["platforms"], one) for one in platforms},
            channels=tuple(self._channel(one) for one in channels),
            replies=tuple(
                ReplyPart(one.name, self._settings(_SLOTS["replies"], one))
                for one in held(source, _SLOTS["replies"])
            ),
            callback=next(
                (self._settings(_SLOTS["callback"], one) for one in held(source, _SLOTS["callback"])), None
            ),
            ping=next((self._settings(_SLOTS["ping"], one) for one in held(source, _SLOTS["ping"])), None),
        )

    def _channel(self, one: Held) -> ChannelPart:
        slot = _SLOTS["channels"]
        settings = self._settings(slot, one)
        key = channel_key(one.name, one.settings, slot.models(self._kinds)[one.name])
        return ChannelPart(one.name, settings, key)

    def _settings(self, slot: Slot, one: Held) -> Settings:
        model = slot.models(self._kinds).get(one.name)
        if model is None:
            raise ValueError(f"names the {slot.noun} {one.name}, which is not installed")
        return model.model_validate(opened(one.settings, model, self._sealer))

    def _once(
        self,
        known: dict[tuple[str, str], tuple[Any, Any]],
        kind: str,
        id_: str,
        raw: Any,
        make: Callable[[], T],
        *,
        part: str = "",
    ) -> T:
        """What was made of the same raw value before, else what `make` makes of it now."""
        key = (kind + part, id_)
        before = self._known.get(key)
        if before is None or before[0] != raw:
            before = (raw, _made(kind, id_, make))
        known[key] = before
        made: T = before[1]
        return made


def _people(buyer: BuyerDoc, raw: Mapping[str, Any]) -> tuple[PersonDoc, ...]:
    pools = "pull_after" in raw or (raw.get("deliver") or {}).get("adapter") == "internal"
    return buyer.people if pools else ()


def build(version: int, rows: Rows, keys: Iterable[KeyEntry], kinds: Kinds, sealer: Sealer) -> Snapshot:
    """One snapshot, without a memory of the one before."""
    return Builder(kinds, sealer).build(version, rows, keys)


_NO_PARTS = SourceParts()


def channel_key(name: str, told: Mapping[str, Any], model: type[Settings]) -> str:
    """`imap-1f0c9a2b7d3e`: of what YAML tells the channel."""
    place = dict(replaced(told, secret_places(model, told), lambda _at, _text: ""))
    place.pop("every", None)
    digest = hashlib.sha256(orjson.dumps(place, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{name}-{digest[:12]}"


def _made(kind: str, id_: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValidationError as error:
        places = {".".join(str(step) for step in fault["loc"]) or "it" for fault in error.errors()}
        raise Unbuildable(kind, id_, f"is not valid any more at {', '.join(sorted(places))}") from None
    except CannotOpen:
        raise Unbuildable(kind, id_, "has a secret that was sealed with another key") from None
    except ValueError as error:
        raise Unbuildable(kind, id_, str(error)) from None


def _by_campaign(
    campaigns: Iterable[str], contracts: Mapping[str, Contract]
) -> dict[str, tuple[Contract, ...]]:
    """Each campaign's contracts in the order of their ids, paused ones too: the trace names them."""
    found: dict[str, list[Contract]] = {campaign: [] for campaign in campaigns}
    for contract in sorted(contracts.values(), key=lambda c: c.id):
        found.setdefault(contract.doc.campaign, []).append(contract)
    return {campaign: tuple(mine) for campaign, mine in found.items()}
