"""What `apply` and `doctor` say of contracts that give a link to an address of ours which nobody has named."""

from collections.abc import Iterator, Sequence

from app.catalog.documents import Catalogue
from app.catalog.linking import linked
from app.catalog.rows import catalogue_of
from app.commands.examining import Line
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database

_WHY = "has confirm_url in it, and LEADGATE_PUBLIC_URL is not set: no delivery of it can be written"


def warnings(catalogue: Catalogue, settings: Settings) -> Iterator[tuple[str, str]]:
    """Contract → what is wrong."""
    if not settings.public_url:
        yield from ((contract, f"{key} {_WHY}") for contract, key in linked(catalogue))


async def links(database: Database, settings: Settings) -> Sequence[Line]:
    catalogue = catalogue_of((await CatalogueStore(database).load())[1])
    return [
        Line(
            "warn",
            f"contract {contract}",
            text,
            "set LEADGATE_PUBLIC_URL to how the world reaches it, for the service too",
        )
        for contract, text in warnings(catalogue, settings)
    ]
