"""docs/adapters lists who is spoken to: the table is made from the components, and each contract there applies."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from app.catalog.reading import read
from app.components import discover
from app.distribute.adapter import Adapter, adapters

FOLDER = Path(__file__).parents[2] / "docs/adapters"
ELSEWHERE = {"webhook": "../configuration.md#deliver-webhook"}
PRESETS = frozenset({"crm", "dialers", "gateways"})  # pages of contracts by webhook
E2E = FOLDER.parents[1] / "tests/e2e"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")
EVERY = [pytest.param(one, id=one.name) for one in adapters.discover() if one.name not in ELSEWHERE]
BLOCK = re.compile(r"^```yaml\n(campaigns:\n.*?)^```$", re.MULTILINE | re.DOTALL)


def row(one: Adapter[Any]) -> str:
    about = str(sys.modules[type(one).__module__].__doc__).partition("\n")[0].rstrip(".")
    return f"| [`{one.name}`]({ELSEWHERE.get(one.name, f'{one.name}.md')}) | {about} |\n"


def test_every_adapter_is_listed_and_no_other() -> None:
    table = "| adapter | for |\n|---|---|\n" + "".join(row(one) for one in adapters.discover())
    assert table in (FOLDER / "README.md").read_text("utf-8"), f"docs/adapters/README.md should have\n{table}"


@pytest.mark.parametrize("one", EVERY)
def test_every_adapter_has_a_page_that_says_each_of_its_settings(one: Adapter[Any]) -> None:
    page = (FOLDER / f"{one.name}.md").read_text("utf-8")
    assert [name for name in one.settings.model_fields if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_contract_of_a_page_applies(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text("utf-8"))
    assert blocks
    for block in blocks:
        assert f"adapter: {'webhook' if page.stem in PRESETS else page.stem}\n" in block
        read([(page.name, block)], discover())


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in adapters.discover()])
def test_every_adapter_meets_a_real_peer_from_the_real_service(one: Adapter[Any]) -> None:
    named = re.compile(rf"\badapter: {one.name}\b(?!_)")
    assert any(named.search(file.read_text("utf-8")) for file in E2E.glob("*.py"))
