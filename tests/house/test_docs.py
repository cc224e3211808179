"""What the pages say is what the code has: names, codes, settings, metrics, links."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import app.core.errors as errors
import app.model as model
from app.core.metrics import METRICS
from app.settings import Settings
from app.validate.check import checks

HOME = Path(__file__).parents[2]
PAGES = [
    HOME / "README.md",
    HOME / "CONTRIBUTING.md",
    HOME / "CHANGELOG.md",
    *sorted((HOME / "docs").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text(name: str) -> str:
    return (HOME / name).read_text("utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def refusals() -> set[str]:
    """Codes of the classes, and those that a `raise` of one of them gives."""
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.Refused)
    }
    return {kind.code for kind in kinds.values()} | set(given_codes(set(kinds)))


def given_codes(kinds: set[str]) -> Iterator[str]:
    for file in (HOME / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        yield keyword.value.value


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name} leads to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} leads to {target}"


def test_every_decision_is_listed_with_its_quotable_line() -> None:
    listed = text("docs/decisions/README.md")
    for record in sorted((HOME / "docs/decisions").glob("[0-9]*.md")):
        assert f"({record.name})" in listed, record.name
        assert re.search(r"^> \S", record.read_text("utf-8"), re.MULTILINE), (
            f"{record.name} has no quotable line"
        )


def test_no_two_decisions_have_one_number() -> None:
    numbers = [record.name[:4] for record in (HOME / "docs/decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("noun", [name for name in model.__all__ if name[0].isupper()])
def test_every_noun_of_the_model_is_in_the_glossary(noun: str) -> None:
    assert f"**{noun}**" in text("docs/glossary.md")


@pytest.mark.parametrize("code", sorted(refusals()))
def test_every_refusal_has_its_place_among_the_problems(code: str) -> None:
    assert code in anchors(HOME / "docs/problems.md")


def test_every_setting_is_documented_and_no_other() -> None:
    said = set(re.findall(r"^\| `(LEADGATE_[A-Z_]+)` \|", text("docs/configuration.md"), re.MULTILINE))
    assert said == {f"LEADGATE_{name.upper()}" for name in Settings.model_fields}


def test_the_published_order_is_the_order() -> None:
    """A check that the page does not have yet is told by `leadgate components check`, to which it leads."""
    page = text("docs/order-of-checks.md")
    rows = re.findall(r"^\| (\d+) \| `([a-z_]+)` \|", page, re.MULTILINE)
    known = sorted((c.order, c.name) for c in checks.discover())
    said = [(int(order), name) for order, name in rows]
    assert said == [one for one in known if one in said]
    assert len(said) >= 6
    assert "leadgate components check" in page


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    said = re.findall(r"^\| `(leadgate_[a-z_]+)` \| ([a-z, ]*) ?\|", text("docs/operations.md"), re.MULTILINE)
    assert {name: labels.strip() for name, labels in said} == {m.name: ", ".join(m.labels) for m in METRICS}


def test_every_table_is_in_the_picture() -> None:
    created = set()
    for migration in (HOME / "migrations/versions").glob("*.py"):
        created |= set(re.findall(r"create (?:unlogged )?table ([a-z_]+) \(", migration.read_text("utf-8")))
    assert created == set(re.findall(r"^\| `([a-z_]+)` \|", text("docs/architecture.md"), re.MULTILINE))


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    assert re.search(r"^## Unreleased$", text("CHANGELOG.md"), re.MULTILINE)


def test_a_command_on_a_page_can_be_pasted_with_what_is_said_beside_it() -> None:
    """Words beside a command stand behind a #, or the shell would hand them to it."""
    command = re.compile(r"^(?:    )?(?:\.venv/bin/)?leadgate [^\n#]*?\S {2,}(?![# \\])(.*)$", re.MULTILINE)
    found = {page.name: command.findall(page.read_text("utf-8")) for page in PAGES}
    assert {name: words for name, words in found.items() if words} == {}
