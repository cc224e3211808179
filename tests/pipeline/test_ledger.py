"""Money adds up: whatever becomes of leads, the ledger says what buyers accepted and what sources were promised."""

import asyncio
from collections import Counter
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings
from msgspec import Struct

from app.core.errors import Conflict
from app.model import Accepted, Duplicate, Outcome, Rejected
from app.pipeline.choosing import Chooser
from app.pipeline.faults import Retrying
from app.pipeline.replaying import Replayer
from app.pipeline.reviewing import Reviewer
from app.store import booked
from app.store.database import Database
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_returning import Desk

says("/dear", reply(200, b'{"status": "accepted", "id": "D-1", "price": "60.5"}'))
says("/free", reply(200, b'{"status": "accepted", "id": "F-1", "price": "0"}'))

WAYS = ("ok", "dear", "free", "reject", "duplicate", "503", "reset-after-headers")
LEADS = (*WAYS, "nobody")  # which no contract takes
CHECKS = "[{check: email, role: hold}, {check: duplicate, on: [email], within: 30d, action: dont_pay}]"
MORE_FIELDS = """
      a:          {type: text}
      b:          {type: text}
"""


def priced(id_: str, url: str, price: str, when: str, campaign: str = "solar") -> str:
    """A buyer of solar, or of roof, whose reply may say a price."""
    terms = f"when: {when}\n        returns: {{window: 7d, reasons: [wrong_number]}}"
    written = contract(id_, url, price=price, more=terms, schedule="1h")
    return written.replace("campaign: solar", f"campaign: {campaign}").replace(
        "reference: reply.json.id", "reference: reply.json.id\n          price: reply.json.price"
    )


def exchange(buyer: Buyer, sell: str) -> str:
    """Two campaigns in two currencies. In each a lead names what its dearer and its cheaper buyer does."""
    yaml = catalogue(
        source(),
        source("early", reply="verdict"),
        source("gift").replace('"12.50"', '"0"'),
        source("euro", reply="verdict").replace("campaign: solar", "campaign: roof"),
        *(
            priced(f"{campaign}-{who}-{way}", buyer.url(f"/{way}"), price, f'lead.{who} == "{way}"', campaign)
            for campaign in ("solar", "roof")
            for who, price in (("a", "42.00"), ("b", "30.125"))
            for way in WAYS
        ),
        checks=CHECKS,
        sell=sell,
    )
    solar, rest = yaml.replace("\n    checks:", f"{MORE_FIELDS}    checks:").split("\nsources:", 1)
    roof = solar.replace("campaigns:\n", "").replace("- id: solar", "- id: roof\n    currency: EUR")
    return f"{solar}{roof}\nsources:{rest}"


class Post(Struct, frozen=True):
    """One lead, and what becomes of it; what is unclear or held is settled by `words`, in turn."""

    source: str
    a: str
    b: str
    who: int
    test: bool
    held: bool


POSTS = st.builds(
    Post,
    source=st.sampled_from(["acme", "early", "gift", "euro"]), a=st.sampled_from(LEADS), b=st.sampled_from(LEADS),
    who=st.integers(0, 3), test=st.sampled_from([False, False, False, True]), held=st.sampled_from([False, False, True]),
)  # fmt: skip
WORDS = st.sampled_from(
    [
        Accepted(),
        Accepted(price=Decimal("7.77")),
        Accepted(price=Decimal(0)),
        Rejected(reason="no"),
        Duplicate(reason="twice"),
    ]
)


async def at_rest(house: House) -> None:
    """Nothing is undecided or in hand."""

    async def still() -> bool:
        busy = "select exists (select from inbox) or exists (select from delivery where state = 'sending')"
        return not await house.value(busy)

    await house.until(still)


async def post(house: House, one: Post) -> None:
    email = f"{'info' if one.held else 'ann'}@house{one.who}.example"
    work = house.work(lead(email, a=one.a, b=one.b), source=one.source, test=one.test)
    await house.keep(work)
    asked = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
    await at_rest(house)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def settle(house: House, words: list[Outcome]) -> None:
    """Everything unclear ends by somebody's word, said twice and then contradicted."""
    for n, row in enumerate(await house.rows("select id from delivery where state = 'unclear' order by id")):
        word = words[n % len(words)]
        for said in (word, word, Rejected(reason="other") if isinstance(word, Accepted) else Accepted()):
            try:
                step = await house.settler.settle(row["id"], said, by="test")
            except Conflict:
                continue
            if step is not None:
                house.engine.follow(step)
        await at_rest(house)


async def review(house: House, approve: bool) -> None:
    retrying = Retrying(house.world, house.metrics)
    reviewer = Reviewer(house.database, house.engine.recorder, house.engine.tracker, house.world, retrying)
    for row in await house.rows("select id from lead where state = 'held' order by id"):
        step = await (
            reviewer.approve(row["id"], by="test") if approve else reviewer.reject(row["id"], "no", by="test")
        )
        if step is not None:
            house.engine.follow(step)
        await at_rest(house)


async def ask_again(house: House) -> None:
    """What waits has waited for too long and dies at its next turn; then the dead are asked again."""
    await house.run("update delivery set created_at = now() - interval '2 hours' where state = 'waiting'")
    await house.due_now()
    await at_rest(house)
    replayer = Replayer(
        house.database,
        house.world,
        Chooser(house.world),
        Retrying(house.world, house.metrics),
        lambda: house.plans,
    )
    says("/503", reply())
    try:
        for row in await house.rows("select id from delivery where state = 'dead' order by id"):
            try:
                await replayer.ask(row["id"], by="test")
            except Conflict:
                continue
        await house.due_now()
        await at_rest(house)
    finally:
        says("/503", reply(503))


async def give_back(house: House) -> None:
    """Every other lead goes back, said twice: with what was charged, and its source's price where all gave it back."""
    desk = Desk(house)
    sold = "select id, buyer from delivery where state = 'accepted' and refunded is null order by id"
    for row in (await house.rows(sold))[::2]:
        for _ in range(2):
            result = await desk.give_back(row["id"], buyer=row["buyer"])
            if result.id is not None:
                await desk.returns.approve(result.id, by="test")


async def agree(house: House) -> None:
    """The ledger and the leads say one thing, by sums of our own and by what `doctor` asks."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in await house.rows("select * from entry where kind <> 'cost_return'"):
        sums[row["currency"], row["kind"], row["buyer"] or row["source"]] += row["amount"]
    facts: Counter[tuple[str, str, str]] = Counter()
    for row in await house.rows(
        "select buyer, campaign, price, refunded from delivery where state = 'accepted' and not test"
    ):
        currency = "EUR" if row["campaign"] == "roof" else "USD"
        facts[currency, "sale", row["buyer"]] += row["price"]
        facts[currency, "return", row["buyer"]] += row["refunded"] or 0
    for row in await house.rows(
        "select source, campaign, price from lead where outcome = 'success' and not test"
    ):
        facts["EUR" if row["campaign"] == "roof" else "USD", "cost", row["source"]] += row["price"]
    assert sums == +facts
    revenue = await house.value("select coalesce(sum(revenue), 0) from lead where not test")
    signs = {"sale": 1, "return": -1, "cost": 0}
    assert revenue == sum(signs[kind] * amount for (_, kind, _), amount in sums.items())
    paid = "select from entry c where c.kind = 'cost' and c.lead_id = e.lead_id and c.amount = e.amount"
    assert not await house.rows(f"select from entry e where kind = 'cost_return' and not exists ({paid})")
    today = house.world.now().date()
    async with house.database.acquire() as conn:
        assert await booked.unlike_deliveries(conn, today) == []
        assert await booked.unlike_leads(conn, today) == []


async def history(house: House, posts: list[Post], words: list[Outcome], approve: bool) -> None:
    for one in posts:
        await post(house, one)
    await agree(house)
    await settle(house, words)
    await agree(house)
    await review(house, approve)
    await agree(house)
    await give_back(house)
    await agree(house)
    await ask_again(house)
    await settle(house, words)
    await give_back(house)
    await agree(house)


QUICKLY = settings(
    max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@QUICKLY
@given(
    posts=st.lists(POSTS, min_size=3, max_size=8),
    words=st.lists(WORDS, min_size=1, max_size=4),
    approve=st.booleans(),
)
async def test_whatever_becomes_of_exclusive_leads_the_ledger_says_it(
    database: Database, buyer: Buyer, posts: list[Post], words: list[Outcome], approve: bool
) -> None:
    async with opened(database, exchange(buyer, "exclusive")) as house:
        await history(house, posts, words, approve)


@QUICKLY
@given(
    posts=st.lists(POSTS, min_size=3, max_size=8),
    words=st.lists(WORDS, min_size=1, max_size=4),
    approve=st.booleans(),
)
async def test_whatever_becomes_of_shared_leads_the_ledger_says_it(
    database: Database, buyer: Buyer, posts: list[Post], words: list[Outcome], approve: bool
) -> None:
    async with opened(database, exchange(buyer, "shared(2)")) as house:
        await history(house, posts, words, approve)


async def entries(house: House) -> list[tuple[str, str, str, str]]:
    """(kind, debit, credit, how much of what), in the order of their booking."""
    return [
        (row["kind"], row["debit"], row["credit"], f"{row['amount']} {row['currency']}")
        for row in await house.rows("select * from entry order by id")
    ]


async def test_a_sale_is_booked_with_what_it_cost(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        answer = await house.one(lead())
        assert sorted(await entries(house)) == [
            ("cost", "cost:solar", "source:acme", "12.50 USD"),
            ("sale", "buyer:b1", "revenue:solar", "42.00 USD"),
        ]
        (sale,) = await house.rows("select * from entry where kind = 'sale'")
        (delivery,) = await house.rows("select * from delivery")
        assert (sale["lead_id"], sale["delivery_id"]) == (answer.lead_id, delivery["id"])
        assert (sale["source"], sale["campaign"], sale["buyer"], sale["contract"]) == (
            "acme",
            "solar",
            "b1",
            "b1",
        )


async def test_a_lead_that_nobody_takes_costs_nothing(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/reject")))) as house:
        await house.one(lead())
        assert await entries(house) == []


async def test_a_source_that_is_paid_by_the_verdict_is_owed_its_price_at_once(database: Database) -> None:
    async with opened(database, catalogue(source(reply="verdict"))) as house:
        answer = await house.one(lead())
        assert (answer.state, await entries(house)) == (
            "unsold", [("cost", "cost:solar", "source:acme", "12.50 USD")],
        )  # fmt: skip


async def test_a_test_lead_is_not_booked(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        assert (await house.one(lead(), test=True)).state == "sold"
        assert await entries(house) == []


async def test_two_buyers_of_one_lead_owe_two_prices_and_its_source_is_owed_one(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/ok")),
        contract("b2", buyer.url("/ok"), price="30"),
        sell="shared(2)",
    )
    async with opened(database, yaml) as house:
        await house.one(lead())  # answered by the first sale
        await at_rest(house)
        assert sorted(await entries(house)) == [
            ("cost", "cost:solar", "source:acme", "12.50 USD"),
            ("sale", "buyer:b1", "revenue:solar", "42.00 USD"),
            ("sale", "buyer:b2", "revenue:solar", "30.00 USD"),
        ]


async def test_prices_stay_in_the_currency_that_they_were_agreed_in(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/503")))
    async with opened(database, yaml) as house:
        await house.waiting(lead())
        await house.configure(yaml.replace("- id: solar", "- id: solar\n    currency: EUR"))
        says("/503", reply())
        try:
            await house.due_now()
            await at_rest(house)
        finally:
            says("/503", reply(503))
        assert {what for *_, what in await entries(house)} == {"42.00 USD", "12.50 USD"}
