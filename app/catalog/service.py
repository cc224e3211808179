"""Changing what is configured: read, check, plan, and write it all or not at all."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct

from app.catalog.documents import BuyerDoc, CampaignDoc, Catalogue, SourceDoc
from app.catalog.export import export
from app.catalog.kinds import Kinds
from app.catalog.plan_text import heading, render
from app.catalog.planning import Plan, plan
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.catalog.sealing import Sealer, sealed
from app.store.catalogue import CatalogueStore, Change, Stored

Files = Sequence[tuple[str, str]]


class Applied(Struct, frozen=True, kw_only=True):
    """What was planned, and the version that it became; None when nothing was written."""

    plan: Plan
    head: str
    version: int | None = None

    def text(self, effects: Mapping[str, str] | None = None) -> str:
        return render(self.plan, head=self.head, effects=effects, applied=self.version)


class Configuration:
    """What the command line, the API and the console do with the catalogue."""

    def __init__(self, store: CatalogueStore, kinds: Kinds, sealer: Sealer) -> None:
        self._store, self._kinds, self._sealer = store, kinds, sealer

    async def apply(self, files: Files, *, by: str, prune: bool = False, dry_run: bool = False) -> Applied:
        """Raises CatalogueErrors with every problem, Conflict when another change came in between."""
        version, stored = await self._store.load()
        # In a thread, since compiling thousands of expressions takes a second that leads in flight can't spare.
        applied = await asyncio.to_thread(self._planned, files, version, stored, prune)
        if dry_run or applied.plan.empty:
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

    def _planned(self, files: Files, version: int, stored: Stored, prune: bool) -> Applied:
        current = catalogue_of(stored)
        wanted = read(files, self._kinds, current=current, sealer=self._sealer)
        wanted = sealed(wanted, current, self._kinds, self._sealer)
        planned = plan(current, wanted, prune=prune, against=version)
        return Applied(plan=planned, head=heading([name for name, _ in files], wanted))


def _changes(planned: Plan) -> list[Change]:
    result, touched = planned.result, planned.touched()
    docs: dict[str, tuple[CampaignDoc | SourceDoc | BuyerDoc, ...]] = {
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
