"""Catalogue → YAML that `apply` takes back to the very same catalogue."""

from typing import Any

from app.catalog.documents import Catalogue
from app.catalog.rows import plain
from app.catalog.writing import block


def export(catalogue: Catalogue) -> str:
    """Defaults are left out, secrets are as they stand (sealed); an empty catalogue is an empty text."""
    lists: dict[str, list[dict[str, Any]]] = {
        "lists": [plain(doc) for doc in catalogue.lists],
        "enrichers": [plain(doc) for doc in catalogue.enrichers],
        "campaigns": [plain(doc) for doc in catalogue.campaigns],
        "sources": [plain(doc) for doc in catalogue.sources],
        "buyers": [plain(doc) for doc in catalogue.buyers],
    }
    return "".join(block({name: docs}) for name, docs in lists.items() if docs)
