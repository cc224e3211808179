"""A lead is found by the end of its id, and its person is seen only by who asks and is written down."""

import asyncio
import threading
from uuid import UUID

import pytest

from app.commands.trace import print_trace
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.books import until
from tests.e2e.counting import CountingBuyer, rejects


async def a_sold_one(gate: Gate, buyer: CountingBuyer) -> str:
    buyer.says["horizon-ca"] = rejects
    await gate.configure(
        source(),
        contract("horizon-ca", buyer.url("horizon-ca"), price="45.00"),
        contract("sunco-west", buyer.url("sunco-west")),
        contract("sunco-nv", buyer.url("sunco-nv"), more='when: lead.state == "NV"'),
        contract("known", buyer.url("known"), more='when: lead.email == "eve@example.org"'),
        contract("full", buyer.url("full"), price="99", caps="[{per: day, leads: 0}]"),
    )
    lead = await gate.post(utm_term="x")
    await gate.becomes(lead, "sold")
    return lead


@pytest.mark.parametrize("cut", [-6, -8, 0])
async def test_by_its_id_or_the_end_of_it(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, cut: int
) -> None:
    lead = await a_sold_one(gate, buyer)
    told = await leadgate("trace", ("…" if cut else "") + lead[cut:])
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(f"lead {lead}   sold   solar ← acme   ")
    assert "dana" not in told.stdout.lower()


async def test_who_was_left_out_is_named_with_rule_and_masked_value(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_sold_one(gate, buyer)
    told = (await leadgate("trace", lead, "--all")).stdout
    assert "left out: 2 filter, 1 cap\n" in told
    assert '  sunco-nv  filter  lead.state == "NV"               lead.state == "CA" → false\n' in told
    assert 'lead.email == "eve@example.org"  lead.email == "d•••@example.org" → false\n' in told
    assert "  full      cap     cap per day " in told


async def test_the_bytes_of_an_attempt_without_the_person(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_sold_one(gate, buyer)
    told = (await leadgate("trace", lead, "--bytes", "2")).stdout
    assert f"--> POST {buyer.url('sunco-west')}\n" in told
    assert '    {"email":"•••"}\n' in told
    assert '{"status": "accepted", "id": "ref-' in told
    assert "read as: Accepted ref-" in told
    none = await leadgate("trace", lead, "--bytes", "3")
    assert none.exit_code == 2
    assert "there is no attempt 3 of this lead; there is 1 to 2" in none.stderr


async def test_who_reveals_is_asked_and_stands_in_the_story(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_sold_one(gate, buyer)
    no = await leadgate("trace", lead, "--bytes", "2", "--reveal", answer="n\n")
    assert no.exit_code == 1
    assert "dana@example.org" not in no.output
    yes = await leadgate("trace", lead, "--bytes", "2", "--reveal", "--yes")
    assert '{"email":"dana@example.org"}' in yes.stdout
    assert await gate.one("select count(*) from lead_event where kind = 'revealed'") == 1
    assert "· revealed " in (await leadgate("trace", lead)).stdout


async def test_as_an_object_it_is_masked_too(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead = await a_sold_one(gate, buyer)
    [told] = objects(await leadgate("trace", lead, "--json"))
    assert (told["id"], told["state"], told["price"], told["revenue"]) == (lead, "sold", "12.50", "42.00")
    assert told["fields"]["email"]["normal"] == "d•••@example.org"
    assert [a["outcome"] for a in told["attempts"]] == ["Rejected", "Accepted"]
    assert [a["status"] for a in told["attempts"]] == [200, 200]


async def test_a_refused_body_and_an_undecided_submission_are_found_too(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await a_sold_one(gate, buyer)
    answer = await gate.http.post(
        "/v1/leads", content=b'{"email":', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400

    async def noted() -> str | None:
        found = await gate.one("select id from refusal")
        return str(found) if found else None

    refused = await until(noted, within=5)
    told = await leadgate("trace", refused[-8:])
    assert f"body {refused}   refused   acme" in told.stdout
    assert "✕ refused   " in told.stdout
    parked = "01a20211-8833-76df-b67d-c0ae9210bcee"
    await gate.fetch(
        "insert into submission (id, source, received_at, content_type, body) values ($1, 'acme', now(), 'text/plain', 'x')",
        UUID(parked),
    )
    await gate.fetch("insert into inbox (submission_id, parked) values ($1, 'source_gone')", UUID(parked))
    told = await leadgate("trace", parked[-8:])
    assert "! parked     source_gone: it is kept" in told.stdout


async def test_what_is_no_lead_is_told(gate: Gate, leadgate: Leadgate) -> None:
    assert (await leadgate("trace", "12345")).exit_code == 2
    assert (await leadgate("trace", "not-an-id")).exit_code == 2
    missing = await leadgate("trace", "01a20211-8833-76df-b67d-c0ae9210bcee")
    assert missing.exit_code == 1
    assert "there is no lead 01a20211" in missing.stderr


async def test_the_demo_prints_it_from_a_thread_beside_the_service(
    gate: Gate, buyer: CountingBuyer, capsys: pytest.CaptureFixture[str]
) -> None:
    lead = await a_sold_one(gate, buyer)
    thread = threading.Thread(target=print_trace, args=(gate.settings, lead))
    thread.start()

    await asyncio.to_thread(thread.join)
    assert f"lead {lead}   sold   solar ← acme" in capsys.readouterr().out
