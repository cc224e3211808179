"""What the README tells people to type exists."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import typer

HOME = Path(__file__).parents[2]
README = (HOME / "README.md").read_text("utf-8")
PAGES = [HOME / "README.md", HOME / "CONTRIBUTING.md", *sorted((HOME / "docs").rglob("*.md"))]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (HOME / "Makefile").read_text(), re.MULTILINE))


def scripts() -> dict[str, str]:
    project: dict[str, Any] = tomllib.loads((HOME / "pyproject.toml").read_text())
    return project["project"]["scripts"]


def commands() -> set[str]:
    group = typer.main.get_command(importlib.import_module("app.cli").cli)
    return set(group.list_commands(click.Context(group)))  # type: ignore[attr-defined]  # a click.Group


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
    assert named <= targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_leadgate_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?:`|/)leadgate ([a-z]+)", page.read_text("utf-8"))) - {"ready"}
    assert not named or named <= commands()


def test_the_readme_begins_with_run_and_test() -> None:
    assert "make run" in README
    assert "make test" in README
    assert {"run", "test", "check", "bench", "setup"} <= targets()


def test_the_console_script_is_leadgate() -> None:
    assert scripts() == {"leadgate": "app.cli:main"}


def test_the_readme_shows_the_lead_that_the_demo_takes() -> None:
    """The line to paste and the demo's catalogue speak of the same fields."""
    from ruamel.yaml import YAML

    from app.demo import catalogue

    (body,) = re.findall(r"-d '(\{.*\})'", README)
    read = YAML(typ="safe").load(catalogue("http://127.0.0.1:1"))
    known = {*read["campaigns"][0]["fields"], *read["sources"][0]["mapping"]}
    assert set(YAML(typ="safe").load(body)) <= known
