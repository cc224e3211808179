"""A new source begins with tests, goes live when they are well, and is seen beside the others."""

import json
import re

import httpx
import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

LEAD = {"first_name": "Dana", "email": "dana@example.org", "state": "CA", "bill": 120}


async def outcome(gate: Gate, key: str, **lead: str) -> httpx.Response:
    await gate.process.catalogue.refresh()
    return await gate.http.post("/v1/leads", json=LEAD | lead, headers={"Authorization": f"Bearer {key}"})


async def test_a_source_is_added_in_test_mode_and_goes_live(
    gate: Gate, leadgate: Leadgate, buyer: CountingBuyer
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    added = await leadgate(
        "source", "add", "vendor", "--campaign", "solar", "--price", "9.5", "--name", "A, B: «C»"
    )
    assert added.exit_code == 0, added.output
    assert re.fullmatch(r"lg_src_\S+\n", added.stdout), "the key alone"
    key = added.stdout.strip()
    assert "leadgate source live vendor" in added.stderr
    assert "not in the file" not in added.stderr
    assert key not in added.stderr
    assert (await outcome(gate, key)).json()["outcome"] == "success"
    assert [tuple(row) for row in await gate.fetch("select source, test from lead")] == [("vendor", True)]

    assert "test true → false" in " ".join((await leadgate("source", "live", "vendor")).stdout.split())
    assert (await outcome(gate, key)).json()["price"] == "9.50"
    assert await gate.one("select count(*) from lead where not test") == 1
    again = await leadgate("source", "live", "vendor")
    assert (again.exit_code, again.stdout) == (0, "vendor is live already\n")

    await leadgate("source", "test", "vendor")
    await outcome(gate, key, email="no_buyer@leadgate.example")
    assert await gate.one("select count(*) from lead where not test") == 1


async def test_the_link_that_is_printed_opens_the_instructions(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    added = await leadgate("source", "add", "vendor", "--campaign", "solar")
    await gate.process.catalogue.refresh()
    (path,) = re.findall(r"http://127.0.0.1:8000(/spec/vendor\S+)", added.stderr)
    page = await gate.http.get(path, headers={"Authorization": ""})
    assert page.status_code == 200
    assert "Test mode" in page.text
    alone = await leadgate("spec", "vendor", "--link", "--days", "2")
    assert re.fullmatch(r"http://127.0.0.1:8000/spec/vendor\?expires=[0-9]+&sig=[\w-]{43}\n", alone.stdout)
    assert "LEADGATE_PUBLIC_URL is not set" in alone.stderr
    assert (await leadgate("spec", "vendor", "--link", "--json")).exit_code == 2
    assert (await leadgate("spec", "vendor", "--link", "--days", "366")).exit_code == 2
    assert (await leadgate("spec", "nobody", "--link")).exit_code == 1


async def test_a_dry_run_changes_nothing(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    added = await leadgate("source", "add", "vendor", "--campaign", "solar", "--dry-run")
    assert (added.exit_code, added.stdout) == (0, "")
    assert "Nothing was changed." in added.stderr
    switched = await leadgate("source", "test", "acme", "--dry-run")
    assert "false → true" in switched.stdout
    assert await gate.one("select max(version) from catalogue_version") == 1
    assert await gate.one("select count(*) from api_key where owner = 'vendor'") == 0


async def test_what_can_t_be_added_is_refused_whole(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    known = await leadgate("source", "add", "acme", "--campaign", "solar")
    assert (known.exit_code, "there is a source acme already, live" in known.stderr) == (1, True)
    for words in (["Vendor", "--campaign", "solar"], ["vendor", "--campaign", "nothing"],
                  ["vendor", "--campaign", "solar", "--price", "much"]):  # fmt: skip
        refused = await leadgate("source", "add", *words)
        assert (refused.exit_code, refused.stdout) == (1, ""), words
    gone = await leadgate("source", "live", "nobody")
    assert (gone.exit_code, "(known: acme)" in gone.stderr) == (1, True)
    assert await gate.one("select count(*) from api_key where owner <> 'acme'") == 0


async def test_a_switch_changes_one_word_and_keeps_the_secrets_sealed(gate: Gate, leadgate: Leadgate) -> None:
    told = (
        source().rstrip()
        + "\n    replies: [{reply: boberdoo, key: s3cret}]\n    mapping: {z: email, a: state}\n"
    )
    await gate.configure(told)
    before = await gate.one("select doc::text from configured where kind = 'source'")
    await leadgate("source", "test", "acme")
    after = await gate.one(
        "select doc::text from configured where kind = 'source' order by version desc limit 1"
    )
    assert json.loads(after) == {**json.loads(before), "test": True}
    assert "s3cret" not in after
    await leadgate("source", "live", "acme")
    again = await gate.one(
        "select doc::text from configured where kind = 'source' order by version desc limit 1"
    )
    assert json.loads(again) == json.loads(before)


async def test_all_sources_are_listed_as_they_stand(
    gate: Gate, leadgate: Leadgate, buyer: CountingBuyer
) -> None:
    await gate.configure(source(), source("quiet"), contract("sunco", buyer.url("sunco")))
    await leadgate("source", "test", "quiet")
    await gate.post()
    await outcome(gate, gate.key, email="accepted@leadgate.example")
    await gate.http.post("/v1/leads?test=accepted", json=LEAD)
    await gate.fetch(
        "insert into rhythm (source, silent_since) values ('quiet', now() - interval '3 hours')"
        " on conflict (source) do update set silent_since = excluded.silent_since"
    )
    listed = await leadgate("source", "list")
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert rows[1][:5] == ["acme", "solar", "live", "2", "1"]
    assert " ".join(rows[2]) == "quiet solar in test mode 0 0 — — ! silent for 3 hours"
    first, second = objects(await leadgate("source", "list", "--json"))
    assert (first["source"], first["leads_today"], first["tests_today"]) == ("acme", 2, 1)
    assert first["last_at"]
    assert (second["state"], second["last_at"]) == ("in test mode", None)


async def test_who_has_no_source_is_told_how_to_add_one(leadgate: Leadgate) -> None:
    listed = await leadgate("source", "list")
    assert (listed.exit_code, "leadgate source add" in listed.stderr) == (0, True)


@pytest.mark.parametrize(("told", "hinted"), [("", True), ("test: true", False), ("paused: true", False)])
async def test_a_new_source_that_is_live_at_once_is_hinted_at(
    leadgate: Leadgate, tmp_path: object, told: str, hinted: bool
) -> None:
    file = f"{tmp_path}/leads.yaml"
    yaml = "campaigns: [{id: solar, fields: {email: {type: email}}}]\nsources: [{id: acme, campaign: solar, %s}]\n"
    with open(file, "w", encoding="utf-8") as opened:
        opened.write(yaml % told)
    for dry in (["--dry-run"], []):
        applied = await leadgate("apply", file, *dry)
        assert applied.exit_code == 0, applied.output
        assert ("acme takes live leads from its first post" in applied.stderr) is hinted
        assert "hint" not in applied.stdout
    assert "hint" not in (await leadgate("apply", file)).stderr, "it is no news the second time"
