"""An operator sees what was asked for a price, and why somebody has not bid."""

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e import catalogues
from tests.e2e.counting import CountingBuyer

Wired = tuple[Gate, Leadgate]


@pytest.fixture
async def wired(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> Wired:
    """Of three contracts one bids, one bids too little, and one is full."""
    auction = '    auction: {minimum: "5.00", margin: {percent: 20}}\n'
    monkeypatch.setattr(catalogues, "_CAMPAIGN", catalogues._CAMPAIGN + auction)
    monkeypatch.setenv("COLUMNS", "200")
    await gate.configure(
        source(),
        contract("sunco-west", buyer.url("sunco-west"), price="20.00", more='when: lead.state == "CA"'),
        contract("cheap", buyer.url("cheap"), price="4.00"),
        contract("full", buyer.url("full"), price="30.00", caps="[{per: day, leads: 0}]"),
    )
    return gate, leadgate


async def ping(gate: Gate, state: str) -> str:
    answer = await gate.http.post("/v1/ping", json={"state": state, "bill": 120})
    assert answer.status_code == 200, answer.text
    return str(answer.json().get("ping_id", ""))


async def test_the_latest_first_with_who_bid_who_did_not_and_the_lead_of_it(wired: Wired) -> None:
    gate, leadgate = wired
    lead = await gate.post(ping_id=await ping(gate, "CA"))
    await ping(gate, "NV")
    none, sold = (await leadgate("pings")).stdout.splitlines()
    assert none.split()[0] == "✕"
    assert none.endswith("no bid  no bid: full cap, cheap minimum")
    assert f"16.00 USD  sunco-west 20.00 · no bid: full cap, cheap minimum · lead {lead[-8:]}" in sold


async def test_for_programs_with_whole_ids_and_amounts_as_text(wired: Wired) -> None:
    gate, leadgate = wired
    asked = await ping(gate, "CA")
    [one] = objects(await leadgate("pings", "--json"))
    assert (one["id"], one["price"], one["lead_id"]) == (asked, "16.00", None)
    assert one["silent"] == {"cheap": "minimum", "full": "cap"}
    assert [(bid["contract"], bid["pays"]) for bid in one["bids"]] == [("sunco-west", "20.00")]


@pytest.mark.parametrize(
    ("words", "prices"),
    [
        ((), [None, "16.00"]),
        (("--no-bid",), [None]),
        (("--contract", "sunco-west"), ["16.00"]),
        (("--contract", "cheap"), [None, "16.00"]),
        (("--source", "another"), []),
        (("--campaign", "solar", "--limit", "1"), [None]),
        (("--until", "2001-01-01"), []),
    ],
)
async def test_only_those_that_are_meant(
    wired: Wired, words: tuple[str, ...], prices: list[str | None]
) -> None:
    gate, leadgate = wired
    await ping(gate, "CA")
    await ping(gate, "NV")
    assert [one["price"] for one in objects(await leadgate("pings", "--json", *words))] == prices


async def test_where_nothing_was_asked_it_says_how_to_look_further_back(wired: Wired) -> None:
    told = await wired[1]("pings")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == "no such ping in this time; --since 7d looks further back\n"
