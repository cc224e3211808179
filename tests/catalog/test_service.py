"""apply and export, on a real database."""

import asyncio

import pytest

from app.catalog.problems import CatalogueErrors
from app.catalog.sealing import Sealer
from app.catalog.service import Applied, Configuration
from app.core.errors import Conflict
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from tests.catalog.components import KINDS
from tests.catalog.test_reading import HOUSE

SEALER = Sealer(b"k" * 32)


@pytest.fixture
def configuration(database: Database) -> Configuration:
    return Configuration(CatalogueStore(database), KINDS, SEALER)


async def stored(database: Database) -> str:
    async with database.acquire() as connection:
        return str(await connection.fetch("select *, doc::text as text from configured"))


async def test_a_file_is_applied_once_and_then_there_is_nothing_to_change(
    configuration: Configuration,
) -> None:
    first = await configuration.apply([("h.yaml", HOUSE)], by="dana")
    again = await configuration.apply([("h.yaml", HOUSE)], by="dana")
    assert (first.version, again.version) == (1, None)
    assert "Plan: 4 to add, 0 to change, 0 to remove.   Against v0. Now v1." in first.text()
    assert again.text().endswith("Nothing to change.")
    assert (await configuration.current())[0] == 1


async def test_a_dry_run_plans_and_writes_nothing(configuration: Configuration, database: Database) -> None:
    planned = await configuration.apply([("h.yaml", HOUSE)], by="dana", dry_run=True)
    assert planned.version is None
    assert planned.text().endswith("Against v0. Nothing was changed.")
    assert await stored(database) == "[]"


async def test_a_file_with_one_fault_changes_nothing(
    configuration: Configuration, database: Database
) -> None:
    with pytest.raises(CatalogueErrors):
        await configuration.apply([("h.yaml", HOUSE.replace("lead.bill", "lead.bil"))], by="dana")
    assert await stored(database) == "[]"


async def test_secrets_stand_sealed_in_the_rows(configuration: Configuration, database: Database) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    rows = await stored(database)
    assert "sealed:v1:" in rows
    assert "hunter2" not in rows


async def test_what_is_exported_applies_as_nothing_to_change(configuration: Configuration) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    text = await configuration.export()
    assert "hunter2" not in text
    assert list(text.splitlines())[2:5] == [
        "    fields:",
        "      first_name: {type: name, required: true}",
        "      email: {type: email, required: true}",
    ]
    assert (await configuration.apply([("export.yaml", text)], by="dana")).plan.empty


async def test_an_export_of_another_installation_is_refused_by_its_seals(
    configuration: Configuration, database: Database
) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    other = Configuration(CatalogueStore(database), KINDS, Sealer(b"o" * 32))
    with pytest.raises(CatalogueErrors) as caught:
        await other.apply([("export.yaml", await configuration.export())], by="li")
    assert [p.hint for p in caught.value.problems] == ["write the secret itself"]


async def test_a_part_of_the_catalogue_can_be_applied_alone(configuration: Configuration) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    source = "sources:\n  - {id: acme, campaign: solar, price: 13}\n"
    changed = await configuration.apply([("s.yaml", source)], by="dana")
    assert changed.version == 2
    _, catalogue = await configuration.current()
    assert (str(catalogue.sources[0].price), len(catalogue.buyers[0].contracts)) == ("13.00", 1)


async def test_an_older_version_can_be_exported_and_applied_again(configuration: Configuration) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    first = await configuration.export()
    await configuration.apply([("h.yaml", HOUSE.replace("42.00", "43.00"))], by="dana")
    assert await configuration.export(1) == first
    await configuration.apply([("v1.yaml", await configuration.export(1))], by="dana")
    assert await configuration.export() == first


async def test_of_two_that_apply_at_once_one_is_told_to_look_again(configuration: Configuration) -> None:
    both = [configuration.apply([("h", HOUSE.replace("42.00", f"4{n}.00"))], by="x") for n in range(2)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert {type(result) for result in results} <= {Conflict, Applied}
    assert (await configuration.current())[0] == sum(not isinstance(r, Conflict) for r in results)


async def test_the_history_says_who_did_what(configuration: Configuration, database: Database) -> None:
    await configuration.apply([("h.yaml", HOUSE)], by="dana")
    await configuration.apply([("h.yaml", HOUSE.replace("hunter2", "hunter3"))], by="li")
    async with database.acquire() as connection:
        rows = await connection.fetch("select by_whom, summary from catalogue_version order by version")
    assert [tuple(row) for row in rows] == [
        ("dana", "added campaign solar; added source acme; added buyer sunco; added contract sunco-west"),
        ("li", "changed contract sunco-west"),
    ]
