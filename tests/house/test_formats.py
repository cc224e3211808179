"""docs/formats.md lists what is read: the table is made from the components."""

import sys
from pathlib import Path

from app.ingest.format import Format, formats

PAGE = Path(__file__).parents[2] / "docs/formats.md"
HEAD = "| format | Content-Type | for |\n|---|---|---|\n"


def row(one: Format) -> str:
    about = str(sys.modules[type(one).__module__].__doc__).partition("\n")[0].rstrip(".")
    types = ", ".join(f"`{kind}`" if kind[0] != "+" else f"any `…{kind}`" for kind in one.content_types)
    return f"| `{one.name}` | {types} | {about} |\n"


def test_every_format_is_listed_with_its_types_and_no_other() -> None:
    table = HEAD + "".join(row(one) for one in formats.discover())
    assert table in PAGE.read_text("utf-8"), f"docs/formats.md should have\n{table}"
