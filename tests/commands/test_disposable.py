"""An operator's list of throw-away domains is put in place whole, and what it changes is said."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from app.validate.data import disposable, join


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    join(None)


def run(folder: Path, *words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["disposable", *words, "--data-dir", str(folder)], input=given)


def test_what_ships_is_told_with_its_day(folder: Path) -> None:
    told = run(folder)
    assert told.exit_code == 0, told.output
    assert re.fullmatch(
        r"[\d,]+ domains ship, of 20\d\d-\d\d-\d\d; yours: 0 more, 0 taken out\n", told.stdout
    )


def test_a_list_is_put_in_place_and_what_it_changes_is_said(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_text("# newer\nThrowaway.Example\n!mailinator.com\nyopmail.com\nmüll.example\n", "utf-8")
    told = run(folder, str(file))
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[0].endswith(" domains: 2 more, 1 taken out by your list")
    assert told.stdout.splitlines()[1:] == [
        "+ throwaway.example",
        "+ xn--mll-hoa.example",
        "- mailinator.com",
    ]
    join(folder / "offline")
    assert disposable("a.throwaway.example")
    assert disposable("mailinator.com") is None
    again = run(folder, str(file))
    assert len(again.stdout.splitlines()) == 1  # the same once more changes nothing


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    told = run(folder, "-", "--dry-run", given="throwaway.example\n")
    assert told.stdout.startswith("would be ")
    assert not (folder / "offline").exists()


def test_lines_that_are_no_domains_are_named_and_left_out(folder: Path) -> None:
    told = run(folder, "-", given="throwaway.example\nann@x.example\nhalf a line\n\n-bad.example\n")
    assert told.stderr == "warning: no domain in line 2, 3, 5; left out\n"
    assert (folder / "offline" / "disposable.txt").read_text() == "throwaway.example\n"


@pytest.mark.parametrize("given", ["", "# nothing\n", "\x00\x01\n", "<html>\n"])
def test_what_has_no_domain_changes_nothing(folder: Path, given: str) -> None:
    run(folder, "-", given="throwaway.example\n")
    told = run(folder, "-", given=given)
    assert told.exit_code == 1
    assert "there is no domain in it" in told.stderr
    assert (folder / "offline" / "disposable.txt").read_text() == "throwaway.example\n"


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    told = run(folder, str(folder / "nowhere.txt"))
    assert (told.exit_code, told.stderr) == (
        2, f"error: {folder / 'nowhere.txt'} can't be read: No such file or directory\n",
    )  # fmt: skip
