"""What buyers owe: booked once by whoever says it, and shown as statements, invoices and profit."""

import csv
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

BOOK = """
insert into entry (at, kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract,
                   key, note)
select at::timestamptz, kind, debit, credit, amount, currency, case when kind in ('sale', 'cost') then gen_random_uuid() end,
       case when kind = 'sale' then gen_random_uuid() end, source, campaign, buyer, contract,
       case when kind not in ('sale', 'cost') then gen_random_uuid()::text end, note
  from json_to_recordset($1::json) as t(at text, kind text, debit text, credit text, amount numeric, currency text,
    source text, campaign text, buyer text, contract text, note text)
"""


def sale(at: str, amount: str, contract: str = "sunco-west", currency: str = "USD") -> dict[str, Any]:
    return {
        "at": at, "kind": "sale", "debit": "buyer:sunco", "credit": "revenue:solar", "amount": amount, "currency": currency,
        "source": "acme", "campaign": "solar", "buyer": "sunco", "contract": contract,
    }  # fmt: skip


def cost(at: str, amount: str, currency: str = "USD") -> dict[str, Any]:
    return {
        "at": at, "kind": "cost", "debit": "cost:solar", "credit": "source:acme", "amount": amount, "currency": currency,
        "source": "acme", "campaign": "solar",
    }  # fmt: skip


def said(at: str, kind: str, amount: str, note: str = "") -> dict[str, Any]:
    other = "cash" if kind == "deposit" else "credits"
    return {
        "at": at, "kind": kind, "debit": other, "credit": "buyer:sunco", "amount": amount, "currency": "USD",
        "buyer": "sunco", "note": note,
    }  # fmt: skip


@pytest.fixture
async def books(gate: Gate, buyer: CountingBuyer) -> Gate:
    """A year's end: what was booked in three months, in two currencies."""
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    entries = [
        said("2026-10-30", "deposit", "500"),
        sale("2026-10-31T23:59:59Z", "42.00"),
        sale("2026-11-01T00:00:00Z", "42.00"),
        cost("2026-11-01T00:00:00Z", "12.50"),
        sale("2026-11-20T10:00:00Z", "42.00"),
        sale("2026-11-20T11:00:00Z", "39.125"),
        sale("2026-11-20T12:00:00Z", "30", "sunco-eu", "EUR"),
        said("2026-11-21T09:00:00Z", "credit", "5.00", '=HYPERLINK("x") <b>sorry</b>'),
        sale("2026-12-01T00:00:00Z", "42.00"),
    ]
    async with gate.database.acquire() as conn:
        await conn.execute(BOOK, json.dumps(entries))
    return gate


async def entries(gate: Gate) -> list[tuple[str, ...]]:
    rows = await gate.fetch("select kind, debit, credit, amount, currency, note from entry order by id")
    return [(r[0], r[1], r[2], str(r[3]), r[4], r[5]) for r in rows]


# booking ---------------------------------------------------------------------------------------------


def beforehand(buyer: CountingBuyer) -> str:
    """A buyer who is offered leads only for what it has paid in."""
    written = contract("sunco", buyer.url("sunco"))
    return written.replace("    contracts:", "    money: {terms: prepaid}\n    contracts:", 1)


async def test_a_deposit_makes_a_buyer_owe_less_than_nothing_and_be_offered_leads(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), beforehand(buyer))
    told = await leadgate("money", "deposit", "sunco", "500", "--note", "wire of 3 Nov")
    assert told.exit_code == 0, told.output
    assert told.stdout == "deposit of 500.00 USD is booked: sunco owes −500.00 USD, was 0.00\n"
    assert await entries(gate) == [("deposit", "cash", "buyer:sunco", "500", "USD", "wire of 3 Nov")]
    assert await gate.one("select value from counter where key = 'balance:sunco'") == -5_000_000
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    assert (await leadgate("money", "balance", "sunco")).stdout == "buyer  sunco  −458.00  USD  owes\n"
    assert (await leadgate("money", "balance", "acme")).stdout == "source  acme  12.50  USD  is owed\n"


async def test_what_is_said_again_under_its_key_is_booked_once(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    words = ("money", "payment", "sunco", "42", "--key", "bank-1188")
    await leadgate(*words)
    again = await leadgate(*words)
    assert again.stdout == "--key bank-1188 was booked before; nothing changed: sunco owes −42.00 USD\n"
    other = await leadgate("money", "payment", "sunco", "43", "--key", "bank-1188")
    assert (other.exit_code, other.stderr) == (
        1,
        "error: this key came before with another entry; give this one a key of its own\n",
    )
    assert len(await entries(gate)) == 1


async def test_without_a_key_it_is_another_payment_each_time(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    for _ in range(2):
        await leadgate("money", "payment", "sunco", "42")
    assert len(await entries(gate)) == 2


async def test_a_dry_run_says_what_would_be_and_books_nothing(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    told = await leadgate("money", "deposit", "sunco", "500", "--dry-run")
    assert told.stdout == "deposit of 500.00 USD would be booked: sunco owes −500.00 USD, is 0.00\n"
    assert await entries(gate) == []
    assert await gate.one("select count(*) from counter where key like 'balance:%'") == 0


async def test_an_account_is_kept_in_one_currency(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), beforehand(buyer))
    told = await leadgate("money", "deposit", "sunco", "5", "--currency", "EUR")
    assert (told.exit_code, told.stderr) == (1, "error: the account of sunco is kept in USD\n")


async def test_a_buyer_who_pays_later_has_no_counter(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    assert (await leadgate("money", "payment", "sunco", "5")).exit_code == 0
    assert await gate.one("select count(*) from counter where key like 'balance:%'") == 0


async def test_an_adjustment_goes_both_ways_and_says_why(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), beforehand(buyer))
    for of, id_, amount in (
        ("buyer", "sunco", "7.5"), ("buyer", "sunco", "-2"), ("source", "acme", "3"), ("source", "acme", "-1"),
    ):  # fmt: skip
        told = await leadgate("money", "adjust", of, id_, amount, "--note", "typo")
        assert told.exit_code == 0, told.output
    assert [(debit, credit, amount) for _, debit, credit, amount, *_ in await entries(gate)] == [
        ("buyer:sunco", "adjustments", "7.5"),
        ("adjustments", "buyer:sunco", "2"),
        ("adjustments", "source:acme", "3"),
        ("source:acme", "adjustments", "1"),
    ]
    assert told.stdout == "adjustment of −1.00 USD is booked: acme is owed 2.00 USD, was 3.00\n"
    nothing = await leadgate("money", "payout", "acme", "2.00")
    assert nothing.stdout == "payout of 2.00 USD is booked: acme is owed 0.00 USD, was 2.00\n"
    assert await gate.one("select value from counter where key = 'balance:sunco'") == 55_000


ABOVE = "must be above 0; what was booked wrongly is put right by `leadgate money adjust"
SENSELESS: list[tuple[tuple[str, ...], int, str]] = [
    (("deposit", "sunco", "0"), 2, f"AMOUNT 0 {ABOVE} buyer sunco …`"),
    (("deposit", "sunco", "-5"), 2, f"AMOUNT -5 {ABOVE} buyer sunco …`"),
    (("payment", "sunco", "-12.50", "--dry-run"), 2, f"AMOUNT -12.50 {ABOVE} buyer sunco …`"),
    (("payout", "acme", "-1"), 2, f"AMOUNT -1 {ABOVE} source acme …`"),
    (("deposit", "sunco", "NaN"), 2, "AMOUNT NaN is no amount; write it as 12.50"),
    (("deposit", "sunco", "1,5"), 2, "AMOUNT 1,5 is no amount; write it as 12.50"),
    (("deposit", "nobody", "5"), 1, "there is no buyer 'nobody', and nothing was ever booked for one"),
    (("deposit", "acme", "5"), 1, "there is no buyer 'acme', and nothing was ever booked for one"),
    (("deposit", "sunco", "5", "--currency", "usd"), 1, "currency: is no currency; write three capitals, as USD"),
    (("credit", "sunco", "5"), 1, "note: say what the credit is for"),
    (("credit", "sunco", "5", "--note", "  "), 1, "note: say what the credit is for"),
    (("payout", "sunco", "5"), 1, "there is no source 'sunco', and nothing was ever booked for one"),
    (("deposit", "sunco", "5", "--note", "a\x00b"), 1,
     "note: at most 500 characters, none of them a control character"),
    (("adjust", "campaign", "solar", "5", "--note", "x"), 2, "'campaign' has no account; say buyer or source"),
]  # fmt: skip


async def test_what_makes_no_sense_is_refused_with_what_to_do(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    for words, code, error in SENSELESS:
        told = await leadgate("money", *words)
        assert (told.exit_code, told.stderr) == (code, f"error: {error}\n"), words
    assert await entries(gate) == []


# statements ------------------------------------------------------------------------------------------


async def test_a_statement_opens_lists_and_closes_each_currency_apart(
    books: Gate, leadgate: Leadgate
) -> None:
    told = await leadgate("statement", "buyer", "sunco", "--month", "2026-11")
    assert told.exit_code == 0, told.output
    rows = [line.split() for line in told.stdout.splitlines()]
    assert rows[0] == ["opening", "−458.00", "USD"]
    assert [row[2:6] for row in rows[1:6]] == [
        ["sale", "42.00", "−416.00", "USD"],
        ["sale", "42.00", "−374.00", "USD"],
        ["sale", "39.125", "−334.875", "USD"],
        ["sale", "30.00", "30.00", "EUR"],
        ["credit", "−5.00", "−339.875", "USD"],
    ]
    assert rows[6:] == [
        ["all", "leads", "30.00", "EUR"],
        ["all", "credits", "−5.00", "USD"],
        ["all", "leads", "123.125", "USD"],
        ["closing", "30.00", "EUR"],
        ["closing", "−339.875", "USD"],
    ]


async def test_months_are_those_of_the_zone(books: Gate, leadgate: Leadgate) -> None:
    words = ("statement", "buyer", "sunco", "--month", "2026-11", "--zone", "America/Los_Angeles", "--csv")
    rows = list(csv.DictReader(StringIO((await leadgate(*words)).stdout)))
    assert [row["at"] for row in rows if row["kind"] == "sale"][-1] == "2026-11-30T16:00:00-08:00"
    assert rows[0]["at"] == "2026-11-01T00:00:00-07:00"
    assert rows[-1]["at"] == "2026-12-01T00:00:00-08:00"


async def test_no_text_becomes_a_formula_in_a_spreadsheet(books: Gate, leadgate: Leadgate) -> None:
    told = await leadgate("statement", "buyer", "sunco", "--month", "2026-11", "--csv")
    (row,) = [row for row in csv.DictReader(StringIO(told.stdout)) if row["kind"] == "credit"]
    assert row["note"] == '\'=HYPERLINK("x") <b>sorry</b>'
    assert (row["amount"], row["balance"], row["currency"]) == ("-5.00", "-339.875", "USD")


async def test_a_page_is_whole_and_shows_no_text_as_markup(books: Gate, leadgate: Leadgate) -> None:
    for words in (("statement", "buyer", "sunco"), ("invoice", "buyer", "sunco")):
        page = (await leadgate(*words, "--month", "2026-11", "--html")).stdout
        assert page.startswith("<!doctype html>")
        assert page.rstrip().endswith("</html>")
        assert "&lt;b&gt;sorry&lt;/b&gt;" in page
        assert "<b>" not in page
        assert "http" not in page
        assert "@media screen and (max-width: 40rem)" in page


async def test_a_source_sees_what_it_is_owed(books: Gate, leadgate: Leadgate) -> None:
    await leadgate("money", "payout", "acme", "10")
    told = json.loads((await leadgate("statement", "source", "acme", "--month", "2026-11", "--json")).stdout)
    assert (told["of"], told["id"], told["opening"]) == ("source", "acme", [])
    assert [(one["kind"], one["amount"]) for one in told["entries"]][:1] == [("cost", "12.50")]
    assert told["closing"][0]["currency"] == "USD"


async def test_a_month_without_entries_is_a_statement_too(books: Gate, leadgate: Leadgate) -> None:
    told = await leadgate("statement", "source", "acme", "--month", "2027-05")
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["opening", "12.50", "USD"],
        ["closing", "12.50", "USD"],
    ]


async def test_what_is_no_month_is_refused(books: Gate, leadgate: Leadgate) -> None:
    for month in ("2026-13", "2026", "november", "2026-11-01", "1026-11", "٢٠٢٦-١١"):
        told = await leadgate("statement", "buyer", "sunco", "--month", month)
        assert (told.exit_code, told.stderr) == (2, f"error: --month {month!r} is no month; write 2026-11\n")


# invoices --------------------------------------------------------------------------------------------


async def test_an_invoice_counts_leads_by_contract_and_price_and_credits_apart(
    books: Gate, leadgate: Leadgate
) -> None:
    told = json.loads((await leadgate("invoice", "buyer", "sunco", "--month", "2026-11", "--json")).stdout)
    assert told["number"] == "sunco-2026-11"
    euro, dollar = told["parts"]
    assert (euro["currency"], euro["due"]) == ("EUR", "30.00")
    assert (dollar["charged"], dollar["credited"], dollar["due"]) == ("123.125", "-5.00", "118.125")
    assert [(one["contract"], one["count"], one["price"], one["total"]) for one in dollar["lines"]] == [
        ("sunco-west", 2, "42.00", "84.00"),
        ("sunco-west", 1, "39.125", "39.125"),
        (None, 1, "-5.00", "-5.00"),
    ]


async def test_an_invoice_for_a_spreadsheet_has_a_row_a_line(books: Gate, leadgate: Leadgate) -> None:
    told = await leadgate("invoice", "buyer", "sunco", "--month", "2026-11", "--csv")
    rows = list(csv.DictReader(StringIO(told.stdout)))
    assert [(row["from"], row["to"], row["kind"], row["total"]) for row in rows] == [
        ("2026-11-01", "2026-11-30", "sale", "30.00"),
        ("2026-11-01", "2026-11-30", "sale", "84.00"),
        ("2026-11-01", "2026-11-30", "sale", "39.125"),
        ("2026-11-01", "2026-11-30", "credit", "-5.00"),
    ]


async def test_a_source_gets_no_invoice(books: Gate, leadgate: Leadgate) -> None:
    told = await leadgate("invoice", "source", "acme", "--month", "2026-11")
    assert (told.exit_code, "leadgate statement source acme" in told.stderr) == (2, True)


# profit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("source", [("acme", "EUR", "30.00", "0.00", "30.00"), ("acme", "USD", "123.125", "12.50", "110.625"),
                    (None, "USD", "0.00", "0.00", "-5.00")]),
        ("buyer", [("sunco", "EUR", "30.00", "0.00", "30.00"), ("sunco", "USD", "123.125", "0.00", "118.125"),
                   (None, "USD", "0.00", "12.50", "-12.50")]),
    ],
)  # fmt: skip
async def test_profit_is_what_was_booked_in_that_time(
    books: Gate, leadgate: Leadgate, by: str, expected: list[tuple[Any, ...]]
) -> None:
    words = ("report", "profit", "--by", by, "--since", "2026-11-01", "--until", "2026-12-01", "--json")
    told = await leadgate(*words)
    assert told.exit_code == 0, told.output
    found = [(one[by], one["currency"], one["revenue"], one["cost"], one["margin"]) for one in objects(told)]
    assert found == expected


async def test_what_a_shared_lead_cost_is_borne_by_its_buyers_alike_and_to_the_last_millionth(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("b0", buyer.url("b0")))
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    await gate.fetch(
        """insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price)
           select gen_random_uuid(), lead_id, round, 9 + n, 9, campaign, 'more' || n, 'more' || n, 'accepted', 0
             from delivery, generate_series(1, 2) n where state = 'accepted' returning id"""
    )
    found = objects(await leadgate("report", "profit", "--by", "buyer", "--json"))
    assert sorted(one["cost"] for one in found) == ["4.166666", "4.166667", "4.166667"]
    assert sum(Decimal(one["margin"]) for one in found) == Decimal("29.50")


async def test_profit_adds_up_to_the_same_by_whatever_it_is_asked(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco", buyer.url("sunco")))
    await gate.becomes(await gate.post(), "sold")
    for words in (("source", "acme", "-2.50"), ("buyer", "sunco", "-1")):
        assert (await leadgate("money", "adjust", *words, "--note", "typo")).exit_code == 0
    for by in ("source", "campaign", "buyer", "contract"):
        found = objects(await leadgate("report", "profit", "--by", by, "--json"))
        sums = [sum(Decimal(one[name]) for one in found) for name in ("cost", "margin")]
        assert sums == [Decimal("10.00"), Decimal("31.00")], by


async def test_profit_is_shown_with_the_sum_of_each_currency(books: Gate, leadgate: Leadgate) -> None:
    words = ("report", "profit", "--by", "source", "--since", "2026-11-01", "--until", "2026-12-01")
    told = await leadgate(*words)
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["source", "sales", "revenue", "returns", "credits", "cost", "margin", "margin%"],
        ["acme", "1", "30.00", "0.00", "0.00", "0.00", "30.00", "100.0", "EUR"],
        ["acme", "3", "123.125", "0.00", "0.00", "12.50", "110.625", "89.8", "USD"],
        ["—", "0", "0.00", "0.00", "5.00", "0.00", "−5.00", "—", "USD"],
        ["all", "3", "123.125", "0.00", "5.00", "12.50", "105.625", "89.4", "USD"],
    ]
