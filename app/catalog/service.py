"""Changing what is configured: read, check, plan, and write it all or not at all."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.documents import BuyerDoc, CampaignDoc, Catalogue, EnricherDoc, ListDoc, SourceDoc
from app.catalog.export import export
from app.catalog.holiday_list import kept
from app.catalog.kinds import Kinds
from app.catalog.plan_text import heading, render
from app.catalog.planning import Plan, plan
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.catalog.sealing import Sealer, sealed
from app.core.errors import NotFound
from app.store.catalogue import CatalogueStore, Change, Stored

Files = Sequence[tuple[str, str]]


class Applied(Struct, frozen=True, kw_only=True):
    """What was planned, and the version that it became; None when nothing was written."""

    plan: Plan
    head: str
    version: int | None = None

    def text(self, effects: Mapping[str, str] | None = None) -> str:
        return render(self.plan, head=self.head, effects=effects, applied=self.version)

    def changed_text(self) -> str:
        """Without what stays as it is: for whoever never meant to speak of it."""
        changes = tuple(one for one in self.plan.changes if one.action != "kept")
        return render(replace(self.plan, changes=changes), applied=self.version)


class Configuration:
    """What the command line, the API and the console do with the catalogue."""

    def __init__(self, store: CatalogueStore, kinds: Kinds, sealer: Sealer) -> None:
        self._store, self._kinds, self._sealer = store, kinds, sealer

    async def apply(self, files: Files, *, by: str, prune: bool = False, dry_run: bool = False) -> Applied:
        """Raises CatalogueErrors with every problem, Conflict when another change came in between."""
        version, stored = await self._store.load()
        # In a thread, since compiling thousands of expressions takes a second that leads in flight can't spare.
        today = await self._store.today()
        applied = await asyncio.to_thread(self._planned, files, version, stored, prune, today)
        return applied if dry_run else await self._saved(applied, by, version)

    async def revise(
        self, source_id: str, values: Mapping[str, Any], *, by: str, dry_run: bool = False
    ) -> Applied:
        """Change these values of one source and nothing else. Raises NotFound, Conflict as `apply` does."""
        version, stored = await self._store.load()
        current = catalogue_of(stored)
        source = next((one for one in current.sources if one.id == source_id), None)
        if source is None:
            known = ", ".join(one.id for one in current.sources) or "none is configured yet"
            raise NotFound(f"there is no source {source_id!r} in catalogue v{version} (known: {known})")
        wanted = Catalogue.model_construct(sources=(source.model_copy(update=dict(values)),))
        applied = Applied(plan=plan(current, wanted, against=version), head="")
        return applied if dry_run else await self._saved(applied, by, version)

    async def _saved(self, applied: Applied, by: str, version: int) -> Applied:
        if applied.plan.empty:
            return applied
        changes = _changes(applied.plan)
        written = await self._store.save(changes, by=by, summary=_summary(applied.plan), expected=version)
        return Applied(plan=applied.plan, head=applied.head, version=written)

    async def current(self) -> tuple[int, Catalogue]:
        """The version and its documents, secrets sealed."""
        version, stored = await self._store.load()
        return version, await asyncio.to_thread(catalogue_of, stored)

    async def export(self, version: int | None = None) -> str:
        """The catalogue, now or at a version, as YAML that `apply` takes back."""
        stored = (await self._store.load())[1] if version is None else await self._store.load_at(version)
        return export(await asyncio.to_thread(catalogue_of, stored))

    def _planned(self, files: Files, version: int, stored: Stored, prune: bool, today: date) -> Applied:
        current = catalogue_of(stored)
        wanted = read(files, self._kinds, current=current, sealer=self._sealer)
        wanted = kept(wanted, current, today)
        wanted = sealed(wanted, current, self._kinds, self._sealer)
        planned = plan(current, wanted, prune=prune, against=version)
        return Applied(plan=planned, head=heading([name for name, _ in files], wanted))


def _changes(planned: Plan) -> list[Change]:
    result, touched = planned.result, planned.touched()
    docs: dict[str, tuple[ListDoc | EnricherDoc | CampaignDoc | SourceDoc | BuyerDoc, ...]] = {
        "list": result.lists,
        "enricher": result.enrichers,
        "campaign": result.campaigns,
        "source": result.sources,
        "buyer": result.buyers,
    }
    return [
        Change(kind=kind, id=doc.id, doc=to_row(doc))
        for kind, mine in docs.items()
        for doc in mine
        if doc.id in touched[kind]
    ]


def _summary(planned: Plan) -> str:
    """One line for the history: `changed contract sunco-west; added source acme`."""
    done = [
        f"{change.action} {change.kind} {change.id}" for change in planned.changes if change.action != "kept"
    ]
    shown = "; ".join(done[:5])
    return shown if len(done) <= 5 else f"{shown} and {len(done) - 5} more"
