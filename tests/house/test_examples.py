"""Every catalogue that a page shows is one that `apply` takes, and together they show every key there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from app.catalog import documents, modelling, selling, worth
from app.catalog.reading import read
from app.components import discover
from app.distribute.adapter import adapters

HOME = Path(__file__).parents[2]
PAGE = HOME / "docs/configuration.md"
BLOCKS = re.findall(r"^```yaml\n(campaigns:\n.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
ELSEWHERE = [
    pytest.param(block, id=f"{page.stem}-{n}")
    for page in sorted((HOME / "docs").rglob("*.md"))
    for n, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    if page != PAGE and re.search(r"^campaigns:", block, re.MULTILINE)
]
VOCABULARY = (
    documents.CampaignDoc, documents.FieldDoc, documents.CheckDoc, documents.Distribution, selling.Then, selling.Aged, worth.ScoreDoc, worth.ScoreRule, worth.Decay, worth.SalesReady, worth.FraudDoc, worth.PriorityDoc, modelling.ModelDoc, modelling.FeatureDoc, documents.SourceDoc,
    documents.PlatformDoc, documents.MapTo, documents.BuyerDoc, documents.ContractDoc, documents.Cap, documents.Hours, documents.Retry,
)  # fmt: skip


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def shown() -> set[str]:
    return {key for block in BLOCKS for key in keys(YAML(typ="safe").load(block))}


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_catalogue_of_the_page_applies(block: int) -> None:
    read([(PAGE.name, BLOCKS[block])], discover())


@pytest.mark.parametrize("block", ELSEWHERE)
def test_so_does_every_whole_catalogue_of_another_page(block: str) -> None:
    read([("page.md", block)], discover())


@pytest.mark.parametrize("model", VOCABULARY, ids=lambda model: model.__name__)
def test_every_key_of_the_vocabulary_is_shown(model: type[BaseModel]) -> None:
    assert set(model.model_fields) <= shown()


def test_every_setting_of_the_webhook_is_shown_and_said() -> None:
    adapters.discover()
    settings = set(adapters["webhook"].settings.model_fields)
    assert settings - {"tls"} <= shown()  # a key that fits its certificate is not for a page
    assert settings <= set(re.findall(r"`([a-z]+)`", PAGE.read_text("utf-8")))
