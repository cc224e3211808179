"""What applying a file would change."""

import pytest

from app.catalog.documents import Catalogue
from app.catalog.plan_text import heading, render
from app.catalog.planning import Plan, plan
from app.catalog.reading import read
from app.catalog.sealing import Sealer, sealed
from app.components import discover
from tests.catalog.components import KINDS
from tests.catalog.test_reading import HOUSE

SEALER = Sealer(b"k" * 32)


def seen(text: str, current: Catalogue) -> Catalogue:
    wanted = read([("leads.yaml", text)], KINDS, current=current, sealer=SEALER)
    return sealed(wanted, current, KINDS, SEALER)


HOUSE_NOW = seen(HOUSE, Catalogue())


def planned(text: str, *, prune: bool = False) -> Plan:
    return plan(HOUSE_NOW, seen(text, HOUSE_NOW), prune=prune, against=412)


def test_the_same_file_again_is_nothing_to_change() -> None:
    same = planned(HOUSE)
    assert same.empty
    assert render(same) == "Nothing to change."
    assert same.result == HOUSE_NOW


def test_a_plan_reads_as_the_specification_shows_it() -> None:
    text = HOUSE.replace("lead.bill >= 100", "lead.bill >= 120").replace("leads: 200", "leads: 150")
    text = (
        text.replace("id: acme", "id: new-form")
        + """\
      - {id: peak-nv, campaign: solar, price: 38, deliver: {adapter: sheet}}
"""
    )
    wanted = seen(text, HOUSE_NOW)
    shown = render(
        plan(HOUSE_NOW, wanted, against=412),
        head=heading(["leads.yaml"], wanted),
        effects={"sunco-west": "matches 1,102 of the last 5,000 leads, was 1,284"},
    )
    when = 'lead.state in ["CA", "NV"] && lead.bill >= '
    assert (
        shown
        == f"""\
  leads.yaml: 1 campaign, 1 source, 2 contracts read, all expressions compile

  · source acme                        not in the file: kept
  + source new-form                    active, for solar, 12.50 USD
  + contract peak-nv                   active, 38.00 USD, sheet
  ~ contract sunco-west
      when            {when}100  →  {when}120
                      matches 1,102 of the last 5,000 leads, was 1,284
      caps[0].leads   200 → 150

Plan: 2 to add, 1 to change, 0 to remove.   Against v412. Nothing was changed."""
    )


def test_a_price_under_what_the_lead_costs_is_a_warning() -> None:
    shown = render(planned(HOUSE.replace('"42.00"', "8.50")), applied=413)
    assert (
        shown
        == """\
  ! contract sunco-west                price 42.00 → 8.50: under acme's 12.50, every lead would lose 4.00

Plan: 0 to add, 1 to change, 0 to remove, 1 warning.   Against v412. Now v413."""
    )


def test_ones_own_team_that_pays_nothing_is_no_loss() -> None:
    assert planned(HOUSE.replace('"42.00"', "0")).warnings == ()


def test_a_contract_that_no_source_feeds_and_a_source_that_feeds_none_are_warnings() -> None:
    text = """\
campaigns:
  - {id: roof, fields: {state: {type: state}}}
  - {id: pool, fields: {state: {type: state}}}
sources:
  - {id: roofer, campaign: roof}
buyers:
  - id: b
    contracts: [{id: pools, campaign: pool, deliver: {adapter: sheet}}]
"""
    assert [(w.kind, w.id, w.text) for w in planned(text).warnings] == [
        ("contract", "pools", "no source feeds campaign pool"),
        ("source", "roofer", "campaign roof has no contract: every lead stays unsold"),
    ]


def warned(text: str) -> list[str]:
    kinds = discover()
    wanted = sealed(read([("x.yaml", text)], kinds), Catalogue(), kinds, SEALER)
    return [w.text for w in plan(Catalogue(), wanted).warnings]


@pytest.mark.parametrize(
    ("deliver", "waits"),
    [
        ("{adapter: email, sender: a@a.example, to: [b@b.example], proof: confirmed}", True),
        ("{adapter: email, sender: a@a.example, to: [b@b.example], proof: taken}", False),
        ("{adapter: adf, mail: {sender: a@a.example, to: [b@b.example], proof: confirmed}}", True),
        ("{adapter: webhook, url: 'https://b.example', accepted: 'false', unclear: 'true'}", True),
        ("{adapter: adf, http: {url: 'https://b.example', accepted: 'false', unclear: 'true'}}", True),
        ("{adapter: webhook, url: 'https://b.example', accepted: reply.status == 200}", False),
    ],
)
def test_a_proof_that_comes_later_without_a_time_by_which_is_a_warning(deliver: str, waits: bool) -> None:
    text = f"""\
campaigns: [{{id: pool, fields: {{state: {{type: state}}}}}}]
sources: [{{id: pooler, campaign: pool}}]
buyers: [{{id: b, contracts: [{{id: c, campaign: pool, deliver: {deliver}}}]}}]
"""
    told = ["its buyer says later what he took, and nobody is told when he does not: confirm says by when"]
    assert warned(text) == (told if waits else [])
    assert warned(text.replace("deliver:", "confirm: {within: 1d}, deliver:")) == []


def test_a_buyer_who_is_to_answer_by_an_id_that_he_is_not_given_is_a_warning() -> None:
    text = """\
campaigns: [{id: pool, fields: {state: {type: state}}}]
sources: [{id: pooler, campaign: pool}]
buyers:
  - id: b
    contracts:
      - id: files
        campaign: pool
        confirm: {within: 1d}
        deliver: {adapter: ftp, host: h, user: u, folder: in, fields: {Where: state}, proof: acknowledged,
                  acknowledge: {folder: out, listed: accepted}}
"""
    (told,) = warned(text)
    assert told == "none of fields is delivery_id, so the buyer's file can't name a lead by it"
    assert warned(text.replace("Where: state", "Where: state, Id: delivery_id")) == []
    assert warned(text.replace("fields: {Where: state}, ", "")) == []


def test_a_secret_that_changes_is_told_and_not_shown() -> None:
    changed = render(planned(HOUSE.replace("hunter2", "hunter3")))
    assert "deliver.auth.password secret changed" in changed
    gone = render(
        planned(HOUSE.replace("auth: {scheme: basic, user: leadgate, password: hunter2}", "body: form"))
    )
    assert "- {scheme: basic, user: leadgate, password: (secret)}" in gone
    assert "hunter" not in changed + gone
    assert "sealed:" not in changed + gone


def test_what_is_not_in_the_file_is_kept_and_only_prune_pauses_it() -> None:
    text = "buyers:\n  - {id: sunco}\n"
    kept, pruned = planned(text), planned(text, prune=True)
    assert kept.empty
    assert kept.result == HOUSE_NOW
    assert [(c.action, c.kind) for c in pruned.changes] == [
        ("kept", "campaign"),
        ("paused", "source"),
        ("paused", "contract"),
    ]
    assert pruned.result.sources[0].paused
    assert pruned.result.buyers[0].contracts[0].paused
    assert not pruned.result.buyers[0].paused
    assert "1 to pause" not in render(kept)
    assert "2 to pause" in render(pruned)


def test_what_prune_paused_a_file_that_has_it_takes_up_again() -> None:
    pruned = planned("buyers:\n  - {id: sunco}\n", prune=True).result
    back = plan(pruned, seen(HOUSE, pruned))
    assert {(d.path, d.old, d.new) for c in back.changes for d in c.details} == {("paused", "true", "false")}


def test_a_contract_may_move_to_another_buyer() -> None:
    moved = planned(HOUSE.replace("id: sunco\n", "id: other\n"))
    (contract,) = (c for c in moved.changes if c.kind == "contract")
    assert [(d.path, d.old, d.new) for d in contract.details] == [("buyer", "sunco", "other")]
    assert {b.id: len(b.contracts) for b in moved.result.buyers} == {"other": 1, "sunco": 0}
    assert moved.touched() == {
        "list": set(), "enricher": set(), "campaign": set(), "source": set(), "buyer": {"other", "sunco"},
    }  # fmt: skip


def test_another_order_of_fields_is_a_change() -> None:
    lines = HOUSE.splitlines(keepends=True)
    bill = next(line for line in lines if "bill:" in line)
    text = HOUSE.replace(bill, "").replace("    fields:\n", "    fields:\n" + bill)
    (change,) = planned(text).changes
    assert [(d.path, d.note) for d in change.details] == [("fields", "in another order")]


def test_caps_that_come_and_go_are_named_by_their_place() -> None:
    text = HOUSE.replace("[{per: day, leads: 200}]", "[{per: day, leads: 200}, {per: total, leads: 9}]")
    (change,) = planned(text).changes
    assert [(d.path, d.old, d.new) for d in change.details] == [
        ("caps[1]", None, "{per: total, leads: 9, window: calendar}")
    ]


def test_a_platforms_secret_is_told_as_changed_and_not_shown() -> None:
    added = HOUSE.replace("    mapping:", "    platforms: [{platform: ads, key: hunter3}]\n    mapping:")
    with_ads = seen(added, HOUSE_NOW)
    told = render(plan(HOUSE_NOW, with_ads))
    assert "platforms" in told
    assert "(secret)" in told
    changed = seen(added.replace("hunter3", "hunter4"), with_ads)
    again = render(plan(with_ads, changed))
    assert "platforms[0].key secret changed" in again
    assert "hunter" not in told + again
    assert render(plan(with_ads, seen(added, with_ads))) == "Nothing to change."


def test_who_is_reached_along_a_chain_is_fed_by_it() -> None:
    text = (
        "campaigns:\n"
        "  - {id: a, fields: {}, distribution: {then: [{campaign: b}, {house: h}]}}\n"
        "  - {id: b, fields: {}}\n  - {id: c, fields: {}}\n"
        "sources:\n  - {id: s, campaign: a}\n"
        "buyers:\n  - id: x\n    contracts:\n"
        "      - {id: of-b, campaign: b, deliver: {adapter: webhook, url: 'https://b.example'}}\n"
        "      - {id: h, campaign: c, deliver: {adapter: webhook, url: 'https://b.example'}}\n"
        "      - {id: of-c, campaign: c, deliver: {adapter: webhook, url: 'https://b.example'}}\n"
    )
    found = plan(Catalogue(), read([("t", text)], KINDS)).warnings
    assert [(one.id, one.text) for one in found] == [("of-c", "no source feeds campaign c")]


def test_what_is_paid_for_copies_alone_or_of_each_sale_is_said_so() -> None:
    text = (
        "campaigns:\n  - {id: a, fields: {}, distribution: {sell: hybrid(3)}}\n"
        "sources:\n  - {id: s, campaign: a, revenue_share: 60}\n  - {id: free, campaign: a}\n"
        "buyers:\n  - id: x\n    contracts:\n"
        "      - {id: both, campaign: a, price: 42, shared_price: 24, deliver: {adapter: sheet}}\n"
        "      - {id: copies, campaign: a, shared_price: '21.00', deliver: {adapter: sheet}}\n"
        "      - {id: team, campaign: a, deliver: {adapter: sheet}}\n"
    )
    notes = {one.id: one.note for one in plan(Catalogue(), read([("t", text)], KINDS)).changes}
    assert (notes["s"], notes["free"]) == ("active, for a, 60.00 % of each sale", "active, for a")
    assert notes["both"] == "active, 42.00 USD, 24.00 USD a copy, sheet"
    assert notes["copies"] == "active, 21.00 USD a copy, sheet"
    assert notes["team"] == "active, 0.00 USD, sheet"
