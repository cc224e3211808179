import json
from pathlib import Path

import pytest

from tests.commands.conftest import Leadgate

TABLES = """
enrichers:
  - id: bands
    ask: {enricher: table, key: {phone: {type: phone, country: US, column: Phone}}, fields: {band: Band}}
  - id: service
    ask: {enricher: http, method: POST, url: "https://s.example/", send: {p: phone}, fields: {band: reply.json.band},
          auth: {bearer: s3cret-token}}
"""


@pytest.fixture
async def catalogue(leadgate: Leadgate, tmp_path: Path) -> Path:
    file = tmp_path / "tables.yaml"
    file.write_text(TABLES)
    assert (await leadgate("apply", str(file))).exit_code == 0
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bands.csv"
    made.write_text("Phone,Band\n(415) 555-2671,A\nnobody,B\n")
    return made


async def test_a_table_is_loaded_shown_looked_up_and_cleared(
    catalogue: Path, leadgate: Leadgate, file: Path
) -> None:
    dry = await leadgate("table", "load", "bands", str(file), "--dry-run", "--json")
    assert json.loads(dry.stdout)["dry_run"], dry.output
    assert (await leadgate("table", "check", "bands", "+1 415 555 2671")).exit_code == 1
    done = await leadgate("table", "load", "bands", str(file))
    assert done.exit_code == 0, done.output
    assert "bands: 2 rows read; 1 in it" in done.stderr or "bands: 1 row read; 1 in it" in done.stderr
    assert f"1 row left out: {file}.errors.csv" in done.stderr
    assert (file.parent / "bands.csv.errors.csv").read_text().splitlines() == [
        "line,entry,reason", "3,nobody,has no phone that a lead could have",
    ]  # fmt: skip
    found = await leadgate("table", "check", "bands", "+1 415 555 2671")
    assert (found.exit_code, found.stdout.split()) == (0, ["Band", "A"])
    (row,) = [json.loads(line) for line in (await leadgate("table", "show", "--json")).stdout.splitlines()]
    assert (row["id"], row["key"], row["fills"], row["rows"]) == ("bands", ["phone"], ["band"], 1)
    assert "1 row would be taken out" in (await leadgate("table", "clear", "bands", "--dry-run")).stderr
    assert (await leadgate("table", "clear", "bands", answer="n\n")).exit_code == 1
    assert (await leadgate("table", "clear", "bands", "--yes")).exit_code == 0
    gone = await leadgate("table", "check", "bands", "+1 415 555 2671")
    assert (gone.exit_code, gone.stderr) == (1, "no such row\n")


async def test_what_can_not_be_done_is_told_with_what_can(
    catalogue: Path, leadgate: Leadgate, file: Path, tmp_path: Path
) -> None:
    told = await leadgate("table", "load", "service", str(file))
    assert (told.exit_code, "there is no table 'service' (declared: bands)" in told.stderr) == (1, True)
    assert (await leadgate("table", "load", "bands", str(tmp_path / "none.csv"))).exit_code == 2
    parquet = tmp_path / "bands.parquet"
    parquet.write_bytes(b"PAR1")
    assert (
        "the file is cut off, or no Parquet"
        in (await leadgate("table", "load", "bands", str(parquet))).stderr
    )
    few = await leadgate("table", "check", "bands", "1", "2")
    assert (few.exit_code, "bands is found by phone: give 1 value" in few.stderr) == (2, True)
    file.write_text("Telephone,Band\n4155552671,A\n")
    other = await leadgate("table", "load", "bands", str(file))
    assert "the file has no column Phone; it has Telephone, Band" in other.stderr


async def test_a_secret_of_an_enricher_is_never_shown_again(catalogue: Path, leadgate: Leadgate) -> None:
    shown = await leadgate("export")
    assert "sealed:v1:" in shown.stdout
    assert "s3cret" not in shown.stdout
    again = catalogue.parent / "again.yaml"
    again.write_text(shown.stdout)
    told = await leadgate("apply", "--dry-run", str(again))
    assert (told.exit_code, "s3cret" in told.output) == (0, False)
    assert "0 to add" in told.output or "nothing" in told.output.lower()
