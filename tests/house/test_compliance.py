"""The pages on consent and persons: their examples apply, and their reasons are those of the checks."""

import re
from pathlib import Path

import pytest

from app.catalog.reading import read
from app.components import discover
from app.validate.check import checks
from app.validate.checks.consent import USUAL

HOME = Path(__file__).parents[2]
CONSENT = (HOME / "docs/consent.md").read_text("utf-8")
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```$", CONSENT + (HOME / "docs/persons.md").read_text("utf-8"), re.M | re.S
)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_example_applies(block: int) -> None:
    read([("page.md", BLOCKS[block])], discover())


@pytest.mark.parametrize("name", ["consent", "trusted_form", "jornaya"])
def test_every_reason_stands_there_with_its_default(name: str) -> None:
    section = CONSENT.partition("## Certificates")[0 if name == "consent" else 2]
    if name != "consent":
        section = section.partition(f"**`{name}`**")[2].partition("**`jornaya`**")[0]
    said: dict[str, str] = {}
    for codes, default in re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \| (reject|flag) \|", section, re.M):
        said |= dict.fromkeys(re.findall(r"`([a-z_]+)`", codes), default)
    check = checks.discover()[name]
    assert said == {
        code: check.settings.model_fields[code].default for code in check.codes if code != "known"
    }


def test_every_usual_name_of_evidence_stands_there() -> None:
    for part, names in USUAL.items():
        (row,) = re.findall(rf"^\| `{part}` \| (.*) \|$", CONSENT, re.M)
        assert tuple(re.findall(r"`([^`]+)`", row)) == names
