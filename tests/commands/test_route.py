"""`leadgate route` tells beside the running service what would become of a lead, and changes nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.settings import Settings
from app.validate.data import join
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "+14155550123", "state": "CA"}


async def gate_with_two(gate: Gate, buyer: CountingBuyer) -> None:
    await gate.configure(
        source(),
        contract("sunco-west", buyer.url("sunco-west"), more='when: lead.state == "NV"'),
        contract("helio-us", buyer.url("helio-us")),
    )


async def test_each_contract_is_told_and_what_would_leave(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate_with_two(gate, buyer)
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    short = await leadgate("route", "--lead", str(file), "--source", "acme")
    assert short.exit_code == 0, short.output
    assert short.stdout.startswith("would be delivering   solar ← acme\n")
    assert "received   POST /v1/leads" in short.stdout
    assert "left out: 1 filter     --explain shows each with its value" in short.stdout
    assert "would go to helio-us of helio" in short.stdout
    whole = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert 'sunco-west  filter  lead.state == "NV"  lead.state == "CA" → false' in whole.stdout
    assert f"--> POST {buyer.url('helio-us')}" in whole.stdout
    assert "ann@example.com" in whole.stdout
    assert buyer.answered == []


async def test_as_json_it_is_the_trace_with_what_would_be_sent(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate_with_two(gate, buyer)
    file = tmp_path / "two.ndjson"
    file.write_text("\n".join(json.dumps({**ANN, "email": f"{n}@example.com"}) for n in range(2)))
    told = objects(await leadgate("route", "--lead", str(file), "--source", "acme", "--json", "--explain"))
    assert [one["would_send"][0]["contract"] for one in told] == ["helio-us", "helio-us"]
    assert [one["left_out"][0]["contract"] for one in told] == ["sunco-west", "sunco-west"]
    assert (await leadgate("report", "--json")).stdout == ""


async def test_what_can_not_be_rehearsed_is_said(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate_with_two(gate, buyer)
    gone = await leadgate("route", "--lead", str(tmp_path / "none.json"), "--source", "acme")
    assert (gone.exit_code, "can't be read" in gone.stderr) == (2, True)
    file = tmp_path / "broken.json"
    file.write_text('{"email": ')
    assert (await leadgate("route", "--lead", str(file), "--source", "acme")).exit_code == 1
    file.write_text("what is this")
    unknown = await leadgate("route", "--lead", str(file), "--source", "acme")
    assert "error: that looks like no format; say which it is, as --content-type text/csv" in unknown.stderr
    nobody = await leadgate("route", "--lead", str(file), "--source", "nobody")
    assert "source nobody is not configured" in nobody.stderr


@pytest.fixture
def no_lists_of_ours() -> Iterator[None]:
    yield
    join(None)


@pytest.mark.usefixtures("no_lists_of_ours")
async def test_it_knows_what_the_service_knows(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, settings: Settings, tmp_path: Path
) -> None:
    bought = """{check: email}
    score: {rules: [{when: lead.sold_before > 0, points: -10, why: bought before}]}"""
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")), check=bought)
    await gate.becomes(await gate.post(**ANN), "sold")
    own = settings.data_dir / "offline"
    own.mkdir()
    (own / "disposable.txt").write_text("example.com\n")
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    told = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert "bought before" in told.stdout
    assert "throw-away address (example.com)" in told.stdout


async def test_services_that_were_not_asked_are_named(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    check = "{check: trusted_form, key: example-key}"
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")), check=check)
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN | {"trustedform_cert_url": "https://cert.trustedform.com/abc123"}))
    told = await leadgate("route", "--lead", str(file), "--source", "acme")
    assert "not asked: trusted_form; what is said there may change all of it" in told.stdout
    (one,) = objects(await leadgate("route", "--lead", str(file), "--source", "acme", "--json"))
    assert one["not_asked"] == ["trusted_form"]


async def test_the_whole_chain_is_told_with_its_sweepers_and_its_house(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(
        source(),
        contract("sunco-west", buyer.url("sunco-west"), more='when: lead.state == "NV"'),
        contract("helio-us", buyer.url("helio-us"), more='when: lead.state == "OR"'),
        contract("net-all", buyer.url("net-all"), more="sweeper: true"),
        rank="price], then: [{house: helio-us}",
    )
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    told = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert "1 of 3 contracts\n" in told.stdout  # the sweeper wants it, and is asked later
    assert "left out: 2 filter" in told.stdout
    assert "then sweepers of solar: 1 of 1: net-all 42.00" in told.stdout
    assert "then house helio-us: 1 of 1: helio-us 42.00" in told.stdout
    assert "would go to net-all of net" in told.stdout


async def test_who_takes_copies_alone_is_told_at_the_price_of_a_copy_and_a_sweeper_is_counted(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    copies = contract("helio-us", buyer.url("helio-us")).replace('price: "42.00"', 'shared_price: "21.00"')
    await gate.configure(
        source(),
        contract("sunco-west", buyer.url("sunco-west"), more='shared_price: "24.00"'),
        copies,
        contract("net-all", buyer.url("net-all"), more="sweeper: true"),
        sell="hybrid(2)",
    )
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    told = (await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")).stdout
    assert "3 of 3 contracts: sunco-west 42.00\n" in told
    assert "copies: 2 of 2: sunco-west 24.00 > helio-us 21.00\n" in told
    assert "shared, which earns 45.00: to one it were 42.00\n" in told
    assert "then sweepers of solar: 1 of 1: net-all 42.00\n" in told
    assert "0.00" not in told.replace("42.00", "")


@pytest.mark.parametrize(
    ("rank", "line", "why"),
    [
        ("price, round_robin", "helio-us 42.00 = sunco-west 42.00 > net-all 40.00", "level in price: helio-us = sunco-west; told apart by round_robin"),
        ("price", "helio-us 42.00 = sunco-west 42.00 > net-all 40.00", "level in price: helio-us = sunco-west; the first by id"),
        ("price, priority", "sunco-west 42.00 > helio-us 42.00 > net-all 40.00", ""),
        ("round_robin", "helio-us 42.00 = net-all 40.00 = sunco-west 42.00", "level: helio-us = net-all = sunco-west; told apart by round_robin"),
    ],
)  # fmt: skip
async def test_who_stands_level_is_shown_so_with_what_tells_them_apart(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path, rank: str, line: str, why: str
) -> None:
    await gate.configure(
        source(),
        contract("sunco-west", buyer.url("sunco-west"), more="priority: 5"),
        contract("helio-us", buyer.url("helio-us")),
        contract("net-all", buyer.url("net-all"), price="40.00"),
        rank=rank,
    )
    await gate.one("insert into counter (key, value) values ('turn:helio-us', 232792560)")
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    told = (await leadgate("route", "--lead", str(file), "--source", "acme")).stdout
    assert f"3 of 3 contracts: {line}\n" in told
    assert (why in told) if why else ("level" not in told), told


async def test_it_says_how_full_every_limit_is(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    caps = '[{per: day, leads: 200}, {per: total, amount: "50"}]'
    await gate.configure(source(), contract("helio-us", buyer.url("helio-us"), caps=caps))
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    told = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert "limits\n  helio-us  0 of 200 today · 0.00 of 50.00 in all\n" in told.stdout
    await gate.fetch("update counter set value = case when key like 'cap:%' then 140 else 420000 end")
    told = await leadgate("route", "--lead", str(file), "--source", "acme", "--explain")
    assert "helio-us  budget  budget per total  42.00 of 50.00 in all" in told.stdout


async def test_of_a_lead_that_nobody_takes_now_it_says_who_would_from_when(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    opens = datetime.now(UTC).replace(hour=8, minute=0, second=0) + timedelta(days=2)
    hours = f'hours: {{zone: UTC, open: {{{opens:%a}: "08:00-18:00"}}}}'.replace(
        f"{opens:%a}", f"{opens:%a}".lower()
    )
    closed = contract("sunco-west", buyer.url("sunco-west"), more=hours)
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(ANN))
    words = ("route", "--lead", str(file), "--source", "acme")
    await gate.configure(source(), closed)
    told = (await leadgate(*words)).stdout
    assert "nobody takes it now; it would be unsold at once\n" in told
    local = opens.astimezone()
    assert f"  sunco-west  from {local:%a} {local.day} {local:%b} {local:%H}:00:00 " in told
    assert told.rstrip().endswith(": hours")
    await gate.configure(source(), closed, rank="price], requeue: {every: 15m, for: 1d}, then: [")
    told = (await leadgate(*words)).stdout
    assert told.startswith("would be delivering   ")
    assert "nobody takes it now; it is offered again every 15m until " in told
    assert told.rstrip().endswith(": hours; too late")
    (one,) = objects(await leadgate(*words, "--json"))
    assert (one["waits"]["every"], one["waits"]["later"][0]["because"]) == ("15m", ["hours"])
