"""The page of verification says what the checks have: reasons, defaults, an example that applies."""

import re
from pathlib import Path

import pytest

from app.catalog.reading import read
from app.components import discover
from app.validate.check import checks

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs/checks.md").read_text("utf-8")
CHECKS = ("email", "phone", "postal", "address", "name", "age", "rule")


def told() -> dict[str, dict[str, str]]:
    """check → reason → the default that the page gives."""
    found: dict[str, dict[str, str]] = {}
    check = ""
    for line in PAGE.splitlines():
        if row := re.match(r"^\| (?:`([a-z]+)`)? ?\| ([^|]*)\| ([a-z]+) \|", line):
            check = row[1] or check
            reasons = re.findall(r"`([a-z_]+)`", row[2].partition("(setting")[0])
            found.setdefault(check, {}).update(dict.fromkeys(reasons, row[3]))
    return found


@pytest.mark.parametrize("name", CHECKS)
def test_every_reason_of_a_check_is_on_the_page_with_its_default(name: str) -> None:
    said = told()[name]
    if name == "rule":
        assert said == {"code": checks.discover()["rule"].settings.model_fields["action"].default}
        return
    check = checks.discover()[name]
    assert set(said) == set(check.codes) - {"known"}
    settings = check.settings.model_fields
    for code, default in said.items():
        setting = settings.get(code) or settings.get("mx" if code == "no_mx" else "action")
        assert setting is not None
        assert default == setting.default, code


def test_the_example_applies() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (campaign,) = read([("checks.md", block)], discover()).campaigns
    assert [one.check for one in campaign.checks] == list(CHECKS)
