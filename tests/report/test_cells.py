"""What a spreadsheet is given, it shows."""

import csv
from io import StringIO

import pytest

from app.report import cells


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_begins_like_a_formula_is_marked_as_text(formula: str) -> None:
    assert cells.text(formula) == "'" + formula


@pytest.mark.parametrize("harmless", ["sunco-west", "a=b", "", "'quoted"])
def test_any_other_text_stays(harmless: str) -> None:
    assert cells.text(harmless) == harmless


def test_a_row_is_read_as_it_was_written() -> None:
    row = ["a,b", 'say "yes"', "two\nlines", "", "ü"]
    assert next(csv.reader(StringIO(cells.row(row), newline=""))) == row
    assert cells.text(None) == ""
