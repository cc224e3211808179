"""What was asked and told stands in lines that grep, the newest last."""

import re
from datetime import UTC, timedelta

import pytest

from app.commands.deliveries import View, following, place
from app.store import looking
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer, Delivery, rejects

TIME = r"\d\d:\d\d:\d\d\.\d\d\d"


def busy(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return 503, {"status": "down"}


async def three(gate: Gate, buyer: CountingBuyer) -> str:
    """A lead that horizon-ca refuses and sunco-west takes."""
    buyer.says["horizon-ca"] = rejects
    await gate.configure(
        source(deadline="300ms"),
        contract("horizon-ca", buyer.url("horizon-ca"), price="45.00"),
        contract("sunco-west", buyer.url("sunco-west")),
    )
    lead = await gate.post()
    await gate.becomes(lead, "sold")  # on a busy machine the deadline is sooner
    return lead


async def test_each_turn_is_a_line(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead = await three(gate, buyer)
    rows = await gate.fetch("select id from delivery where lead_id = $1::text::uuid order by rank", lead)
    first, second = (str(row[0])[-8:] for row in rows)
    lines = (await leadgate("deliveries", "--utc")).stdout.splitlines()
    place = re.escape(buyer.url(""))
    assert re.fullmatch(f"{TIME}  -->  post     …{first}  horizon-ca  {place}horizon-ca", lines[0])
    assert re.fullmatch(rf"{TIME}  <--  Rejected …{first}  horizon-ca  200 in \S+ ms  not_wanted", lines[1])
    assert re.fullmatch(f"{TIME}  -->  post     …{second}  sunco-west  {place}sunco-west", lines[2])
    assert re.fullmatch(
        rf"{TIME}  <--  Accepted …{second}  sunco-west  200 in \S+ ms  ref-{second[-6:]}  42.00 USD", lines[3]
    )


async def test_what_was_asked_is_shown_where_it_was_asked_though_the_buyer_has_moved(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    await gate.post()
    await gate.configure(source(), contract("sunco-west", "https://moved.example/leads"))
    asked, told = (await leadgate("deliveries")).stdout.splitlines()
    assert asked.endswith(f"  sunco-west  {buyer.url('sunco-west')}")
    assert "Accepted" in told


def test_an_address_that_is_a_secret_is_not_shown_even_sealed() -> None:
    assert place({"adapter": "chat", "url": "sealed:v1:1DqX8UzV"}) == "chat •••"
    assert place({"adapter": "webhook", "url": "https://a.example/x?key=1"}) == "https://a.example/x"


async def test_filters_leave_the_rest_out(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    await three(gate, buyer)
    by_outcome = objects(await leadgate("deliveries", "--outcome", "accepted|unclear", "--json"))
    assert [(one["outcome"], one["contract"]) for one in by_outcome] == [("Accepted", "sunco-west")]
    by_contract = objects(await leadgate("deliveries", "--contract", "horizon-ca", "--json"))
    assert [one["turn"] for one in by_contract] == ["asked", "told"]
    by_state = objects(await leadgate("deliveries", "--state", "rejected", "--json"))
    assert {one["contract"] for one in by_state} == {"horizon-ca"}
    assert (await leadgate("deliveries", "--limit", "1")).stdout.count("\n") == 1
    assert (await leadgate("deliveries", "--outcome", "perhaps")).exit_code == 2
    assert (await leadgate("deliveries", "--contract", "horizon")).exit_code == 1


async def test_an_unclear_one_says_how_to_settle_it_and_a_late_one_when_it_is_tried_next(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.slowness["slow"], buyer.says["busy"] = 0.6, busy
    await gate.configure(
        source(deadline="300ms"),
        contract("slow", buyer.url("slow"), timeout="200ms", more="when: lead.bill > 150"),
        contract("busy", buyer.url("busy"), more="when: lead.bill <= 150")
        .replace("[1s, 1s, 1s]", "[1h]")
        .replace("60s", "2h"),
    )
    unclear = await gate.post(bill=200)
    await gate.becomes(unclear, "unclear")
    await gate.post(email="eve@example.org")
    lines = (await leadgate("deliveries")).stdout
    tail = str(await gate.one("select id from delivery where contract = 'slow'"))[-8:]
    assert re.search(
        f"<--  unclear  …{tail}  slow  no reply in .* timed_out      settle: leadgate settle {tail}\n", lines
    )
    assert re.search(
        r"<--  TryLater …\S+  busy  503 in \S+ ms  http_503; next try \d\d:\d\d:\d\d, after 1 so far\n", lines
    )


async def test_following_shows_each_turn_once(
    gate: Gate, buyer: CountingBuyer, capsys: pytest.CaptureFixture[str]
) -> None:
    await three(gate, buyer)
    async with gate.database.acquire() as conn:
        now = await looking.now(conn)
    rounds = iter([False, False, False, True])
    await following(
        gate.database, View(zone=UTC), now - timedelta(minutes=1), ends=lambda: next(rounds), pause=0
    )
    assert capsys.readouterr().out.count("\n") == 4
