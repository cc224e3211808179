"""The pages on feedback and returns name every code that an item may be answered with, and every word that may be told."""

import re
from pathlib import Path
from typing import get_args

from app.catalog.telling import CODES, Reason
from app.followup.feedback import ResultOutcome
from app.followup.item import NAMES

HOME = Path(__file__).parents[2]
FEEDBACK = (HOME / "docs/feedback.md").read_text("utf-8")
RETURNS = (HOME / "docs/returns.md").read_text("utf-8")
FILES = [
    *(HOME / "app/followup").glob("*.py"),
    *(HOME / "app/pipeline").glob("feedback*.py"),
]


def quoted(page: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", page))


def test_every_code_of_a_refused_item_is_told() -> None:
    raised = {
        code for file in FILES for code in re.findall(r'Wrong\(\s*"([a-z_]+)"', file.read_text("utf-8"))
    }
    assert len(raised) > 20
    assert raised <= quoted(FEEDBACK)


def test_every_word_of_an_item_is_told() -> None:
    assert {name.removeprefix("match.") for name in NAMES} <= quoted(FEEDBACK)
    assert set(get_args(ResultOutcome)) <= quoted(FEEDBACK)
    assert set(CODES) | {one for ones in CODES.values() for one in ones} <= quoted(FEEDBACK)
    assert set(get_args(Reason)) <= quoted(RETURNS)
