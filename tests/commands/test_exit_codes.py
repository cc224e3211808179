"""A script can tell from the exit code what went wrong, and a person from the words what to do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.commands.desk import unreachable
from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.e2e.counting import CountingBuyer

UNKNOWN = [
    (("trace", "abcdef12"), "no lead has an id that ends in 'abcdef12'"),
    (("settle", "abcdef12", "sold"), "no delivery has an id that ends in 'abcdef12'"),
    (("replay", "abcdef12"), "no delivery has an id that ends in 'abcdef12'"),
    (("replay", "--contract", "moon"), "there is no contract 'moon' (known: sunco-west)"),
    (("review", "approve", "abcdef12"), "no lead has an id that ends in 'abcdef12'"),
    (("reprocess", "abcdef12"), "no lead has an id that ends in 'abcdef12'"),
    (("returns", "approve", "abcdef12"), "no return has an id that ends in 'abcdef12'"),
    (("pool", "move", "abcdef12", "--to", "all"), "no lead has an id that ends in 'abcdef12'"),
    (("callbacks", "--again", "abcdef12"), "no callback ends in 'abcdef12'; `leadgate callbacks --all` shows them"),
    (("deliveries", "--contract", "moon"), "there is no contract 'moon' (known: sunco-west)"),
    (("money", "recount", "moon"), "there is no buyer 'moon' (known: sunco-west)"),
    (("money", "deposit", "moon", "5"), "there is no buyer 'moon', and nothing was ever booked for one"),
    (("key", "issue", "source", "moon"), "there is no source 'moon' in catalogue v1 (known: acme)"),
    (("key", "revoke", "zzzz"), "no live key ends in 'zzzz'; `leadgate key list` shows them"),
    (("list", "add", "moon", "x"), "there is no list 'moon' (declared: none)"),
    (("table", "show"), ""),
    (("table", "clear", "moon", "--yes"), "there is no table 'moon' (declared: none)"),
    (("source", "live", "moon"), "there is no source 'moon' in catalogue v1 (known: acme)"),
    (("spec", "moon"), "there is no source 'moon' in catalogue v1 (known: acme)"),
    (("trigger", "moon", "--source", "acme"), "there is no campaign 'moon' (known: solar)"),
    (("import", "--cancel", "abcdef12"), "no batch has an id that ends in 'abcdef12'"),
    (("score", "deactivate", "moon"), "no model of moon is in force"),
]  # fmt: skip
USAGE = [
    (("trace", "12"), "give the whole id, or its last 6 characters or more"),
    (("settle", "abcdef12", "perhaps"), "say sold, not-sold or again"),
    (("replay", "--outcome", "sold"), "say dead, waiting, unclear"),
    (("replay",), "name deliveries, or say which: --contract, --outcome, --since"),
    (("report", "--zone", "Mars/Base"), "write America/Los_Angeles"),
    (("deliveries", "--since", "soon"), "write 13:40, 2h, 3d or 2026-11-20"),
    (("key", "issue", "door", "x"), "say source, buyer or user"),
    (("nonsense",), "No such command 'nonsense'"),
]  # fmt: skip


async def test_what_is_unknown_is_refused_with_what_is_known(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    for words, error in UNKNOWN:
        told = await leadgate(*words)
        assert (told.exit_code, error in told.stderr) == (1 if error else 0, True), (words, told.output)


async def test_two_that_end_alike_are_both_named(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    first, other = [await gate.post(email=f"{name}@example.org") for name in "ab"]
    alike = other[:-6] + first[-6:]
    await gate.fetch("update lead set id = $2::text::uuid where id = $1::text::uuid", other, alike)
    told = await leadgate("review", "approve", first[-6:], "--dry-run")
    assert (told.exit_code, first in told.stderr, alike in told.stderr) == (1, True, True), told.output


async def test_what_makes_no_sense_is_wrong_usage(leadgate: Leadgate) -> None:
    for words, error in USAGE:
        told = await leadgate(*words)
        assert (told.exit_code, error in told.stderr) == (2, True), (words, told.output)


@pytest.mark.parametrize(
    "words",
    [("returns",), ("pool", "--json"), ("money", "balance"), ("doctor",), ("replay", "--since", "2h")],
)
async def test_a_database_that_is_away_is_not_reachable(
    words: tuple[str, ...], leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADGATE_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    told = await leadgate(*words)
    assert (told.exit_code, told.stdout) == (3, "")
    assert "Is the service running, and LEADGATE_DATABASE_URL or --data-dir right?" in told.stderr


def test_a_directory_that_was_mistyped_is_not_begun(tmp_path: Path) -> None:
    wrong = tmp_path / "typo"
    for words in (("money", "balance"), ("doctor",), ("report", "--json"), ("migrate", "--dry-run")):
        told = CliRunner().invoke(cli, [*words, "--data-dir", str(wrong)])
        assert (told.exit_code, told.stdout) == (3, "")
        assert f"there is no leadgate in {wrong}\nSay where it is: --data-dir" in told.stderr
        assert not wrong.exists()


def test_a_directory_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    told = CliRunner().invoke(cli, ["pool", "--data-dir", str(file)])
    assert told.exit_code == 3
    assert f"the data directory {file} can't be used: File exists\nName another by --data-dir" in told.stderr


async def test_a_plan_with_changes_has_a_code_of_its_own_where_that_is_asked(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    exported = (await leadgate("export")).stdout
    file = tmp_path / "leads.yaml"
    file.write_text(exported)
    same = await leadgate("apply", str(file), "--dry-run", "--exit-code")
    assert same.exit_code == 0, same.output
    file.write_text(exported.replace("12.50", "13.50"))
    assert (await leadgate("apply", str(file), "--dry-run")).exit_code == 0
    assert (await leadgate("apply", str(file), "--dry-run", "--exit-code")).exit_code == 4
    file.write_text("campaigns: [")
    assert (await leadgate("apply", str(file))).exit_code == 1
    assert (await leadgate("apply", str(tmp_path / "none.yaml"))).exit_code == 2


def test_a_full_disk_is_not_taken_for_a_wrong_address() -> None:
    told = unreachable(
        'connection to server on socket "x" failed: FATAL: could not write init file: No space left on device'
    )
    assert "disk is full: make room" in told
    assert "--data-dir" not in told
    assert "--data-dir" in unreachable("connection refused")
