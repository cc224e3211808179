"""What Tab completes: ids of the catalogue that is there now, never a lead's, and nothing where nobody can be asked."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from tests.commands.conftest import Gate, contract, source

POOL = """
  - id: inside
    people: [{id: dana}, {id: dirk}]
    contracts: [{id: inside-pool, campaign: solar, deliver: {adapter: internal}}]
"""


async def tab(typed: str) -> list[str]:
    """What fish is told for a line that was begun."""
    env = {
        "_LEADGATE_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": f"leadgate {typed}",
    }  # fmt: skip
    told = await asyncio.to_thread(CliRunner().invoke, cli, [], prog_name="leadgate", env=env)
    assert told.stderr == ""
    return [line.partition("\t")[0] for line in told.stdout.splitlines() if line]


@pytest.fixture
async def configured(gate: Gate) -> None:
    await gate.configure(
        source(),
        contract("sunco-west", "https://buyer.example/w"),
        contract("sunco-east", "https://buyer.example/e"),
    )


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("trigger s", ["solar"]),
        ("route lead.json --source a", ["acme"]),
        ("deliveries --contract sunco-", ["sunco-east", "sunco-west"]),
        ("deliveries --contract sunco-w", ["sunco-west"]),
        ("deliveries --contract nobody", []),
        ("money deposit sunco-e", ["sunco-east"]),
        ("key issue s", ["source"]),
        ("key issue source ", ["acme"]),
        ("key issue buyer ", ["sunco-east", "sunco-west"]),
        ("statement source a", ["acme"]),
        ("settle b5590ef2 n", ["not-sold"]),
        ("returns --color n", ["never"]),
        ("trace 0", []),
    ],
)
async def test_ids_are_completed_from_the_catalogue(configured: None, typed: str, ids: list[str]) -> None:
    assert await tab(typed) == ids


async def test_who_claims_is_a_person_of_a_buyer(gate: Gate) -> None:
    await gate.configure(source(), POOL)
    assert await tab("pool claim --as inside/d") == ["inside/dana", "inside/dirk"]
    assert await tab("key issue user inside/di") == ["inside/dirk"]


async def test_what_was_removed_is_not_completed(gate: Gate) -> None:
    from app.store.catalogue import CatalogueStore, Change

    await gate.configure(source())
    store = CatalogueStore(gate.database)
    assert await store.ids("source", "", 10) == ["acme"]
    gone = [Change(kind="source", id="acme", doc=None)]
    await store.save(gone, by="test", summary="", expected=await store.version())
    assert await store.ids("source", "", 10) == []


async def test_without_a_database_nothing_is_completed_started_or_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEADGATE_DATABASE_URL", raising=False)
    assert await tab(f"deliveries --data-dir {tmp_path / 'none'} --contract s") == []
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("LEADGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert await tab("deliveries --contract s") == []
