"""A made-up lead goes the real way and leaves no trace in money, caps or keys."""

import re

from app.core.world import World
from app.store.keys import KeyStore
from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.e2e.counting import CountingBuyer, rejects


async def test_a_triggered_lead_is_sold_as_a_test_and_its_key_ends(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(
        source(),
        contract("horizon-ca", buyer.url("horizon-ca"), price="45.00", caps="[{per: day, leads: 0}]"),
    )
    address = await gate.serve()
    for _ in range(2):
        told = await leadgate("trigger", "solar", "--source", "acme", "--url", address)
        assert told.exit_code == 0, told.output
        lead = str(await gate.one("select id from lead order by id desc limit 1"))
        assert re.fullmatch(
            rf"→ 201 success …{lead[-8:]} in .+, horizon-ca \(test\), 45.00        trace: leadgate trace {lead[-8:]}\n",
            told.stdout,
        )
    assert await gate.one("select bool_and(test) from lead") is True
    keys = await KeyStore(gate.database, World()).list(owner="acme")
    assert [key.test for key in keys if key.revoked_at is None] == [False]


async def test_fields_can_be_set_and_a_no_is_told(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["horizon-ca"] = rejects
    await gate.configure(
        source(), contract("horizon-ca", buyer.url("horizon-ca"), more='when: lead.state == "NV"')
    )
    address = await gate.serve()
    nobody = await leadgate("trigger", "solar", "--source", "acme", "--url", address)
    assert "201 failure" in nobody.stdout
    assert "no buyer took this lead" in nobody.stdout
    no = await leadgate("trigger", "solar", "--source", "acme", "--url", address, "--set", "state=NV")
    assert "horizon-ca (test) rejected" in no.stdout


async def test_what_can_not_be_triggered_is_told(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("horizon-ca", buyer.url("horizon-ca")))
    away = await leadgate("trigger", "solar", "--source", "acme", "--url", "http://127.0.0.1:1")
    assert away.exit_code == 3
    assert "is `leadgate serve` running there?" in away.stderr
    assert "known: solar" in (await leadgate("trigger", "solra", "--source", "acme")).stderr
    assert "those that do: acme" in (await leadgate("trigger", "solar", "--source", "leadhub")).stderr
    assert (await leadgate("trigger", "solar", "--source", "acme", "--set", "shoe=9")).exit_code == 2


async def test_a_developer_sees_what_came_and_how_the_answer_is_read(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", "https://buyer.example/leads"))
    before = await gate.one("select count(*) from lead")
    told = await leadgate(
        "listen", "--contract", "sunco-west", "--forward-to", f"127.0.0.1:{buyer.port}/dev", "--once"
    )
    assert told.exit_code == 0, told.output
    sent, read = told.stdout.splitlines()
    [answered] = buyer.answered
    assert re.fullmatch(rf"\d\d:\d\d:\d\d  -->  test lead …\w{{8}}  \[{answered.delivery.id}\]", sent)
    assert f"<--  [200] POST {buyer.url('dev')}  read as: Accepted ref-{answered.delivery.id[-6:]}" in read
    assert answered.delivery.email.startswith("trigger.")
    assert await gate.one("select count(*) from lead") == before
    buyer.says["dev"] = rejects
    no = await leadgate("listen", "--contract", "sunco-west", "--forward-to", buyer.url("dev"), "--once")
    assert no.exit_code == 1
    assert "read as: Rejected not_wanted" in no.stdout


async def test_a_contracts_real_secrets_stay_where_they_are(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    signed = contract("sunco-west", "https://buyer.example/leads") + (
        "          sign: {secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}\n"
        "          secret: {fields: {key: real-secret}}\n"
    )
    await gate.configure(source(), signed)
    told = await leadgate(
        "listen", "--contract", "sunco-west", "--forward-to", f"127.0.0.1:{buyer.port}/dev", "--once"
    )
    assert told.exit_code == 0, told.output
    assert re.search(r"Signing secret whsec_[\w+/=]+", told.stderr)
    assert "MfKQ9r8G" not in told.output
    assert (await leadgate("listen", "--contract", "sunco", "--forward-to", "x:1")).exit_code == 1


async def test_a_developer_needs_no_token_of_the_buyers_own(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    known = "{token_url: https://login.buyer.example/token, client_id: gate, client_secret: real-secret}"
    by_token = contract("sunco-west", "https://buyer.example/leads") + (
        f"          auth: {{oauth2: {known}}}\n"
        "          hmac: {header: X-S, secret: c2VjcmV0, key: base64}\n"
    )
    await gate.configure(source(), by_token)
    told = await leadgate(
        "listen", "--contract", "sunco-west", "--forward-to", f"127.0.0.1:{buyer.port}/dev", "--once"
    )
    assert told.exit_code == 0, told.output
    assert "read as: Accepted" in told.stdout
