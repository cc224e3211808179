"""A person is told everything, or erased beside the running service, and the proof is shown later."""

import json
from pathlib import Path

from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.e2e.counting import CountingBuyer


async def a_sold_one(gate: Gate, buyer: CountingBuyer) -> str:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    lead = await gate.post(email="dana@example.org")
    await gate.becomes(lead, "sold")
    return lead


async def test_a_person_is_given_out_in_a_file_of_their_own(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    lead = await a_sold_one(gate, buyer)
    out = tmp_path / "dana.json"
    told = await leadgate("person", "export", "DANA@example.org", "--out", str(out))
    assert told.exit_code == 0, told.output
    assert "dana@" not in told.output.lower()
    assert out.stat().st_mode & 0o077 == 0
    assert [one["id"] for one in json.loads(out.read_text())["leads"]] == [lead]
    again = await leadgate("person", "export", "--lead", lead[-8:], "--out", str(out))
    assert (again.exit_code, again.stderr) == (2, f"error: {out} is there already; name a new file\n")
    printed = await leadgate("person", "export", "--lead", lead[-8:])
    assert json.loads(printed.stdout)["about"] == {"kind": "lead", "value": lead}


async def test_a_person_is_erased_and_the_proof_says_so_without_naming_anybody(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await a_sold_one(gate, buyer)
    dry = await leadgate("person", "erase", "dana@example.org", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "1 lead\nbuyers who were sent it: " in dry.stderr
    assert await gate.one("select count(*) from person_request") == 0
    no = await leadgate("person", "erase", "dana@example.org", answer="n\n")
    assert no.exit_code == 1
    done = await leadgate("person", "erase", "dana@example.org", "--yes")
    assert done.exit_code == 0, done.output
    request = done.stdout.strip()
    proof = await leadgate("person", "proof", request, "--of", "Dana@Example.org")
    assert proof.exit_code == 0, proof.output
    assert "intact   yes\n" in proof.stdout
    assert "of them  yes\n" in proof.stdout
    assert "dana" not in proof.stdout.lower()
    told = json.loads((await leadgate("person", "proof", request, "--json")).stdout)
    assert (told["state"], told["left"], told["rows"]["lead_detail"]) == ("done", 0, 1)
    other = await leadgate("person", "proof", request, "--of", "bob@example.org")
    assert other.exit_code == 1
    assert "of them  no: it was asked for by another contact or lead\n" in other.stdout
    listed = [json.loads(line) for line in (await leadgate("person", "proof", "--json")).stdout.splitlines()]
    assert [(one["id"], one["kind"], one["rows"]) for one in listed if one["id"] == request] == [
        (request, "erase", told["rows"])
    ]
    assert request in (await leadgate("person", "proof")).stdout
    nobody = await leadgate("person", "erase", "dana@example.org", "--yes")
    assert (nobody.exit_code, nobody.stderr) == (1, "nothing is known of that person\n")


async def test_what_is_nobody_is_said_without_being_repeated(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    for words, code, said in (
        (["export", "55"], 1, "error: that is no telephone number of US"),
        (["erase"], 2, "error: name an e-mail, a telephone number or an id"),
        (["erase", "a@example.org", "--lead", "abcdef"], 2, "error: name an e-mail"),
        (["proof", "12"], 1, "error: that is no id"),
    ):
        told = await leadgate("person", *words)
        assert (told.exit_code, told.stderr.startswith(said)) == (code, True), told.stderr
