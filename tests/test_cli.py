"""The list of commands: whole, true, and without the price of what the commands do."""

import subprocess
import sys
from functools import cache

import pytest
from typer.testing import CliRunner

from app.cli import MODULES, about, cli

HEAVY = ("fastapi", "sqlalchemy", "alembic", "asyncpg", "app.main", "app.store", "app.pipeline")


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, list(words))
    assert done.exit_code == 0, done.exception
    return done.output


@cache
def the_list() -> str:
    """As a process of its own prints it, once: amid the leavings of a thousand tests Python 3.11 can fail to parse
    (gh-106905), where what is collected just then prints a traceback."""
    code = "from app.cli import cli\ncli(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_imports_nothing_that_only_commands_need() -> None:
    code = (
        "import sys\nfrom app.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", MODULES)
def test_each_command_is_listed_with_what_it_says_of_itself(name: str) -> None:
    assert about(name)
    assert f"  {name} " in the_list()


@pytest.mark.parametrize("name", MODULES)
def test_each_command_answers_help_under_its_own_name(name: str) -> None:
    told = run(name, "--help")
    assert told.startswith("Usage: ")
    assert f" {name} [OPTIONS]" in told.splitlines()[0]


def test_an_unknown_command_is_wrong_usage() -> None:
    done = CliRunner().invoke(cli, ["nonsense"])
    assert done.exit_code == 2
    assert "No such command 'nonsense'" in done.output
