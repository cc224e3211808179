"""What a shell completes after Tab: ids of the catalogue as it is configured now, and words that a command knows.

Ids of leads and deliveries are not among them: nobody types those from memory, and there are millions. A Tab starts
no database and never shows an error: what can't be looked up is not completed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import typer

from app.commands.desk import DEMO
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.embedded import attach

MOST = 200
SECONDS = 2.0

Completion = Callable[[typer.Context, str], list[str]]
Look = Callable[[CatalogueStore, str], Awaitable[list[str]]]


def ids(*kinds: str) -> Completion:
    """Of these kinds of objects."""

    async def look(store: CatalogueStore, begun: str) -> list[str]:
        found = [await store.ids(kind, begun, MOST) for kind in kinds]
        return sorted({one for each in found for one in each})

    return lambda ctx, incomplete: _looked_up(ctx, look, incomplete)


def words(*known: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def contracts(ctx: typer.Context, incomplete: str) -> list[str]:
    return _looked_up(ctx, lambda store, begun: store.contracts(begun, MOST), incomplete)


def people(ctx: typer.Context, incomplete: str) -> list[str]:
    """Who claims from a pool: inside/dana."""
    return _looked_up(ctx, lambda store, begun: store.people(begun, MOST), incomplete)


def owners(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of keys, by the kind that was said before."""
    kind = ctx.params.get("kind")
    if kind == "user":
        return people(ctx, incomplete)
    return ids(kind)(ctx, incomplete) if kind in ("source", "buyer") else []


def party(ctx: typer.Context, incomplete: str) -> list[str]:
    """Whose account it is, by the word that was said before."""
    of = ctx.params.get("of")
    return ids(of)(ctx, incomplete) if of in ("source", "buyer") else []


campaigns, sources, buyers = ids("campaign"), ids("source"), ids("buyer")
accounts, key_owners = ids("buyer", "source"), ids("buyer", "source")
lists, enrichers = ids("list"), ids("enricher")

OfThisCampaign = Annotated[str | None, typer.Option(help="Of this campaign only.", autocompletion=campaigns)]
OfThisSource = Annotated[str | None, typer.Option(help="Of this source only.", autocompletion=sources)]
OfThisBuyer = Annotated[str | None, typer.Option(help="Of this buyer only.", autocompletion=buyers)]
OfThisContract = Annotated[str | None, typer.Option(help="Of this contract only.", autocompletion=contracts)]


def _looked_up(ctx: typer.Context, look: Look, begun: str) -> list[str]:
    with suppress(Exception):
        dsn = _where(ctx)
        return asyncio.run(_asked(dsn, look, begun)) if dsn else []
    return []


def _where(ctx: typer.Context) -> str | None:
    """As `settings_beside` finds it, but for a database that would have to be started."""
    given = ctx.params.get("data_dir")
    settings = Settings(data_dir=given) if given else Settings()
    if settings.database_url:
        return settings.database_url
    named = "data_dir" in settings.model_fields_set
    return attach(settings.data_dir) or (None if named else attach(DEMO))


async def _asked(dsn: str, look: Look, begun: str) -> list[str]:
    async with asyncio.timeout(SECONDS):
        database = await Database.open(dsn, size=1, application_name="leadgate completion")
        try:
            return await look(CatalogueStore(database), begun)
        finally:
            await database.close()
