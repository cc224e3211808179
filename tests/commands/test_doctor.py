"""`doctor` says of each channel how it is, and of each source that is missed."""

import asyncio
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.commands import accounting
from app.running import Running, announced
from app.settings import Settings
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.books import until
from tests.e2e.counting import CountingBuyer


async def test_the_doctor_has_a_line_for_each_channel_and_each_silent_source(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    folder = tmp_path / "leads"
    folder.mkdir()
    channels = f"    channels:\n      - {{channel: folder, path: {folder}, every: 1s}}\n"
    channels += "      - {channel: folder, path: /nowhere, every: 1h}\n"
    await gate.configure(source() + channels)
    (folder / "leads.csv").write_text("first_name,email\nAnn,ann@example.com\n")

    async def taken() -> bool:
        found = await gate.fetch("select count(*) from channel where kept = 1 or failures = 1")
        return bool(found[0][0] == 2)

    await until(taken)
    lines = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert lines["acme folder"]["level"] == "ok"
    assert lines["acme folder"]["text"].startswith("last visit ")
    assert "last lead " in lines["acme folder"]["text"]
    assert lines["acme folder.2"]["level"] == "warn"
    assert lines["acme folder.2"]["text"].startswith(
        "there is no folder /nowhere (1 visit in vain, no lead yet)"
    )
    assert "source acme" not in lines

    await gate.fetch("update channel set created_at = now() - interval '2 days' where failures > 0")
    await gate.fetch(
        "insert into rhythm (source, silent_since) values ('acme', now() - interval '7 hours') on conflict (source)"
        " do update set silent_since = excluded.silent_since"
    )
    worse = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert worse["acme folder.2"]["level"] == "fail"
    assert worse["source acme"]["text"] == "silent for 7 h, which it usually is not"


MAILED = "    mail: {addresses: [acme@leads.example, leads@acme.example]}\n"


async def lines_of(leadgate: Leadgate) -> dict[str, tuple[str, str]]:
    found = objects(await leadgate("doctor", "--json"))
    return {one["name"]: (one["level"], one["text"]) for one in found}


async def test_mail_that_nobody_listens_for_is_told(
    gate: Gate, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gate.configure(source())
    assert not {"mail", "smtp"} & (await lines_of(leadgate)).keys()
    await gate.configure(source() + MAILED)
    wanted = "2 of sources' addresses are for mail, and nothing listens for it here"
    assert (await lines_of(leadgate))["mail"] == ("warn", wanted)
    monkeypatch.setenv("LEADGATE_LMTP_LISTEN", "/nowhere/lmtp.sock")
    told = await lines_of(leadgate)
    assert told["lmtp"] == ("fail", "nobody answers at /nowhere/lmtp.sock")
    assert "mail" not in told


async def test_where_the_running_service_takes_mail_is_asked(
    gate: Gate, leadgate: Leadgate, settings: Settings
) -> None:
    await gate.configure(source() + MAILED)
    greeting = b"220 leads.example ESMTP\r\n"

    async def greet(_: asyncio.StreamReader, writer: Any) -> None:
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        here = Running(os.getpid(), "http://127.0.0.1:1", True, {"smtp": f"0.0.0.0:{port}"})
        with announced(settings.data_dir, here):
            told = (await lines_of(leadgate))["smtp"]
            assert told == ("ok", f"answers at 0.0.0.0:{port}, for 2 of sources' addresses")
            greeting = b"SSH-2.0-x\r\n"
            assert (await lines_of(leadgate))["smtp"][0] == "fail"


async def test_outcomes_that_sources_could_not_be_told_are_told_here(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    assert "callbacks" not in await lines_of(leadgate)
    owed = """insert into callback (id, lead_id, round, source, state, outcome, owed_at)
      values (gen_random_uuid(), gen_random_uuid(), 1, 'acme', $1, 'success', now() - interval '3 hours')"""
    await gate.fetch(owed, "waiting")
    assert (await lines_of(leadgate))["callbacks"][0] == "ok"
    await gate.fetch(owed, "dead")
    told = (await lines_of(leadgate))["callbacks"]
    assert told == ("warn", "1 to be told, the oldest since 3 h; 1 given up")


async def test_what_is_booked_otherwise_than_it_ended_is_told(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    assert (await lines_of(leadgate))["books"][0] == "ok"
    await gate.fetch("update lead set price = 12.49")
    told = (await lines_of(leadgate))["books"]
    assert told == ("fail", f"booked otherwise than they ended: 1, as {lead}")
    await gate.fetch("update lead set price = 12.50")
    await gate.fetch("update delivery set price = 43")
    assert (await lines_of(leadgate))["books"][0] == "fail"


def test_every_day_is_looked_at_once_more_within_a_month() -> None:
    today = date(2026, 11, 22)
    older = [list(accounting.days(today + timedelta(days=n)))[2] for n in range(60)]
    assert {today + timedelta(days=n) for n in range(28)} <= set(older)
    assert all(2 <= (today + timedelta(days=n) - day).days < 30 for n, day in enumerate(older))


async def test_the_doctor_holds_accounts_against_the_ledger_and_money_counts_them_anew(
    gate: Gate, leadgate: Leadgate
) -> None:
    account = "  - id: sunco\n    money: {terms: prepaid, low_balance: '50'}\n    contracts:\n"
    await gate.configure(
        source(),
        contract("sunco", "https://sunco.example").replace("  - id: sunco\n    contracts:\n", account),
    )
    paid = await leadgate("money", "deposit", "sunco", "40", "--currency", "USD")
    assert paid.exit_code == 0, paid.output
    assert (await lines_of(leadgate))["account sunco"] == ("warn", "40.00 USD left: it is offered nothing")
    await gate.fetch("update counter set value = value - 1 where key = 'balance:sunco'")
    assert (await lines_of(leadgate))["account sunco"] == (
        "fail", "its counter says -40.0001, ledger and open deliveries -40.0000",
    )  # fmt: skip
    dry = await leadgate("money", "recount", "sunco", "--dry-run")
    assert dry.stdout == "sunco would be counted anew: −40.00 held against its limit, is −40.0001\n"
    [told] = objects(await leadgate("money", "recount", "sunco", "--json"))
    assert told == {"buyer": "sunco", "before": "-40.0001", "after": "-40.00", "dry_run": False}
    assert (await lines_of(leadgate))["account sunco"][0] == "warn"
    wrong = await leadgate("money", "recount", "moonco")
    assert (wrong.exit_code, "there is no buyer 'moonco'" in wrong.output) == (1, True)
