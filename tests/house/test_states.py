"""The states of a lead are the same in the schema, in the OpenAPI and in the glossary."""

import re
from pathlib import Path
from typing import get_args

from app.api.leads import State

HOME = Path(__file__).parents[2]


def test_every_state_that_a_lead_can_have_is_told() -> None:
    tables = (HOME / "migrations/versions/0001_first.py").read_text("utf-8")
    lead = re.search(r"create table lead \(.*?check \(state in\s*\((.*?)\)", tables, re.DOTALL)
    assert lead is not None
    stored = set(re.findall(r"'([a-z]+)'", lead[1]))
    page = (HOME / "docs/glossary.md").read_text("utf-8").partition("## States of a lead")[2]
    told = set(re.findall(r"`([a-z]+)`", page.partition("##")[0]))
    assert set(get_args(State)) == told == stored | {"partial"}
