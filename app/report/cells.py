"""CSV that a spreadsheet shows as it is: no text of ours or of others becomes a formula."""

import csv
from collections.abc import Iterable
from io import StringIO

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def text(cell: str | None) -> str:
    """A text that begins like a formula is marked as text by an apostrophe, as spreadsheets know it."""
    told = cell or ""
    return f"'{told}" if told.startswith(_FORMULAS) else told


def row(cells: Iterable[str]) -> str:
    """One line, ended as RFC 4180 says."""
    made = StringIO()
    csv.writer(made).writerow(cells)
    return made.getvalue()
