"""Which of what is known offline anything in a campaign speaks of; nothing else is worked out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.catalog.derived import derived, named
from app.catalog.documents import CampaignDoc
from app.catalog.snapshot import Contract, EnricherPart


def names_used(
    doc: CampaignDoc, contracts: Iterable[Contract], parts: Iterable[EnricherPart]
) -> frozenset[str]:
    """By the words of every expression and template: of the score, the checks, the contracts and the enrichers."""
    names = derived({name: field.type for name, field in doc.fields.items()})
    if not names:
        return frozenset()
    said = [doc.score.model_dump(mode="json"), [entry.model_extra for entry in doc.checks]]
    said += [part.settings.model_dump(mode="json") for part in parts]
    return named((text for text in (*_texts(said), *_of_contracts(contracts))), names)


def _of_contracts(contracts: Iterable[Contract]) -> Iterator[str]:
    for contract in contracts:
        rules = [contract.doc.when, *(cap.when for cap in contract.doc.caps)]
        yield from (rule.text for rule in rules if rule is not None)
        yield from _texts(contract.doc.deliver)


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for inner in said.values():
            yield from _texts(inner)
    elif isinstance(said, list | tuple):
        for inner in said:
            yield from _texts(inner)
