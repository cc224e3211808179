"""docs/platforms.md lists who may post: the table is made from the components."""

import re
import sys
from pathlib import Path

import pytest

from app.catalog.reading import read
from app.components import discover
from app.ingest.platform import Platform, platforms

PAGE = Path(__file__).parents[2] / "docs/platforms.md"
HEAD = "| platform | what comes |\n|---|---|\n"


def row(one: Platform) -> str:
    about = str(sys.modules[type(one).__module__].__doc__).partition("\n")[0].rstrip(".")
    return f"| `{one.name}` | {about} |\n"


def test_every_platform_is_listed_and_no_other() -> None:
    table = HEAD + "".join(row(one) for one in platforms.discover())
    assert table in PAGE.read_text("utf-8"), f"docs/platforms.md should have\n{table}"


CAMPAIGN = "campaigns:\n  - {id: solar, fields: {first_name: {type: name}, phone: {type: phone}}}\n"
BLOCKS = re.findall(r"^```yaml\n(sources:\n.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_example_of_the_page_applies(block: int) -> None:
    read([(PAGE.name, CAMPAIGN + BLOCKS[block])], discover())


def test_every_platform_has_its_place_in_the_page_beside_the_table() -> None:
    page = PAGE.read_text("utf-8")
    assert [one.name for one in platforms.discover() if page.count(f"`{one.name}`") < 2] == []
