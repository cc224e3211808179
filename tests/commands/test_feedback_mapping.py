"""A buyer's own file is taken in by a mapping: one of its configuration, or one in a file beside it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.commands.test_returns import Desk
from tests.e2e.counting import CountingBuyer

MAPPING = 'when: item.Type != "in"\nitem: {delivery_id: "item[\'Our ID\']", code: item.Result}\n'
WORDS = """feedback:
      words: {Sale: won, Spoke: contacted}
      mappings: [{id: crm, each: deals, item: {delivery_id: item.ref, code: item.stage}}]
    contracts:"""


@pytest.fixture
async def desk(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> Desk:
    one = contract("sunco-west", buyer.url("sunco-west")).replace("contracts:", WORDS)
    await gate.configure(source(), one)
    return Desk(gate, leadgate)


async def fed(desk: Desk, folder: Path, mapping: str, *words: str, body: str, name: str = "f.csv") -> Any:
    (folder / "m.yaml").write_text(MAPPING)
    return await desk.fed(folder, body, "--mapping", mapping, *words, name=name)


async def kept(desk: Desk) -> list[str]:
    return [row[0] for row in await desk.gate.fetch("select code from feedback order by code")]


async def test_a_file_of_a_dialer_is_read_by_a_mapping_beside_it(desk: Desk, tmp_path: Path) -> None:
    ours, file = await desk.sold(1), str(tmp_path / "m.yaml")
    table = f"Our ID,Result,Type,Agent\n{ours},Spoke,out,Zoë\n{ours},Sale,in,\nnobody,Sale,out,\n{ours},Sale,out,\n"
    counts = "accepted 2  unmatched 1  passed over 1\n"
    dry = await fed(desk, tmp_path, file, "--dry-run", body=table)
    assert (dry.exit_code, dry.stdout) == (1, f"4 rows, would be: {counts}")
    assert await kept(desk) == []
    left = tmp_path / "left.csv"
    told = await fed(desk, tmp_path, file, "--errors", str(left), body=table)
    assert told.stdout == f"4 rows, {counts}"
    assert left.read_text().splitlines()[1].startswith("3,unmatched,"), "rows are counted as they stand"
    assert await kept(desk) == ["contacted", "won"]
    again = await fed(desk, tmp_path, file, "--json", body=table)
    assert json.loads(again.stdout) == {
        "buyer": "sunco-west", "rows": 4, "duplicate": 2, "unmatched": 1, "passed_over": 1, "dry_run": False,
    }  # fmt: skip


async def test_a_mapping_of_the_buyer_is_named_by_its_id(desk: Desk, tmp_path: Path) -> None:
    ours = await desk.sold(1)
    file = tmp_path / "deals.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"deals": [{"ref": ours, "stage": "Sale"}, None]}).encode()))
    told = await desk.leadgate("feedback", "import", str(file), "--buyer", "sunco-west", "--mapping", "crm")
    assert (told.exit_code, told.stdout) == (0, "2 rows, accepted 1  passed over 1\n")
    assert await kept(desk) == ["won"]


async def test_a_mapping_that_is_none_is_told_with_its_place_and_nothing_is_kept(
    desk: Desk, tmp_path: Path
) -> None:
    table = "Our ID,Result\nx,Sale\n"
    lost = await fed(desk, tmp_path, "hubspot", body=table)
    assert lost.exit_code == 2
    assert "hubspot can't be read as a mapping: No such file" in lost.stderr
    assert "(mappings of sunco-west: crm)" in lost.stderr
    assert (await fed(desk, tmp_path, str(tmp_path), body=table)).exit_code == 2
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"item: \xff")
    assert "no text in UTF-8" in (await fed(desk, tmp_path, str(bad), body=table)).stderr
    bad.write_text("item:\n  delivery_id: item.ref +\n  colour: item.x\n")
    told = await fed(desk, tmp_path, str(bad), body=table)
    assert (told.exit_code, "Nothing was changed." in told.stderr) == (1, True)
    assert f"{bad}:2:" in told.stderr
    assert await kept(desk) == []
