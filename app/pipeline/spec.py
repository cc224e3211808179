"""What a source must know to post: its fields by its own names, its answers, its tests. Nothing of anybody else."""

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict

from app.catalog.documents import CampaignDoc, MapTo, SourceDoc
from app.catalog.paying import as_percent
from app.catalog.snapshot import Snapshot
from app.core.money import written
from app.core.registry import Registry
from app.ingest.fieldtype import FieldType
from app.ingest.format import MOST_FIELDS, MOST_RECORDS, Format
from app.ingest.raw import is_blank
from app.pipeline.spec_answers import AnswerSample, answer_samples
from app.pipeline.spec_checks import CheckSpec, checks_told, refusals, required_by, rules_of
from app.pipeline.spec_doors import DoorSpec, ForcedSpec, doors, forced_results
from app.pipeline.spec_examples import Example, example, shape
from app.pipeline.spec_pings import PingSpec, ping_spec, with_samples
from app.pipeline.spec_samples import Sample, samples
from app.validate.check import Check

_HOURS = (
    "None of your own: leads are taken at any hour. Buyers have theirs: a good lead that nobody takes at that "
    "moment is not accepted, which costs you nothing."
)
_PATIENCE = 15  # seconds beyond the deadline that a client should still wait


class Known(NamedTuple):
    """The components of this installation."""

    fieldtypes: Registry[FieldType[Any]]
    checks: Registry[Check[Any]]
    formats: Registry[Format]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class FieldSpec(_Word):
    """One field of a lead."""

    name: str
    """The source's own, dotted where it is nested."""
    also: tuple[str, ...] = ()
    """Other names that lead to it; the first with a value is taken."""
    field: str
    """What answers call it."""
    label: str = ""
    type: str
    required: bool = False
    absent: str | None = None
    """What it becomes where it does not come."""
    values: tuple[str, ...] = ()
    """What is allowed; empty: whatever has the shape."""
    shape: str
    example: Example | None = None
    """Valid; None where no example is known that its pattern takes."""


class Changes(_Word):
    """What differs from version `since`: fields by the source's names, and what else is told."""

    since: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[dict[str, Any], ...] = ()
    terms: tuple[dict[str, Any], ...] = ()
    """Whatever else it is told: price, reply, checks, doors and the like."""

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.terms)


class Spec(_Word):
    """Everything that a source's developer needs. It holds no key, no buyer and no other source."""

    source: str
    name: str = ""
    campaign: str
    version: int
    """The catalogue version in which this spec last changed."""
    changed_at: datetime | None = None
    fingerprint: str = ""
    """Differs whenever the spec does."""
    endpoint: str
    test_endpoint: str
    status_url: str
    key_headers: tuple[str, ...] = ("Authorization: Bearer KEY", "X-API-Key: KEY")
    content_types: tuple[str, ...]
    most_leads: int = MOST_RECORDS
    most_fields: int = MOST_FIELDS
    reply: Literal["receipt", "verdict", "sold"]
    deadline_seconds: float
    price: str | None = None
    revenue_share: str | None = None
    """Percent of what each of its sales brings, instead of a price."""
    currency: str
    only_tests: bool = False
    paused: bool = False
    hours_and_caps: str = _HOURS
    coarse: bool = False
    """Answers don't say why a lead was not accepted."""
    fields: tuple[FieldSpec, ...]
    checks: tuple[CheckSpec, ...] = ()
    answers: tuple[AnswerSample, ...] = ()
    samples: tuple[Sample, ...] = ()
    forced: tuple[ForcedSpec, ...] = ()
    """Results that a test may ask for."""
    doors: tuple[DoorSpec, ...] = ()
    """Other ways in, beside `endpoint`."""
    ping: PingSpec | None = None
    """How to ask for a price first; None where nothing of that was agreed on."""
    changes: Changes | None = None

    @property
    def example(self) -> dict[str, Example]:
        """The lead that all samples post."""
        return {f.name: f.example for f in self.fields if f.example is not None}


def spec_of(snapshot: Snapshot, source_id: str, known: Known, *, base: str) -> Spec | None:
    """The spec of a source as the snapshot has it; None where it is not configured."""
    source = snapshot.sources.get(source_id)
    if source is None:
        return None
    return build(snapshot.campaigns[source.campaign], source, known, base=base, version=snapshot.version)


def build(campaign: CampaignDoc, source: SourceDoc, known: Known, *, base: str, version: int) -> Spec:
    """With everything. ValueError or RegistryError where a document names what this installation doesn't have."""
    made = bare(campaign, source, known, base=base, version=version)
    wait = math.ceil(source.deadline.seconds) + _PATIENCE
    ping, lead = made.ping, made.example
    if ping is not None:
        ping = with_samples(ping, campaign, source, lead, known.formats, post=made.test_endpoint, wait=wait)
    return made.model_copy(
        update={
            "answers": tuple(answer_samples(source, base, refusals(campaign, known.checks))),
            "samples": samples(lead, made.test_endpoint, wait, known.formats),
            "forced": tuple(forced_results(source)),
            "ping": ping,
        }
    )


def bare(campaign: CampaignDoc, source: SourceDoc, known: Known, *, base: str, version: int) -> Spec:
    """Without answers and samples, which follow from the rest."""
    endpoint = f"{base}/v1/leads"
    rules = list(rules_of(campaign, known.checks))
    fields = tuple(_fields(campaign, source, known.fieldtypes, required_by(rules)))
    made = Spec(
        source=source.id, name=source.name, campaign=campaign.name or campaign.id, version=version,
        endpoint=endpoint, test_endpoint=f"{endpoint}?test=1", status_url=f"{endpoint}/LEAD",
        content_types=tuple(sorted(k for f in known.formats for k in f.content_types if k[0] != "+")),
        reply=source.reply, deadline_seconds=source.deadline.seconds, only_tests=source.test,
        price=None if source.price is None else written(source.price), currency=campaign.currency,
        revenue_share=None if source.revenue_share is None else as_percent(source.revenue_share),
        paused=source.paused, coarse=source.reasons == "coarse", fields=fields, doors=tuple(doors(source)),
        ping=ping_spec(campaign, source, fields, base),
        checks=() if source.reasons == "coarse" else tuple(checks_told(rules, {f.field: f.name for f in fields})),
    )  # fmt: skip
    return made.model_copy(update={"fingerprint": _fingerprint(made)})


def compared(then: Spec | None, now: Spec, since: int) -> Changes:
    """What a developer has to look at, field by field. Without a `then` every field is new."""
    before, after = ({f.name: f.model_dump(mode="json") for f in s.fields} if s else {} for s in (then, now))
    both = [name for name in after if name in before and after[name] != before[name]]
    return Changes(
        since=since,
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(_difference(name, before[name], after[name]) for name in both),
        terms=() if then is None else tuple(_terms(then, now)),
    )


def _terms(then: Spec, now: Spec) -> Iterator[dict[str, Any]]:
    """What is the same for every field."""
    was, so = _told(then), _told(now)
    for name in so:
        if name != "fields" and was[name] != so[name]:
            yield {"name": name, "was": was[name], "now": so[name]}


def _difference(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in now if now[key] != was[key]]
    return {"name": name, "was": {key: was[key] for key in keys}, "now": {key: now[key] for key in keys}}


def _told(spec: Spec) -> dict[str, Any]:
    """What the source is told, not where and when."""
    return spec.model_dump(mode="json", exclude=_FOLLOWS)


_FOLLOWS: dict[str, Any] = {
    **dict.fromkeys(
        ("version", "changed_at", "endpoint", "test_endpoint", "status_url", "answers", "samples", "forced"), True
    ),
    "fingerprint": True, "changes": True,
    "ping": {"endpoint", "test_endpoint", "answers", "samples"},
}  # fmt: skip


def _fingerprint(spec: Spec) -> str:
    return hashlib.blake2b(orjson.dumps(_told(spec), option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def _fields(
    campaign: CampaignDoc, source: SourceDoc, fieldtypes: Registry[FieldType[Any]], required: Collection[str]
) -> Iterator[FieldSpec]:
    """A field that no name leads to is the source's own default, and not its developer's business."""
    names = _names(campaign, source)
    defaults = _defaults(source)
    for field, doc in campaign.fields.items():
        if not names[field]:
            continue
        kind = fieldtypes[doc.type]
        to = kind.settings.model_validate(doc.model_extra or {})
        first = source.mapping.get(names[field][0])
        words = _words(first.values if isinstance(first, MapTo) else {}, kind, to)
        allowed = tuple(dict.fromkeys((*words, *getattr(to, "values", ()))))
        chosen = doc.type == "choice"
        yield FieldSpec(
            name=names[field][0], also=names[field][1:], field=field, label=doc.label, type=doc.type,
            required=field in required and field not in defaults, absent=defaults.get(field),
            values=allowed if chosen else (),
            shape=shape(kind, to) + (f"; also: {', '.join(words)}" if words and not chosen else ""),
            example=_example(field, kind, to, words, first),
        )  # fmt: skip


def _example(field: str, kind: FieldType[Any], to: Any, words: Sequence[str], first: Any) -> Example | None:
    """A word of the source's own is valid once it is translated."""
    return words[0] if words and isinstance(first, MapTo) else example(field, kind, to)


def _names(campaign: CampaignDoc, source: SourceDoc) -> dict[str, tuple[str, ...]]:
    """Our field → the source's names of it, those it prefers first; ours last, where they aren't mapped elsewhere."""
    found: dict[str, list[str]] = {field: [] for field in campaign.fields}
    for name, target in source.mapping.items():
        found[target.field if isinstance(target, MapTo) else target].append(name)
    for field, names in found.items():
        if field not in source.mapping:
            names.append(field)
    return {field: tuple(names) for field, names in found.items()}


def _defaults(source: SourceDoc) -> dict[str, str]:
    """As FieldMap takes them: the mapping's before the source's, blank is none."""
    found: dict[str, str] = {}
    for target in source.mapping.values():
        if isinstance(target, MapTo) and target.default is not None:
            found.setdefault(target.field, target.default)
    for field, text in source.defaults.items():
        found.setdefault(field, text)
    return {field: text for field, text in found.items() if not is_blank(text)}


def _words(values: Mapping[str, str], kind: FieldType[Any], to: Any) -> tuple[str, ...]:
    """The source's own words that become something valid."""
    return tuple(said for said, word in values.items() if not is_blank(word) and kind.normal(word, to).valid)
