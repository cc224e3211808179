"""Every command speaks to programs as to people, and says what it would change before it changes it."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from app.cli import MODULES, cli

NO_JSON: Mapping[str, str] = {
    "serve": "a service: its events are JSON, on standard error",
    "api": "as serve",
    "worker": "as serve",
    "demo": "a service for a person who looks at it",
    "listen": "a conversation that is watched, until ^C",
    "export": "what it prints is a document: YAML that `apply` takes back",
    "person export": "what it prints is a document: one JSON object",
}
NO_DRY_RUN: Mapping[str, str] = {
    "serve": "a service; what a lead would become says `route`",
    "api": "as serve",
    "worker": "as serve",
    "demo": "a service on data of its own",
    "listen": "stores nothing, and sends made-up leads to one's own machine",
}
READS = {
    "export", "key list", "source list", "list show", "list check", "person proof", "table show", "table check", "route",
    "leads", "pings", "trace", "deliveries", "bundles", "bundles show", "review", "feedback words", "returns", "returns show", "pool", "report", "report profit", "money balance",
    "statement", "invoice", "fraud", "score models", "score drift", "components", "doctor", "spec",
}  # fmt: skip
"""These change nothing; `trace --reveal` asks, and is noted."""


def _walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if path and (not hasattr(command, "list_commands") or getattr(command, "invoke_without_command", False)):
        yield " ".join(path), command
    if hasattr(command, "list_commands"):
        context = click.Context(click.Command("leadgate"))
        for name in command.list_commands(context):
            yield from _walk(command.get_command(context, name), (*path, name))


@cache
def commands() -> Mapping[str, Any]:
    """As they are typed, groups that do something by themselves among them."""
    return dict(_walk(typer.main.get_command(cli)))


def options(command: Any) -> set[str]:
    return {name for one in command.params for name in one.opts}


def said(*words: str, columns: int = 80) -> str:
    told = CliRunner().invoke(cli, [*words, "--help"], env={"COLUMNS": str(columns), "TERMINAL_WIDTH": "80"})
    assert told.exit_code == 0, told.output
    return told.output


def test_every_command_can_be_read_by_a_program() -> None:
    lacking = {name for name, one in commands().items() if "--json" not in options(one)}
    assert lacking == set(NO_JSON)


def test_every_command_that_changes_something_says_beforehand_what() -> None:
    lacking = {name for name, one in commands().items() if "--dry-run" not in options(one)}
    assert lacking == set(NO_DRY_RUN) | READS


def test_every_command_that_asks_can_be_told_not_to_ask() -> None:
    asking = {
        "replay", "settle", "retention", "person erase", "list clear", "table clear", "trace"
    }  # fmt: skip
    assert {name for name, one in commands().items() if "--yes" in options(one)} == asking


def test_every_command_can_be_quiet_and_takes_a_word_about_colour() -> None:
    lacking = {name for name, one in commands().items() if not {"--quiet", "--color"} <= options(one)}
    assert lacking == set()


NEW = {("source add", "source"): "one that is not there yet"}


def test_every_id_of_the_catalogue_is_completed() -> None:
    """By the names that parameters have everywhere; what says otherwise is no id, or a new one."""
    named = {"campaign", "source", "buyer", "contract", "owner", "party", "list_id", "person"}
    lacking = {
        (name, one.name)
        for name, command in commands().items()
        for one in command.params
        if one.name in named and one._custom_shell_complete is None
    }
    assert lacking == set(NEW)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_and_argument_says_what_it_is(name: str) -> None:
    told = said(*name.split())
    silent = [
        one.name
        for one in commands()[name].params
        if not getattr(one, "help", None)
        and not (one.metavar and "|" in one.metavar)
        and one.name not in _PLAIN
    ]
    assert silent == [], told


_PLAIN = {"limit", "id_"}
"""Which say it by their name and their place."""


@pytest.mark.parametrize(
    "group", ["", *(name for name in MODULES if any(one.startswith(f"{name} ") for one in commands()))]
)
def test_a_list_of_commands_tells_whole_sentences(group: str) -> None:
    lines = said(*group.split()).partition("\nCommands:\n")[2].splitlines()
    assert lines
    assert [line for line in lines if line.endswith("...") or len(line) > 80] == []


def test_no_first_sentence_is_longer_than_two_lines_of_a_list() -> None:
    from app.cli import sentence

    long = {name: sentence(one.help) for name, one in commands().items() if len(sentence(one.help)) > 130}
    assert long == {}


@pytest.mark.parametrize(
    ("shell", "given"),
    [
        ("bash", {"COMP_WORDS": "leadgate money dep", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "leadgate money dep"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "leadgate money dep", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_a_shell_completes_what_was_begun(shell: str, given: dict[str, str]) -> None:
    told = CliRunner().invoke(
        cli, [], prog_name="leadgate", env={"_LEADGATE_COMPLETE": f"complete_{shell}", **given}
    )
    assert "deposit" in told.stdout
    assert "payment" not in told.stdout
