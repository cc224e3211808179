"""The page of enrichment says what the enrichers have: settings, endings, names, an example that applies."""

import re
from pathlib import Path

import pytest

from app.catalog.derived import DERIVED
from app.catalog.reading import read
from app.components import discover
from app.enrich.enricher import enrichers
from app.validate.remote import BECAME, LookUp

PAGE = (Path(__file__).parents[2] / "docs/enrichment.md").read_text("utf-8")


def keys_under(heading: str) -> set[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", section, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}


def test_every_setting_is_on_the_page_with_no_other() -> None:
    known = enrichers.discover()
    assert keys_under("Tables") == set(known["table"].settings.model_fields)
    assert keys_under("Services") == set(known["http"].settings.model_fields) | set(BECAME)


def test_every_limit_is_told_with_its_default() -> None:
    told = {}
    for names, defaults in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", PAGE, re.MULTILINE):
        told |= dict(zip(re.findall(r"`([a-z_]+)`", names), re.findall(r"`([^`]*)`", defaults), strict=False))
    for name, field in LookUp.model_fields.items():
        if name in ("budget", "when"):
            continue
        said = field.default
        assert told[name] == (str(said).lower() if isinstance(said, bool) else str(said)), name


@pytest.mark.parametrize("kind", DERIVED)
def test_everything_that_is_known_offline_is_on_the_page(kind: str) -> None:
    (row,) = re.findall(rf"^\| `{kind}`[^|]*\| (.*) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`_([a-z_]+)`", row)) == set(DERIVED[kind])


def test_the_example_applies() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (campaign,) = read([("enrichment.md", block)], discover()).campaigns
    assert campaign.enrich == ("bands", "income")
