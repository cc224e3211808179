"""docs/platforms.md lists who may post: the table is made from the components."""

import sys
from pathlib import Path

from app.ingest.platform import Platform, platforms

PAGE = Path(__file__).parents[2] / "docs/platforms.md"
HEAD = "| platform | what comes |\n|---|---|\n"


def row(one: Platform) -> str:
    about = str(sys.modules[type(one).__module__].__doc__).partition("\n")[0].rstrip(".")
    return f"| `{one.name}` | {about} |\n"


def test_every_platform_is_listed_and_no_other() -> None:
    table = HEAD + "".join(row(one) for one in platforms.discover())
    assert table in PAGE.read_text("utf-8"), f"docs/platforms.md should have\n{table}"
