"""`report`, `retention`, `doctor` and what an unknown word is answered."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.commands import report
from app.store.looking import Figures
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer, rejects


async def test_the_report_counts_by_day_and_source_and_leaves_tests_out(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    for email in ("a@example.org", "b@example.org", "a@example.org"):
        await gate.post(email=email)
    buyer.says["sunco-west"] = rejects
    await gate.post(email="c@example.org")
    await gate.http.post("/v1/leads?test=1", json={"first_name": "T", "email": "t@example.org"})
    told = await leadgate("report")
    head, row = told.stdout.splitlines()
    assert head.split() == [
        "day", "source", "campaign", "received", "rejected", "held", "open", "waiting", "sold", "unsold", "returned", "sold%",
        "bought", "revenue", "margin",
    ]  # fmt: skip
    assert row.split()[1:] == [
        "acme",
        "solar",
        "4",
        "1",
        "0",
        "0",
        "0",
        "2",
        "1",
        "0",
        "50.0",
        "25.00",
        "84.00",
        "59.00",
        "USD",
    ]
    assert "by the day of their receipt (UTC)" in told.stderr
    [document] = objects(await leadgate("report", "--json"))
    assert (document["sold"], document["revenue"]) == (2, "84.00")
    assert (await leadgate("report", "--until", "2001-01-01")).stdout == "no leads in this time\n"
    assert (await leadgate("report", "--zone", "Mars/Base")).exit_code == 2


def of_day(source: str, sold: int, revenue: str) -> Figures:
    return Figures(
        day="2026-11-20", source=source, campaign="solar", received=12_403, rejected=1_203, held=0, open=0, waiting=0,
        sold=sold, unsold=12, returned=0, bought=Decimal("112512.50"), revenue=Decimal(revenue),
    )  # fmt: skip


def test_a_narrow_terminal_has_no_number_broken_and_no_empty_count() -> None:
    found = [of_day("acme-leads", 9_000, "384000"), of_day("leadhub", 11_000, "1384000.125")]
    whole = report.table(found, {"solar": "USD"}, 200)
    assert [len(whole), len(whole[0].split())] == [4, 15]
    fitting = report.table([of_day("acme", 2, "84")], {"solar": "USD"}, 110)
    assert fitting[0].split()[3:8] == ["received", "rejected", "sold", "unsold", "sold%"]
    narrow = report.table(found, {"solar": "USD"}, 80)
    assert max(map(len, narrow)) <= 80
    assert [line.split() for line in narrow[:2] + narrow[-2:]] == [
        ["day", "source", "campaign", "bought", "revenue", "margin"],
        ["received", "rejected", "sold", "unsold", "sold%"],
        ["all", "225025.00", "1768000.125", "1542975.125", "USD"],
        ["24,806", "2,406", "20,000", "24", "80.6"],
    ]


async def test_a_returned_lead_is_neither_earned_nor_paid_for_where_its_source_gives_it_back(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, tmp_path: Path
) -> None:
    returns = "returns: {window: 7d, reasons: [wrong_number], review_within: 2d, then: approve}"
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west"), more=returns))
    kept, back = await gate.post(email="a@example.org"), await gate.post(email="b@example.org")
    for lead in (kept, back):
        await gate.becomes(lead, "sold")
    delivery = await gate.one("select id::text from delivery where lead_id = $1::text::uuid", back)
    file = tmp_path / "back.csv"
    file.write_text(f"delivery_id,type,reason\n{delivery},return,wrong_number\n")
    assert (await leadgate("feedback", "import", str(file), "--buyer", "sunco-west")).exit_code == 0
    [asked] = objects(await leadgate("returns", "--json"))
    [before] = objects(await leadgate("report", "--json"))
    assert (before["bought"], before["revenue"]) == ("25.00", "84.00")
    assert (await leadgate("returns", "approve", asked["id"])).exit_code == 0
    [after] = objects(await leadgate("report", "--json"))
    assert (after["bought"], after["revenue"], after["returned"]) == ("12.50", "42.00", 1)


async def test_retention_drops_days_only_after_a_yes(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    await gate.fetch("select leadgate_make_partitions('2025-01-01', 2)")
    there = "select count(*) from pg_class where relname like '%\\_2025010%' and relkind = 'r'"
    dry = await leadgate("retention", "--dry-run")
    assert dry.stdout.startswith("2025-01-01  ")
    assert "2 days, " in dry.stderr
    assert (await leadgate("retention", answer="n\n")).exit_code == 1
    tables = await gate.one("select count(*) from pg_partitioned_table")
    assert await gate.one(there) == 2 * tables
    assert (await leadgate("retention", "--yes")).exit_code == 0
    assert await gate.one(there) == 0
    await gate.fetch("""insert into partial (lead_id, source, state, due_at, created_at)
      values (gen_random_uuid(), 'acme', 'abandoned', now(), now() - interval '91 days')""")
    assert "1 partial lead dropped" in (await leadgate("retention", "--yes")).stderr
    assert await gate.one("select count(*) from partial") == 0
    assert (await leadgate("retention", "--keep", "400d")).stderr == "nothing is older than 400 days\n"
    assert (await leadgate("retention", "--keep", "soon")).exit_code == 2


async def test_the_doctor_names_what_is_wrong_and_what_to_do(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' server runs without fsync, which is a failure; so is money that does not add up."""
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    lead = await gate.post()
    told = await leadgate("doctor")
    lines = {line.split()[1]: line for line in told.stdout.splitlines() if line.startswith("  ")}
    assert told.exit_code == 1
    assert lines["database"].startswith("  fail  database        PostgreSQL ")
    assert lines["schema"].startswith("  ok    schema          at ")
    assert (
        lines["catalogue"] == "  ok    catalogue       v1: 1 campaign, 1 source, 1 contract, all secrets open"
    )
    assert lines["ledger"].startswith("  ok    ledger")
    assert lines["partitions"].startswith("  ok ")
    assert lines["processes"].startswith("  ok    processes       1 alive: serve ")
    assert "→ turn fsync and synchronous_commit on" in told.stdout
    assert told.stdout.endswith("2 failures\n")

    await gate.fetch("update lead set revenue = 41 where id = $1::text::uuid", lead)
    monkeypatch.setenv("LEADGATE_DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES", "false")
    worse = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert worse["ledger"]["level"] == "fail"
    assert worse["ledger"]["cure"] == f"leadgate trace {lead[-8:]}"
    assert worse["contract sunco-west"]["level"] == "fail"


async def test_the_doctor_says_that_the_schema_is_old_and_stops_there(
    empty_database_url: str, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADGATE_DATABASE_URL", empty_database_url)
    told = await leadgate("doctor")
    assert told.exit_code == 1
    assert "  fail  schema          the database is at nothing, the code needs " in told.stdout
    assert "→ leadgate migrate" in told.stdout


async def test_a_database_that_is_not_there_is_not_reachable(
    leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADGATE_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert (await leadgate("doctor")).exit_code == 3
    assert (await leadgate("trace", "8a40d9b3")).exit_code == 3


async def test_an_unknown_command_is_answered_with_the_one_that_was_meant(leadgate: Leadgate) -> None:
    told = await leadgate("tracce")
    assert told.exit_code == 2
    assert "Did you mean 'trace'" in told.stderr
