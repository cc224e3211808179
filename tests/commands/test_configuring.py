"""`apply` says what this change brings about, and keeps quiet of what was so before."""

import re
from pathlib import Path

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.catalogues import catalogue
from tests.e2e.counting import CountingBuyer

WHY = "deliver.fields.url has confirm_url in it, and LEADGATE_PUBLIC_URL is not set: no delivery of it can be written"


def linked(buyer: CountingBuyer) -> str:
    """A contract that gives its buyer a link to confirm by."""
    whole = contract("sunco-west", buyer.url("sunco-west"))
    return re.sub(r"fields: \{", "fields: {url: confirm_url, ", whole)


@pytest.fixture
def written(tmp_path: Path, buyer: CountingBuyer) -> Path:
    file = tmp_path / "leads.yaml"
    file.write_text(catalogue(source(), linked(buyer)))
    return file


async def test_a_link_to_nowhere_is_warned_of_by_apply_and_by_the_doctor(
    gate: Gate, buyer: CountingBuyer, written: Path, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await leadgate("apply", str(written))
    assert told.exit_code == 0, told.output
    assert f"warning: contract sunco-west: {WHY}\n" in told.stderr
    assert "confirm_url" not in (await leadgate("apply", str(written))).stderr
    lines = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert (lines["contract sunco-west"]["level"], lines["contract sunco-west"]["text"]) == ("warn", WHY)
    monkeypatch.setenv("LEADGATE_PUBLIC_URL", "https://leads.example")
    written.write_text(written.read_text().replace("url: confirm_url", "link: confirm_url"))
    assert "confirm_url" not in (await leadgate("apply", str(written))).stderr
    assert "contract sunco-west" not in {one["name"] for one in objects(await leadgate("doctor", "--json"))}


async def test_a_delivery_with_a_link_to_nowhere_waits_and_says_why(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(deadline="100ms"), linked(buyer))
    lead = await gate.post()
    story = (await leadgate("trace", lead)).stdout
    assert "TryLater unformattable" in story
    assert buyer.answered == []


async def test_an_empty_list_is_spoken_of_once(gate: Gate, tmp_path: Path, leadgate: Leadgate) -> None:
    file = tmp_path / "leads.yaml"
    file.write_text(
        "lists: [{id: dnc, of: phone}]\n"
        + catalogue(source(), check="{check: suppression, lists: [dnc]}").replace(
            "fields:\n", "fields:\n      phone: {type: phone, country: US}\n", 1
        )
    )
    hint = "list dnc is empty"
    first = await leadgate("apply", str(file))
    assert (first.exit_code, hint in first.stderr) == (0, True), first.output
    second = await leadgate("apply", str(file))
    assert (second.stderr, "Nothing to change." in second.stdout) == ("", True)


async def test_what_the_files_say_nothing_of_is_counted_where_it_is_much(
    gate: Gate, buyer: CountingBuyer, tmp_path: Path, leadgate: Leadgate
) -> None:
    many = [contract(f"b{n}", buyer.url(f"b{n}")) for n in range(3)]
    await gate.configure(source(), *many)
    file = tmp_path / "one.yaml"
    file.write_text(catalogue(source("other")).partition("buyers:")[0])
    told = await leadgate("apply", str(file), "--dry-run")
    assert told.exit_code == 0, told.output
    assert "  · not in the file: 1 source, 3 buyers, 3 contracts kept (--prune pauses them)\n" in told.stdout
    assert "b2" not in told.stdout
    [plan] = objects(await leadgate("apply", str(file), "--dry-run", "--json"))
    assert [(one["action"], one["kind"], one["id"]) for one in plan["changes"]] == [
        ("added", "source", "other")
    ]
    assert (plan["against"], plan["version"]) == (1, None)
    [done] = objects(await leadgate("apply", str(file), "--json"))
    assert done["version"] == 2


async def test_what_migrate_would_do_is_told(
    empty_database_url: str, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADGATE_DATABASE_URL", empty_database_url)
    [dry] = objects(await leadgate("migrate", "--dry-run", "--json"))
    assert (dry["before"], dry["dry_run"]) == (None, True)
    assert (await leadgate("doctor")).stdout.count("the database is at nothing") == 1
    [done] = objects(await leadgate("migrate", "--json"))
    assert (done["before"], done["after"]) == (None, dry["after"])
    assert "nothing to do" in (await leadgate("migrate")).stderr
