import json
from pathlib import Path

import pytest

from tests.commands.conftest import Gate, Leadgate, source

LISTS = """
lists:
  - {id: dnc, name: Do not call, of: phone}
  - {id: theirs, of: email, hashed: md5, tell: false}
"""


@pytest.fixture
async def catalogue(leadgate: Leadgate, tmp_path: Path) -> Path:
    file = tmp_path / "lists.yaml"
    file.write_text(LISTS)
    assert (await leadgate("apply", str(file))).exit_code == 0
    return file


async def test_a_file_is_loaded_looked_up_and_taken_off_again(
    catalogue: Path, leadgate: Leadgate, tmp_path: Path
) -> None:
    file = tmp_path / "dnc.csv"
    file.write_text("name,Phone\nAnn,(212) 555-1212\nBob,none\nEve,212.555.1213\n")
    done = await leadgate("list", "load", "dnc", str(file))
    assert done.exit_code == 0, done.output
    assert "dnc: 2 lines from column Phone added; 2 on it" in done.stderr
    assert f"1 line no entry: {file}.errors.csv" in done.stderr
    wrong = (tmp_path / "dnc.csv.errors.csv").read_text()
    assert wrong.splitlines() == ["line,entry,reason", "3,none,is no telephone number"]
    found = await leadgate("list", "check", "+12125551212")
    assert (found.exit_code, found.stdout) == (0, "dnc\n")
    await leadgate("list", "remove", "dnc", "--file", str(file))
    found = await leadgate("list", "check", "+12125551212")
    assert (found.exit_code, found.stdout, found.stderr) == (1, "", "on no list\n")


async def test_what_is_on_each_list_is_shown(catalogue: Path, leadgate: Leadgate) -> None:
    await leadgate("list", "add", "theirs", "ann@example.com", "8eb1b522f60d11fa897de1dc6351b7e9")
    shown = await leadgate("list", "show")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["dnc", "phone", "plain", "0", "never"],
        ["theirs", "email", "md5", "0", "+2", "never", "not", "told", "of"],
    ]
    rows = [json.loads(line) for line in (await leadgate("list", "show", "--json")).stdout.splitlines()]
    assert rows[1]["changes"] == 2


async def test_what_is_no_entry_is_told_and_the_rest_is_done(catalogue: Path, leadgate: Leadgate) -> None:
    told = await leadgate("list", "add", "dnc", "nope", "2125551212")
    assert told.exit_code == 1
    assert "error: entry 1 is no telephone number" in told.stderr
    assert "dnc: 1 value added" in told.stderr
    assert (await leadgate("list", "check", "2125551212")).stdout == "dnc\n"


async def test_a_list_is_cleared_after_a_question(catalogue: Path, leadgate: Leadgate) -> None:
    await leadgate("list", "add", "dnc", "2125551212")
    await leadgate("list", "clear", "dnc", answer="n\n")
    assert (await leadgate("list", "check", "2125551212")).exit_code == 0
    assert (await leadgate("list", "clear", "dnc", "--yes")).exit_code == 0
    assert (await leadgate("list", "check", "2125551212")).exit_code == 1


async def test_what_is_wrong_is_said_in_words(catalogue: Path, leadgate: Leadgate, tmp_path: Path) -> None:
    none = tmp_path / "none.csv"
    none.write_text("a\nb\n")
    for words, code, said in (
        (["load", "nope", str(none)], 1, "there is no list 'nope' (declared: dnc, theirs)"),
        (["load", "dnc", str(tmp_path / "gone")], 2, "is no file"),
        (
            ["load", "dnc", str(none), "--replace"],
            1,
            "none of 2 lines holds an entry; the list stays as it is",
        ),
        (["load", "dnc", str(none), "--column", "z"], 1, "there is no column 'z'; it has a"),
        (["remove", "dnc"], 2, "name the entries, or a --file"),
        (["check", "what"], 1, "it is an entry of no list (dnc, theirs)"),
    ):
        told = await leadgate("list", *words)
        assert (told.exit_code, said in told.stderr) == (code, True), told.stderr


async def test_the_trace_names_the_list_that_a_source_is_not_told_of(
    gate: Gate, leadgate: Leadgate, catalogue: Path
) -> None:
    await leadgate("list", "add", "theirs", "dana@example.org")
    await gate.configure(source("acme", reply="verdict"), check="{check: suppression, lists: [theirs]}")
    told = await leadgate("trace", await gate.post())
    assert "email is on the list theirs (its source is not told)" in told.stdout


async def test_an_empty_list_that_a_check_names_is_told_by_apply_and_by_the_doctor(
    leadgate: Leadgate, tmp_path: Path
) -> None:
    file = tmp_path / "solar.yaml"
    campaign = "{id: solar, fields: {phone: {type: phone}}, checks: [{check: suppression, lists: [dnc]}]}"
    file.write_text(f"lists:\n  - {{id: dnc, of: phone}}\ncampaigns:\n  - {campaign}\n")
    hint = "list dnc is empty, so it suppresses nobody: leadgate list load dnc FILE"
    assert hint in (await leadgate("apply", str(file))).stderr
    assert "list dnc is empty, and a check looks leads up on it" in (await leadgate("doctor")).stdout
    await leadgate("list", "add", "dnc", "2125551212")
    assert hint not in (await leadgate("apply", str(file))).stderr
    assert "1 list, some 1 entries" in (await leadgate("doctor")).stdout


async def test_what_a_load_a_word_or_a_clearing_would_do_is_told_and_not_done(
    catalogue: Path, leadgate: Leadgate, tmp_path: Path
) -> None:
    file = tmp_path / "dnc.csv"
    file.write_text("Phone\n(212) 555-1212\nnone\n")
    dry = await leadgate("list", "load", "dnc", str(file), "--dry-run", "--json")
    assert json.loads(dry.stdout) == {
        "list": "dnc", "how": "add", "taken": 1, "refused": 1, "entries": 0, "changes": 0, "dry_run": True,
    }  # fmt: skip
    assert "dnc: 1 line from column Phone would be added; 0 on it" in dry.stderr
    assert (
        "1 value would be added" in (await leadgate("list", "add", "dnc", "2125551212", "--dry-run")).stderr
    )
    assert (await leadgate("list", "check", "2125551212")).exit_code == 1
    await leadgate("list", "load", "dnc", str(file))
    cleared = await leadgate("list", "clear", "dnc", "--dry-run", "--json")
    assert json.loads(cleared.stdout) == {"list": "dnc", "taken_off": 1, "dry_run": True}
    found = await leadgate("list", "check", "2125551212", "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, {"list": "dnc"})
