"""What buyers give back is decided at a terminal as by a program, and files of their feedback are counted row by row."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

RETURNS = "returns: {window: 7d, reasons: [wrong_number, duplicate], review_within: 2d, then: approve}"


class Desk:
    def __init__(self, gate: Gate, leadgate: Leadgate) -> None:
        self.gate, self.leadgate = gate, leadgate

    async def sold(self, n: int) -> str:
        lead = await self.gate.post(email=f"a{n}@example.org")
        await self.gate.becomes(lead, "sold")
        found = await self.gate.one("select id::text from delivery where lead_id = $1::text::uuid", lead)
        assert isinstance(found, str)
        return found

    async def fed(self, folder: Path, text: str, *words: str, name: str = "f.csv") -> Any:
        file = folder / name
        file.write_text(text)
        return await self.leadgate("feedback", "import", str(file), "--buyer", "sunco-west", *words)

    async def requested(self, folder: Path, *deliveries: str) -> list[str]:
        rows = "".join(f"{one},return,wrong_number\n" for one in deliveries)
        told = await self.fed(folder, f"delivery_id,type,reason\n{rows}")
        assert told.exit_code == 0, told.output
        return [one["id"] for one in objects(await self.leadgate("returns", "--json"))]


@pytest.fixture
async def desk(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> Desk:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west"), more=RETURNS))
    return Desk(gate, leadgate)


async def test_returns_are_shown_and_decided_one_by_one(
    desk: Desk, leadgate: Leadgate, tmp_path: Path
) -> None:
    deliveries = [await desk.sold(n) for n in range(3)]
    first, second, third = await desk.requested(tmp_path, *deliveries)
    shown = await leadgate("returns")
    assert shown.exit_code == 0, shown.output
    assert f"{first[-8:]}  sunco-west  sunco-west  wrong_number  42.00 USD" in shown.stdout
    assert "approve in " in shown.stdout
    dry = await leadgate("returns", "approve", first[-8:], "--dry-run")
    assert dry.stdout == (
        f"…{first[-8:]} would be approved: 42.00 USD credited to sunco-west, acme is not paid 12.50\n"
    )
    [told] = objects(await leadgate("returns", "deny", first, "--reason", "no", "--dry-run", "--json"))
    assert (told["id"], told["state"], told["changed"], told["dry_run"]) == (first, "denied", True, True)
    done = await leadgate("returns", "approve", first, second[-8:])
    assert (done.exit_code, done.stdout.count(" is approved: ")) == (0, 2)
    again = await leadgate("returns", "approve", first)
    assert again.stdout.startswith(f"…{first[-8:]} was already approved: 42.00 USD credited")
    mixed = await leadgate("returns", "deny", first, third, "--reason", "she answered")
    assert mixed.exit_code == 1
    assert f"…{third[-8:]} is denied: she answered" in mixed.stdout
    assert "approved already; that is not undone" in mixed.stderr
    assert (await leadgate("returns")).stderr == "no return waits for a person\n"
    assert "she answered" in (await leadgate("returns", "--state", "denied")).stdout
    assert (await leadgate("returns", "--state", "lost")).exit_code == 2
    assert (await leadgate("returns", "approve", "abcdef")).exit_code == 1


async def test_what_was_said_and_shown_is_read_in_turn(
    desk: Desk, leadgate: Leadgate, tmp_path: Path
) -> None:
    delivery = await desk.sold(1)
    (request,) = await desk.requested(tmp_path, delivery)
    assert "evidence" not in (await leadgate("returns")).stdout
    rows = f"{delivery},return,wrong_number,rec \x1b[31m17,\n{delivery},return,wrong_number,rec 18,hm\n"
    told = await desk.fed(tmp_path, f"delivery_id,type,reason,evidence,note\n{rows}")
    assert (told.exit_code, told.stdout) == (0, "2 rows, pending 2\n")
    assert "2 pieces of evidence" in (await leadgate("returns")).stdout
    shown = await leadgate("returns", "show", request[-8:])
    assert shown.exit_code == 0, shown.output
    first, *lines = shown.stdout.splitlines()
    assert first.startswith(f"{request[-8:]}  sunco-west")
    assert [line.split("  ", 1)[1].split(" for ")[0].split("  ")[0] for line in lines] == [
        "requested", "evidence", "evidence",
    ]  # fmt: skip
    assert lines[1].endswith("rec  [31m17")
    assert lines[2].endswith("hm · rec 18")
    assert "\x1b" not in shown.stdout
    [document] = objects(await leadgate("returns", "show", request, "--json"))
    assert (document["evidence"], [one["evidence"] for one in document["words"]]) == (
        2, ["", "rec \x1b[31m17", "rec 18"],
    )  # fmt: skip
    assert (await leadgate("returns", "show", "0" * 8)).exit_code == 1


async def test_a_file_is_counted_by_what_became_of_its_rows(
    desk: Desk, leadgate: Leadgate, tmp_path: Path
) -> None:
    one, two = await desk.sold(1), await desk.sold(2)
    await desk.gate.fetch(
        "update delivery set ended_at = now() - interval '8 days' where id = $1::text::uuid", two
    )
    table = (
        "delivery_id,type,code,agent\n"
        f"{one},,contacted,Zoë\n{one},,contacted,Zoë\n{two},return,duplicate,\nnobody,,won,\n{one},,,\n"
    )
    dry = await desk.fed(tmp_path, table, "--dry-run")
    counts = "accepted 1  duplicate 1  unmatched 1  late 1  rejected 1\n"
    assert (dry.exit_code, dry.stdout) == (1, f"5 rows, would be: {counts}")
    told = await desk.fed(tmp_path, table, "--errors", str(tmp_path / "left.csv"))
    assert told.stdout == f"5 rows, {counts}"
    left = (tmp_path / "left.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in left[1:]] == [
        ["3", "rejected", "too_late"], ["4", "unmatched", "unmatched"], ["5", "rejected", "needs_code"],
    ]  # fmt: skip
    lines = f'{{"delivery_id": "{one}", "code": "hm"}}\n'
    assert (await desk.fed(tmp_path, lines, name="f.ndjson")).stdout == "1 row, accepted 1\n"
    assert (await leadgate("feedback", "words")).stdout == "sunco-west  1  hm\n"
    assert (
        await leadgate("feedback", "import", str(tmp_path / "none.csv"), "--buyer", "sunco-west")
    ).exit_code == 1
    assert "no buyer" in (await leadgate("feedback", "import", "x", "--buyer", "nobody")).stderr


async def test_the_trace_tells_what_became_of_a_lead(desk: Desk, leadgate: Leadgate, tmp_path: Path) -> None:
    delivery = await desk.sold(1)
    lead = await desk.gate.one("select lead_id::text from delivery where id = $1::text::uuid", delivery)
    await desk.fed(tmp_path, f"delivery_id,code,note\n{delivery},contacted,ann@example.org said so\n")
    (request,) = await desk.requested(tmp_path, delivery)
    await leadgate("returns", "approve", request, "--reason", "well then")
    told = (await leadgate("trace", lead)).stdout
    assert "· feedback" in told
    assert "sunco-west, contacted, by " in told
    assert f"sunco-west, wrong_number, return {request[-8:]}, by " in told
    assert "↶ return" in told
    assert "approved, credited 42.00 USD, its source is not paid 12.50, well then" in told
    assert "\nbought 0.00, sold 0.00, margin 0.00 USD " in told
    document = objects(await leadgate("trace", lead, "--json"))[0]
    assert [one["code"] for one in document["feedback"]] == ["contacted", "wrong_number"]
    assert "ann@example.org" not in str(document["feedback"])
    assert document["returns"][0]["state"] == "approved"
