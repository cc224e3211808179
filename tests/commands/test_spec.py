"""An operator prints a source's posting instructions and hands them over."""

import json

import pytest

from tests.commands.conftest import Gate, Leadgate, source


async def test_a_spec_is_told_as_text_json_or_a_page(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source(), source("other"))
    said = await leadgate("spec", "acme")
    assert said.exit_code == 0, said.output
    rows = [line.split()[:4] for line in said.stdout.splitlines()]
    assert ["email", "email", "email", "required"] in rows
    assert ["duplicate", "duplicate", "reject", "An"] in rows
    assert "POST http://127.0.0.1:8000/v1/leads" in said.stdout
    as_json = json.loads((await leadgate("spec", "acme", "--json", "--since", "0")).stdout)
    assert (as_json["source"], as_json["changes"]["added"]) == (
        "acme", ["first_name", "email", "state", "bill"],
    )  # fmt: skip
    page = (await leadgate("spec", "acme", "--html")).stdout
    assert page.startswith("<!doctype html>")
    assert "other" not in said.stdout + json.dumps(as_json)


async def test_what_a_source_is_paid_is_told_as_a_price_or_a_part_of_each_sale(
    gate: Gate, leadgate: Leadgate
) -> None:
    await gate.configure(source(), source("other").replace('price: "12.50"', 'revenue_share: "60"'))
    assert "\nprice 12.50 USD\n" in (await leadgate("spec", "acme")).stdout
    said = (await leadgate("spec", "other")).stdout
    assert "\nrevenue share 60 % of each sale, in USD\n" in said
    assert "price" not in said


async def test_an_address_of_the_world_is_used_where_it_is_set(
    gate: Gate, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gate.configure(source())
    monkeypatch.setenv("LEADGATE_PUBLIC_URL", "https://leads.example/")
    assert "POST https://leads.example/v1/leads\n" in (await leadgate("spec", "acme")).stdout


async def test_what_is_no_source_is_told_with_those_that_are(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    said = await leadgate("spec", "acmee")
    assert (said.exit_code, "(known: acme)" in said.stderr) == (1, True)
    assert (await leadgate("spec", "acme", "--since", "99")).exit_code == 1
    assert (await leadgate("spec", "acme", "--html", "--json")).exit_code == 2


async def test_a_source_that_pings_has_its_pings_told(gate: Gate, leadgate: Leadgate) -> None:
    salted = source().rstrip() + "\n    ping: {salt: pepper, per_minute: 1200, otherwise: refuse}\n"
    await gate.configure(salted, source("other"))
    said = (await leadgate("spec", "acme")).stdout
    for line in (
        "ping POST http://127.0.0.1:8000/v1/ping\n",
        "at most 1,200 a minute, bids within 0.8 s, good for 60 s\n",
        "carries state, bill\n",
        "never carries first_name, email: refused\n",
        "post it with ping_id; where that does not hold the lead is refused\n",
        "PING_ID=$(curl -s -X POST",
    ):
        assert line in said, line
    assert "of SALTann.smith@example.com" in said
    assert "pepper" not in said
    assert "ping" not in (await leadgate("spec", "other")).stdout
