"""The house keeps its shape: arrows, sizes, locks."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
CODE = sorted((HOME / "app").rglob("*.py"))
MOST_LINES = 400
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(f.relative_to(HOME)): n
        for f in CODE
        if (n := len(f.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    mute = [str(f.relative_to(HOME)) for f in CODE if not ast.get_docstring(ast.parse(f.read_text("utf-8")))]
    assert mute == []


def test_no_module_is_named_after_nothing() -> None:
    assert [str(f.relative_to(HOME)) for f in CODE if f.stem in BANNED_NAMES] == []


@pytest.mark.parametrize("lock", sorted(HOME.glob("requirements*.lock")), ids=lambda lock: lock.name)
def test_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    written = lock.read_text("utf-8")
    assert not re.search(r"https?://|index-url|find-links|@ ", written)
    pinned = re.findall(r"^[A-Za-z0-9][\w.\[\]-]*==", written, re.MULTILINE)
    assert pinned
    for entry in re.split(r"\n(?=\S)", written.strip()):
        assert entry.startswith("#") or "--hash=sha256:" in entry, entry.splitlines()[0]


def test_imports_go_downwards_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=HOME, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "script", [".ci/run", "scripts/setup.sh", "scripts/test-tools.sh", "scripts/lock.sh"]
)
def test_a_script_is_one_that_its_shell_reads(script: str) -> None:
    shell = "bash" if (HOME / script).read_text().startswith("#!/usr/bin/env bash") else "sh"
    done = subprocess.run([shell, "-n", HOME / script], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_ci_can_be_executed_and_calls_check_and_test() -> None:
    ci = HOME / ".ci/run"
    assert ci.stat().st_mode & 0o111
    assert re.findall(r"step (\w+)", ci.read_text()) == ["setup", "check", "test"]


def test_missing_tools_are_said_aloud_and_hinder_nothing(tmp_path: Path) -> None:
    for name in ("id", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        [tmp_path / "sh", HOME / "scripts/test-tools.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "SKIPPED" in done.stderr
