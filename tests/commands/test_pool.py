"""`leadgate pool`: what lies there and who has it, and a person's words, spoken by somebody else."""

import re
from pathlib import Path

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer
from tests.pipeline.pools import pooling

OFFER = ", offer: {team: west, for: 10m, then: [{team: all, for: 20m}, {to: house}]}"


@pytest.fixture
async def lead(gate: Gate, buyer: CountingBuyer) -> str:
    """One in the pool of `inside`."""
    house = contract("house", buyer.url("house"), price="0", more='when: lead.state == "NV"')
    await gate.configure(source(), pooling(deliver=OFFER), house)
    lead = await gate.post(email="ann@example.org", first_name="Ann")
    await gate.becomes(lead, "pooled")
    return lead


async def test_what_lies_there_is_shown_without_the_person(gate: Gate, lead: str, leadgate: Leadgate) -> None:
    told = await leadgate("pool")
    assert told.exit_code == 0, told.output
    assert re.match(
        rf"{lead[-8:]}  inside-pool  solar  \d+ s  offered to team west for (10|9) min", told.stdout
    )
    assert "ann" not in told.output.lower()
    assert (await leadgate("pool", "--team", "east")).stderr == "nothing is in the pool\n"
    [found] = objects(await leadgate("pool", "--buyer", "inside", "--json"))
    assert (found["lead_id"], found["team"], found["person"]) == (lead, "west", None)


async def test_it_is_claimed_moved_released_and_closed_for_people(
    gate: Gate, lead: str, leadgate: Leadgate
) -> None:
    claimed = await leadgate("pool", "claim", "--as", "inside/dana", lead[-8:])
    assert claimed.exit_code == 0, claimed.output
    assert re.match(rf"{lead} is Dana's for 1\d min( \d+ s)?, 3 renewals left\n", claimed.stdout)
    assert "  email       ann@example.org" in claimed.stdout
    assert "inside/dana has it for 1" in (await leadgate("pool")).stdout
    taken = await leadgate("pool", "claim", "--as", "inside/sam", lead)
    assert (taken.exit_code, taken.stderr[:20]) == (1, "error: taken by Dana")
    moved = await leadgate("pool", "move", lead, "--to", "east")
    assert moved.stdout == f"…{lead[-8:]} is offered to team east; inside/dana had it\n"
    [kim] = objects(await leadgate("pool", "claim", "--as", "inside/kim", "--json"))
    assert (kim["lead"], kim["fields"]["email"]) == (lead, "ann@example.org")
    freed = await leadgate("pool", "release", lead, "--as", "inside/kim", "--reason", "on leave")
    assert freed.stdout == f"…{lead[-8:]} is released, and offered to team east\n"
    await leadgate("pool", "move", lead, "--to", "all")
    await leadgate("pool", "claim", "--as", "inside/sam")
    closed = await leadgate("pool", "close", lead, "--as", "inside/sam", "--reference", "D-7")
    assert closed.stdout == f"…{lead[-8:]} is sold\n"
    story = (await leadgate("trace", lead)).stdout
    for line in (
        "⬓ inside-pool   Pooled", "✓ answered      202 pending, pooled, to acme", "· outcome       success, price 12.50", "· claimed       inside-pool, by inside/dana", "· moved ", "· offered       inside-pool, to east",
        "· released      inside-pool, on leave, by inside/kim", "· closed        inside-pool, Accepted D-7, by inside/sam",
    ):  # fmt: skip
        assert line in story, story


async def test_each_word_is_tried_before_it_is_said(gate: Gate, lead: str, leadgate: Leadgate) -> None:
    dry = await leadgate("pool", "claim", "--as", "inside/dana", "--dry-run")
    assert dry.stdout == f"…{lead[-8:]} of inside-pool would be Dana's\n"
    [moved] = objects(await leadgate("pool", "move", lead, "--to", "east", "--dry-run", "--json"))
    assert (moved["team"], moved["dry_run"]) == ("east", True)
    [before] = objects(await leadgate("pool", "--json"))
    assert (before["person"], before["team"]) == (None, "west")
    await leadgate("pool", "claim", "--as", "inside/dana")
    freed = await leadgate("pool", "release", lead, "--as", "inside/dana", "--dry-run")
    assert freed.stdout.startswith(f"…{lead[-8:]} would be released, and offered to ")
    [closed] = objects(await leadgate("pool", "close", lead, "--as", "inside/dana", "--dry-run", "--json"))
    assert closed == {"lead": lead, "state": "sold", "asked": [], "dry_run": True}
    [after] = objects(await leadgate("pool", "--json"))
    assert after["person"] == "dana"


async def test_refused_by_a_person_the_service_hands_it_on(
    gate: Gate, lead: str, leadgate: Leadgate, buyer: CountingBuyer
) -> None:
    await gate.configure(source(), pooling(price="50.00"), contract("next", buyer.url("next")))
    await leadgate("pool", "claim", "--as", "inside/dana")
    closed = await leadgate("pool", "close", lead, "--as", "inside/dana", "--rejected", "no roof")
    assert closed.stdout == f"…{lead[-8:]} is delivering and goes to next\n"
    await gate.becomes(lead, "sold")


async def test_who_is_nobody_is_told_how_people_are_called(gate: Gate, lead: str, leadgate: Leadgate) -> None:
    said = await leadgate("pool", "claim", "--as", "dana")
    assert (said.exit_code, said.stderr) == (
        2,
        "error: 'dana' is nobody; write BUYER/PERSON, as inside/dana\n",
    )
    assert (await leadgate("pool", "claim", "--as", "inside/eve")).exit_code == 1
    assert (await leadgate("pool", "move", lead, "--to", "north")).exit_code == 1
    assert (await leadgate("pool", "release", lead, "--as", "inside/dana")).exit_code == 1


async def test_a_key_is_issued_to_a_person_who_is_configured(
    gate: Gate, lead: str, leadgate: Leadgate
) -> None:
    issued = await leadgate("key", "issue", "user", "inside/dana")
    assert issued.exit_code == 0, issued.output
    answer = await gate.http.post("/v1/pool/claim", json={}, headers={"Authorization": "", "X-API-Key": "no"})
    assert answer.status_code == 401
    refused = await leadgate("key", "issue", "user", "inside/eve")
    assert "inside/dana, inside/sam, inside/kim" in refused.stderr


async def test_doctor_tells_of_the_pool_and_of_rows_that_disagree(
    gate: Gate, lead: str, leadgate: Leadgate
) -> None:
    assert (
        "ok    pool            1 free, 0 claimed; the oldest free one since "
        in (await leadgate("doctor")).stdout
    )
    await gate.fetch("update pool set pooled_at = now() - interval '3 days'")
    assert "warn  pool " in (await leadgate("doctor")).stdout
    await gate.fetch("delete from pool")
    assert (
        "fail  pool            0 rows without a pooled delivery, 1 pooled deliveries"
        in (await leadgate("doctor")).stdout
    )


async def test_route_says_beforehand_to_whom_it_would_be_offered(
    gate: Gate, lead: str, leadgate: Leadgate, tmp_path: Path
) -> None:
    file = tmp_path / "lead.json"
    file.write_text('{"first_name": "Bo", "email": "bo@example.org", "state": "CA"}')
    told = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert told.exit_code == 0, told.output
    lines = [line.strip() for line in told.stdout.splitlines()]
    begin = lines.index("--> OFFER pool:inside-pool")
    assert lines[begin + 2 : begin + 5] == [
        "team west for 10m", "everybody of the buyer for 20m", "contract house",
    ]  # fmt: skip
