"""What a campaign's leads are enriched with, compiled: who is asked in which order, and what goes into which field."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.catalog.derived import SOLD_BEFORE, derived, known_as
from app.catalog.documents import CampaignDoc
from app.catalog.snapshot import EnricherPart
from app.core.registry import Registry
from app.enrich.enricher import Enricher, Row, enrichers
from app.enrich.offline import known_of
from app.model import Lead, Raw, Value
from app.validate.check import Evidence, Locate
from app.validate.key import digest, identity
from app.validate.remote import Remote

Normal = Callable[[Raw], Value]
OFFLINE, ENRICHED = "known offline", "enriched by "
"""What the note of a value says that the lead did not bring."""
_CONTACTS = ("phone", "email")


class Use(Struct, frozen=True):
    """One enricher of a campaign."""

    id: str
    enricher: Enricher[Any]
    to: Any

    def ask(self, lead: Lead) -> Remote | Row | None:
        """None, too, where there is nothing that an answer could fill."""
        if not self.to.overwrite and all(field in lead.fields for field in self.to.fills):
            return None
        return self.enricher.ask(self.id, lead, self.to)


class Filled(Struct, frozen=True):
    """The fields that got a value, and those whose value was none of their type."""

    fields: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


class Enrichment:
    """`tables` and `services`, by turns: those of one turn are asked at the same time."""

    def __init__(
        self,
        doc: CampaignDoc,
        parts: Sequence[EnricherPart],
        known: Registry[Enricher[Any]],
        normals: Mapping[str, Normal],
        names: Iterable[str] = (),
    ) -> None:
        """`normals` make a raw value one of its field; `names` are those of `derived` that anything speaks of."""
        self.parts = tuple(parts)
        uses = [Use(part.id, known[part.enricher], part.settings) for part in parts]
        self.tables = _staged([use for use in uses if not use.enricher.remote])
        self.services = _staged([use for use in uses if use.enricher.remote])
        self._types = {name: field.type for name, field in doc.fields.items()}
        self._normals = normals
        self.beside = frozenset(names)
        self.history = SOLD_BEFORE in self.beside
        self._names: dict[str, list[tuple[str, str]]] = defaultdict(list)
        of = derived(self._types)
        for name in sorted(self.beside - {SOLD_BEFORE}):
            field, what = of[name]
            self._names[field].append((name, what))
        self._state = next((name for name, kind in self._types.items() if kind == "state"), "")
        self.empty = not (self.tables or self.services or self.history or self._names)
        self._contacts = tuple(name for name, kind in self._types.items() if kind in _CONTACTS)

    def asks(self, lead: Lead) -> Iterator[Locate]:
        """What must be known of addresses."""
        for field in self._names:
            if self._types[field] == "ip" and isinstance(address := lead.normal(field), str):
                yield Locate(address)

    def contacts(self, lead: Lead) -> list[bytes]:
        """Digests of what identifies the person, test leads apart from others."""
        found = ((self._types[name], identity(lead, name)) for name in self._contacts)
        return sorted(
            {digest("contact", lead.test, kind, (value,)) for kind, value in found if value is not None}
        )

    def fill(self, lead: Lead, use: Use, answer: Any) -> Filled:
        """Put what an enricher's answer says into the lead; what it replaces is kept aside."""
        filled, invalid = [], []
        for field, raw in use.enricher.values(answer, use.to).items():
            before, normal = lead.fields.get(field), self._normals.get(field)
            if normal is None or field not in use.to.fills or raw is None or raw == "":
                continue
            if before is not None and not use.to.overwrite:
                continue
            made = normal(raw)
            if not made.valid:
                invalid.append(field)
                continue
            if before is not None and before.raw is not None:
                lead.extra.setdefault(field, before.raw)
            note = f"{ENRICHED}{use.id}" + (f"; {made.note}" if made.note else "")
            lead.fields[field] = Value(raw, made.normal, True, made.parts, note)
            filled.append(field)
        return Filled(tuple(filled), tuple(invalid))

    def derive(self, lead: Lead, evidence: Evidence, sold: int | None = None) -> None:
        """Add what is known offline, of the fields as they are now."""
        for field, names in self._names.items():
            kind = known_as(field, self._types[field])
            known = known_of(lead, field, kind, evidence, state=self._state)
            for name, what in names:
                if what in known:
                    lead.fields[name] = Value(None, known[what], True, {}, OFFLINE)
                else:
                    lead.fields.pop(name, None)
        if self.history and sold is not None:
            lead.fields[SOLD_BEFORE] = Value(None, sold, True, {}, OFFLINE)


def _staged(uses: Sequence[Use]) -> tuple[tuple[Use, ...], ...]:
    """Those that need nothing of one another are asked at the same time; who reads or fills what an earlier one fills
    comes after it."""
    stage: dict[str, int] = {}
    for at, use in enumerate(uses):
        minds = use.enricher.reads(use.to) | set(use.to.fills)
        before = [stage[other.id] for other in uses[:at] if minds & set(other.to.fills)]
        stage[use.id] = max(before, default=-1) + 1
    count = max(stage.values(), default=-1) + 1
    return tuple(tuple(use for use in uses if stage[use.id] == n) for n in range(count))


NONE = Enrichment(CampaignDoc(id="none", fields={}), (), enrichers, {})
