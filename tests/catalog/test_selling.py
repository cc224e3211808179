"""What `apply` says of ways to sell, chains and re-queues."""

import pytest

from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.rows import from_row, to_row
from app.catalog.selling import Requeue
from tests.catalog.components import KINDS

FIELDS = "{state: {type: state}, email: {type: email}}"


def campaign(id_: str, *, distribution: str = "{}", fields: str = FIELDS, currency: str = "USD") -> str:
    return f"  - {{id: {id_}, fields: {fields}, distribution: {distribution}, currency: {currency}}}\n"


def contract(id_: str, of: str = "solar", more: str = "") -> str:
    return (
        f"      - {{id: {id_}, campaign: {of}, {more}"
        "deliver: {adapter: webhook, url: 'https://b.example'}}\n"
    )


def catalogue(*campaigns: str, contracts: str = "") -> str:
    buyers = f"buyers:\n  - id: b\n    contracts:\n{contracts}" if contracts else ""
    return f"campaigns:\n{''.join(campaigns)}{buyers}"


def said(text: str) -> list[tuple[str, str]]:
    try:
        read([("leads.yaml", text)], KINDS)
    except CatalogueErrors as errors:
        return [(one.path, one.message) for one in errors.problems]
    return []


def then(*links: str) -> str:
    return f"{{then: [{', '.join(links)}]}}"


def test_a_chain_to_another_campaign_and_a_house_is_taken() -> None:
    solar = campaign("solar", distribution=then("{campaign: aged}", "{house: desk}"))
    assert said(catalogue(solar, campaign("aged"), contracts=contract("desk", "aged"))) == []


@pytest.mark.parametrize(
    ("links", "place", "message"),
    [
        ("{campaign: agde}", "campaign", '"agde" is no campaign'),
        ("{house: dsk}", "house", '"dsk" is no contract'),
        ("{campaign: solar}", "campaign", "leads in a circle: solar > solar"),
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(links: str, place: str, message: str) -> None:
    text = catalogue(
        campaign("solar", distribution=then(links)), campaign("aged"), contracts=contract("desk")
    )
    assert said(text) == [(f"campaigns[0].distribution.then[0].{place}", message)]


def test_a_circle_is_refused_however_long_it_is() -> None:
    text = catalogue(
        campaign("a", distribution=then("{campaign: b}")),
        campaign("b", distribution=then("{campaign: c}")),
        campaign("c", distribution=then("{campaign: a}")),
    )
    assert said(text) == [
        ("campaigns[0].distribution.then[0].campaign", "leads in a circle: a > b > c > a"),
        ("campaigns[1].distribution.then[0].campaign", "leads in a circle: b > c > a > b"),
        ("campaigns[2].distribution.then[0].campaign", "leads in a circle: c > a > b > c"),
    ]


def test_two_chains_to_the_same_campaign_are_no_circle() -> None:
    text = catalogue(
        campaign("a", distribution=then("{campaign: b}", "{campaign: c}")),
        campaign("b", distribution=then("{campaign: c}")),
        campaign("c"),
    )
    assert said(text) == []


def test_who_is_asked_of_along_the_chain_must_speak_of_what_the_leads_have() -> None:
    solar = campaign("solar", distribution=then("{campaign: aged}"))
    aged = campaign("aged", fields="{state: {type: state}, bill: {type: number}, email: {type: number}}")
    contracts = (
        contract("c1", "aged", "when: lead.bill > 3.0, ")
        + contract("c2", "aged", "caps: [{per: day, leads: 1, when: lead.email > 1.0}], ")
        + contract("c3", "aged", 'when: lead.state == "CA", ')
    )
    place = "campaigns[0].distribution.then[0].campaign"
    assert said(catalogue(solar, aged, contracts=contracts)) == [
        (place, "contract c1 speaks of lead.bill, which campaign solar has not"),
        (place, "contract c2 speaks of lead.email, which is email on campaign solar and number on aged"),
    ]


def test_a_chain_stays_in_one_currency() -> None:
    solar = campaign("solar", distribution=then("{campaign: aged}"))
    assert said(catalogue(solar, campaign("aged", currency="EUR"))) == [
        ("campaigns[0].distribution.then[0].campaign", "aged is sold in EUR")
    ]


def test_a_shared_price_is_for_campaigns_that_share_or_not() -> None:
    plain = catalogue(campaign("solar"), contracts=contract("c", more='shared_price: "5", '))
    assert said(plain) == [("buyers[0].contracts[0].shared_price", "is never asked for")]
    hybrid = campaign("solar", distribution='{sell: "hybrid(2)"}')
    sweeping = contract("c", more='shared_price: "5", sweeper: true, ')
    assert said(catalogue(hybrid, contracts=sweeping)) == [
        ("buyers[0].contracts[0].shared_price", "is never asked for")
    ]
    assert said(catalogue(hybrid, contracts=contract("c", more='shared_price: "5", '))) == []
    assert said(catalogue(hybrid, contracts=contract("c"))) == [
        ("campaigns[0].distribution.sell", "hybrid(2), and no contract of solar takes a copy")
    ]


@pytest.mark.parametrize("sell", ["hybrid", "hybrid(0)", "hybrid(100)", "shared", "both"])
def test_other_ways_to_sell_there_are_none(sell: str) -> None:
    (fault,) = said(catalogue(campaign("solar", distribution=f'{{sell: "{sell}"}}')))
    assert fault[1].startswith("is no way to sell")


@pytest.mark.parametrize(
    ("policy", "path", "message"),
    [
        ("{every: 5s, for: 72h}", "every", "must be a minute or longer"),
        ("{for: 10s}", "for", "must be between a minute and a year"),
        ("{every: 1h}", "for", "needs for"),
        ("{for: 72h, price: {after: 72h, factor: 0.5}}", "price.after", "never comes"),
        ("{for: 72h, price: {after: 1h, factor: 0}}", "price.factor", "must be"),
        ("{for: 72h, price: {after: 1h, factor: 0.555}}", "price.factor", "is finer"),
        ("{for: 72h, on: [full_moon]}", "on[0]", ""),
    ],
)
def test_a_requeue_that_can_t_be_meant_is_refused(policy: str, path: str, message: str) -> None:
    (fault,) = said(catalogue(campaign("solar", distribution=f"{{requeue: {policy}}}")))
    assert fault[0].removeprefix("campaigns[0].distribution.requeue").strip(".") in (path, "")
    assert message in fault[1]


def test_it_is_kept_as_it_was_written() -> None:
    text = "{every: 30m, for: 72h, on: [cap_reset], price: {after: 24h, factor: 0.5}}"
    catalogue_ = read([("t", catalogue(campaign("solar", distribution=f"{{requeue: {text}}}")))], KINDS)
    row = to_row(catalogue_.campaigns[0])
    assert row["distribution"]["requeue"]["for"] == "72h"
    assert row["distribution"]["requeue"]["price"] == {"after": "24h", "factor": "0.5"}
    again = from_row("campaign", row).distribution.requeue
    assert isinstance(again, Requeue)
    assert again == catalogue_.campaigns[0].distribution.requeue
