"""The snapshot made ready to run: for each source its mapping, checks and contracts, compiled once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.catalog.auction import AuctionDoc
from app.catalog.contact import contact_fields
from app.catalog.documents import CampaignDoc, Distribution, SourceDoc
from app.catalog.modelling import Model
from app.catalog.snapshot import Contract, EnricherPart, Snapshot
from app.core.errors import NotFound
from app.core.hashed import Hashed
from app.core.registry import Registry
from app.distribute.caps import caps_of
from app.distribute.chain import Chained, Leg, contracts_of, index_with, indexes_of, legs_of, links
from app.distribute.consumer_hours import Zones
from app.distribute.expecting import Expectations
from app.distribute.owners import NOBODY, Owners
from app.distribute.route import Match, RouteIndex
from app.enrich.enricher import enrichers
from app.enrich.enrichment import NONE, Enrichment
from app.followup.callback import CallbackSettings
from app.ingest.fieldtype import FieldType
from app.ingest.mapping import FieldMap, normals_of
from app.ingest.pinged import PingSettings
from app.model import Scalar
from app.pipeline.atlas import atlas_of
from app.pipeline.derivations import names_used
from app.validate.check import Check, CheckSettings
from app.validate.clocks import Clocks
from app.validate.fraud import Suspicion
from app.validate.judge import Judge, Rule

_A_DAY = timedelta(days=1)


class _Compiled(Struct, frozen=True):
    doc: CampaignDoc
    contracts: Sequence[Contract]
    index: RouteIndex[Contract]


class CampaignPlan:
    """One campaign's checks and contracts, compiled."""

    def __init__(
        self,
        doc: CampaignDoc,
        judge: Judge,
        index: RouteIndex[Contract],
        contracts: Sequence[Contract] = (),
        enrichment: Enrichment = NONE,
        legs: Sequence[Leg] = (),
        links: Sequence[CampaignDoc] = (),
    ) -> None:
        """`contracts` and `links` are of its whole chain; `legs` are empty where it has none and sells in one way."""
        self.doc = doc
        self.legs, self.links = legs, links
        self.enrichment = enrichment
        self.contracts = contracts
        self.id = doc.id
        self.judge = judge
        self.index = index
        self.copies = max((leg.slots for leg in legs), default=doc.distribution.copies)
        self.by_buyer = any(getattr(to, "scope", "") == "buyer" for _, to in judge.rules)
        self.buyers = frozenset(one.buyer for one in contracts) if self.by_buyer else frozenset()
        self.types = {name: field.type for name, field in doc.fields.items()}
        self.contact = contact_fields(doc)
        self.sticky = any(one.sticky for one in (index, *(leg.index for leg in legs)))
        self.auction = doc.auction or AuctionDoc()
        minding = any(one.minds_consumers for one in (index, *(leg.index for leg in legs)))
        self._clocks = Clocks(doc.fields) if minding else None

    def match(
        self, lead: Mapping[str, Scalar], *, source: str, at: datetime, owners: Owners = NOBODY
    ) -> Match:
        """The contracts that want a lead now. Where its person may be is asked only where a contract minds."""
        return self.index.match(lead, source=source, at=at, zones=self.zones(lead), owners=owners)

    def rest(self, contracts: Iterable[str]) -> None:
        """From now on these are asked for nothing, wherever in its chain they stand."""
        shut = tuple(contracts)
        for index in {id(one): one for one in (self.index, *indexes_of(self.legs))}.values():
            index.rest(shut)

    def zones(self, lead: Mapping[str, Scalar]) -> Zones:
        return self._clocks.zones(lead) if self._clocks is not None else ()

    def buyer_of(self, contract: str) -> str:
        """Of any contract of its chain."""
        return (index_with(self.legs, contract) or self.index).buyer_of(contract)

    def opens_at(self, contract: str, lead: Mapping[str, Scalar], at: datetime) -> datetime:
        """When this contract may be handed this person's lead: `at` itself, or when the person may be called next.
        Where that is never, it is asked again after a day: what is known of the person may have been mended."""
        return self.opens_in(contract, self.zones(lead), at)

    def opens_in(self, contract: str, zones: Zones, at: datetime) -> datetime:
        """The same of somebody who may be in these zones."""
        index = index_with(self.legs, contract) or self.index
        i = index.number.get(contract)
        reachable = index.reachable(i) if i is not None and self._clocks is not None else None
        if reachable is None:
            return at
        return reachable.opens_at(zones, at) or at + _A_DAY


class SourcePlan:
    """One source, compiled: what the hot path asks of the catalogue."""

    def __init__(
        self,
        doc: SourceDoc,
        campaign: CampaignPlan,
        fields: FieldMap,
        version: int,
        callback: CallbackSettings | None = None,
        ping: PingSettings | None = None,
    ) -> None:
        self.id = doc.id
        self.callback = callback
        self.ping = ping or PingSettings()
        self.names = {name: to if isinstance(to, str) else to.field for name, to in doc.mapping.items()}
        self.campaign = campaign
        self.fields = fields
        self.version = version
        self.reply = doc.reply
        self.deadline = doc.deadline.seconds
        self.price: Decimal | None = doc.price
        self.share: Decimal | None = doc.revenue_share
        self.coarse = doc.reasons == "coarse"
        self.test = doc.test
        self.paused = doc.paused
        self.sniff, self.query = doc.sniff, doc.query
        self.partial = doc.partial
        self.caps = caps_of(f"source/{doc.id}", doc.caps)


class Plans:
    """Compiled on first use, or at once by `warm`, and kept for as long as the snapshot is current.

    What is the same as in the `former` plans is taken from them: an index of 5,000 contracts takes seconds.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        fieldtypes: Registry[FieldType[Any]],
        checks: Registry[Check[Any]],
        former: "Plans | None" = None,
    ) -> None:
        self.snapshot = snapshot
        self.expectations: Expectations = former.expectations if former is not None else Expectations()
        self._former = dict(former._campaigns) if former is not None else {}
        self._fieldtypes = fieldtypes
        self._checks = checks
        self._campaigns: dict[str, CampaignPlan] = {}
        self._former_indexes = dict(former._indexes) if former is not None else {}
        self._indexes: dict[str, _Compiled] = {}
        self._chained = Chained(
            campaigns=snapshot.campaigns, by_campaign=snapshot.by_campaign, contracts=snapshot.contracts,
            index=self.index, make=self._compiled,
        )  # fmt: skip
        self._sources: dict[str, SourcePlan] = {}
        self._hashing: dict[str, tuple[Hashed, ...]] = {}

    def warm(self) -> None:
        """Compile everything now; may be called in a thread before anybody uses these plans."""
        for campaign_id in self.snapshot.campaigns:
            self.campaign(campaign_id)
        for source_id in self.snapshot.sources:
            self.source(source_id)
        self._former.clear()
        self._former_indexes.clear()

    def changed(self) -> int:
        """Contracts of the campaigns that must be compiled anew."""
        new = (one for one in self.snapshot.campaigns if self._kept(one) is None)
        return sum(len(self.snapshot.by_campaign.get(campaign_id, ())) for campaign_id in new)

    def _kept(self, campaign_id: str) -> CampaignPlan | None:
        """The former plan of a campaign in which nothing has changed."""
        plan = self._former.get(campaign_id)
        contracts = contracts_of(campaign_id, self._chained)
        same = plan is not None and _same(plan.links, self._links(campaign_id))
        same = same and plan is not None and plan.enrichment.parts == self._parts(plan.doc)
        same = same and plan is not None and _id(plan.judge.model) == _id(self._model(campaign_id))
        return plan if plan is not None and same and _same(plan.contracts, contracts) else None

    def hashing(self, campaign_id: str) -> tuple[Hashed, ...]:
        """In which ways the sources of a campaign hash contacts in their pings; each way once."""
        found = self._hashing.get(campaign_id)
        if found is None:
            ways = {
                (ping.hash, ping.salt): Hashed(hash=ping.hash, salt=ping.salt)
                for id_, parts in self.snapshot.source_parts.items()
                if isinstance(ping := parts.ping, PingSettings)
                and self.snapshot.sources[id_].campaign == campaign_id
            }
            found = self._hashing[campaign_id] = tuple(ways.values())
        return found

    def compiled(self) -> Iterable[CampaignPlan]:
        """Those campaigns that are, or were asked for."""
        return self._campaigns.values()

    def source(self, source_id: str) -> SourcePlan | None:
        plan = self._sources.get(source_id)
        if plan is None:
            doc = self.snapshot.sources.get(source_id)
            if doc is None:
                return None
            plan = self._sources[source_id] = self.of(doc)
        return plan

    def open_source(self, source_id: str) -> SourcePlan:
        """One that takes leads. Raises NotFound."""
        plan = self.source(source_id)
        if plan is None or plan.paused:
            raise NotFound(
                f"source {source_id} is {'paused' if plan else 'not configured'}", code="source_off"
            )
        return plan

    def of(self, doc: SourceDoc) -> SourcePlan:
        """A source as `doc` says, whether it is configured so or not."""
        campaign = self.campaign(doc.campaign)
        fields = FieldMap.compile(campaign.doc, doc, self._fieldtypes)
        parts = self.snapshot.source_parts.get(doc.id)
        callback = parts.callback if parts is not None else None
        told = callback if isinstance(callback, CallbackSettings) else None
        ping = parts.ping if parts is not None and isinstance(parts.ping, PingSettings) else None
        return SourcePlan(doc, campaign, fields, self.snapshot.version, told, ping)

    def bygone(self, source_id: str, campaign_id: str) -> SourcePlan:
        """For a lead whose source is no longer configured: its campaign as it is, or one that nobody buys from."""
        key = f"{source_id} {campaign_id}"  # no id has a space
        plan = self._sources.get(key)
        if plan is None:
            doc = SourceDoc(id=source_id, campaign=campaign_id)
            if campaign_id in self.snapshot.campaigns:
                plan = self.of(doc)
            else:
                campaign = CampaignDoc(id=campaign_id, fields={})
                nobody = CampaignPlan(campaign, Judge(()), RouteIndex((), campaign.distribution))
                fields = FieldMap.compile(campaign, doc, self._fieldtypes)
                plan = SourcePlan(doc, nobody, fields, self.snapshot.version)
            self._sources[key] = plan
        return plan

    def campaign(self, campaign_id: str) -> CampaignPlan:
        plan = self._campaigns.get(campaign_id)
        if plan is None:
            doc = self.snapshot.campaigns[campaign_id]
            plan = self._kept(campaign_id)
            if plan is None:
                contracts, index = contracts_of(campaign_id, self._chained), self.index(campaign_id)
                fraud = None if doc.fraud is None else Suspicion(doc.fraud)
                model = self._model(campaign_id)
                judge = Judge(self._rules(doc), doc.score, fraud, model)
                plan = CampaignPlan(
                    doc, judge, index, contracts, self._enrichment(doc, contracts),
                    legs_of(campaign_id, self._chained), self._links(campaign_id),
                )  # fmt: skip
            self._campaigns[campaign_id] = plan
        return plan

    def index(self, campaign_id: str) -> RouteIndex[Contract]:
        """A campaign's own contracts; the former index where nothing of them has changed."""
        found = self._indexes.get(campaign_id)
        if found is None:
            doc, contracts = (
                self.snapshot.campaigns[campaign_id],
                self.snapshot.by_campaign.get(campaign_id, ()),
            )
            before = self._former_indexes.get(campaign_id)
            same = before is not None and before.doc is doc and _same(before.contracts, contracts)
            index = (
                before.index if same and before is not None else self._compiled(contracts, doc.distribution)
            )
            found = self._indexes[campaign_id] = _Compiled(doc, contracts, index)
        return found.index

    def _compiled(self, contracts: Sequence[Contract], distribution: Distribution) -> RouteIndex[Contract]:
        doc = self.snapshot.campaigns.get(contracts[0].doc.campaign) if contracts else None
        return RouteIndex(contracts, distribution, atlas_of(doc, contracts), self.expectations)

    def _links(self, campaign_id: str) -> tuple[CampaignDoc, ...]:
        known = self.snapshot.campaigns
        return tuple(
            known[name] for kind, name in links(campaign_id, known) if kind == "campaign" and name in known
        )

    def _parts(self, doc: CampaignDoc) -> tuple[EnricherPart, ...]:
        known = self.snapshot.enrichers
        return tuple(known[name] for name in doc.enrich if name in known)

    def _enrichment(self, doc: CampaignDoc, contracts: Sequence[Contract]) -> Enrichment:
        parts = self._parts(doc)
        return Enrichment(
            doc, parts, enrichers, normals_of(doc, self._fieldtypes), names_used(doc, contracts, parts)
        )

    def _model(self, campaign_id: str) -> Model | None:
        """The one in force, for as long as the campaign declares any."""
        declared = self.snapshot.campaigns[campaign_id].score.model is not None
        return self.snapshot.models.get(campaign_id) if declared else None

    def _rules(self, doc: CampaignDoc) -> Iterable[Rule]:
        """`required`, `field` and `form` hold for every campaign; it may say them again to change them."""
        required = tuple(name for name, field in doc.fields.items() if field.required)
        optional = tuple(name for name in doc.fields if name not in required)
        made: dict[str, Mapping[str, Any]] = {
            "required": {"fields": required},
            "field": {"optional": optional},
            "form": {},
        }
        said = {entry.check for entry in doc.checks}
        for name in made.keys() - said:
            yield _rule(self._checks[name], made[name])
        made["consent"] = {"texts": doc.consent}
        secret = self.snapshot.secret_checks.get(doc.id, {})
        for at, entry in enumerate(doc.checks):
            told = secret.get(at) or entry.model_extra or {}
            yield _rule(self._checks[entry.check], {**made.get(entry.check, {}), **told})


def _id(model: Model | None) -> str:
    """A model never changes, so its id says whether it is the same."""
    return "" if model is None else model.id


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """The very same objects: a snapshot keeps those of its former that didn't change."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _rule(check: Check[Any], told: Mapping[str, Any]) -> Rule:
    settings = check.settings.model_validate(told)
    assert isinstance(settings, CheckSettings)
    return check, settings
