"""Lists in the catalogue: declared, named by checks, kept; and the keys that their entries stand under."""

import pytest

from app.catalog.documents import Catalogue, ListDoc
from app.catalog.export import export
from app.catalog.lists import key_of, networks_of, texts_of, unfilled
from app.catalog.plan_text import render
from app.catalog.planning import plan
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.components import discover

LISTS = """\
lists:
  - {id: customers, of: email, hashed: md5, written: [lower]}
  - {id: dnc, name: Do not call, of: phone, tell: false}
"""
CAMPAIGN = """\
campaigns:
  - id: solar
    fields:
      phone: {type: phone}
    checks:
      - {check: suppression, lists: [dnc, {list: customers, action: flag}], fields: [phone]}
"""


def seen(text: str, current: Catalogue = Catalogue()) -> Catalogue:
    return read([("t.yaml", text)], discover(), current=current)


def said(text: str, current: Catalogue = Catalogue()) -> list[tuple[str, str, str]]:
    with pytest.raises(CatalogueErrors) as told:
        seen(text, current)
    return [(problem.path, problem.message, problem.hint) for problem in told.value.problems]


def test_lists_survive_rows_and_export() -> None:
    catalogue = seen(LISTS + CAMPAIGN)
    rows = {"list": [(doc.id, to_row(doc)) for doc in catalogue.lists]}
    assert catalogue_of(rows).lists == catalogue.lists
    assert seen(export(catalogue)) == catalogue


def test_a_list_that_nobody_declares_can_not_be_named() -> None:
    assert said(LISTS + CAMPAIGN.replace("[dnc,", "[dcn,")) == [
        ("campaigns[0].checks[0].lists[0]", '"dcn" is no list', 'did you mean "dnc"?')
    ]
    assert said(LISTS + CAMPAIGN.replace("list: customers", "list: clients")) == [
        ("campaigns[0].checks[0].lists[1].list", '"clients" is no list', "known: customers, dnc")
    ]


def test_a_list_may_be_of_the_catalogue_as_it_is() -> None:
    assert seen(CAMPAIGN, seen(LISTS)).campaigns


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("of: phone", "of: email", "lists[1].of"),
        ("of: phone,", "of: phone, hashed: md5,", "lists[1].hashed"),
        ("hashed: md5", "hashed: sha256", "lists[0].hashed"),
    ],
)
def test_what_entries_were_made_of_can_not_be_changed(old: str, new: str, path: str) -> None:
    ((where, message, hint),) = said(LISTS.replace(old, new), seen(LISTS))
    assert (where, message) == (path, "can't be changed")
    assert "declare another list beside it" in hint


def test_what_is_not_in_the_file_stays_declared_also_when_pruned() -> None:
    planned = plan(seen(LISTS), seen("lists:\n  - {id: stops, of: ip}\n"), prune=True)
    assert [doc.id for doc in planned.result.lists] == ["customers", "dnc", "stops"]
    assert "+ list stops" in render(planned)
    assert planned.touched()["list"] == {"stops"}


@pytest.mark.parametrize(
    "wrong",
    [
        "{id: a, of: name}",
        "{id: a, of: phone, hashed: crc32}",
        "{id: a, of: phone, written: [e164]}",
        "{id: a, of: phone, hashed: md5, written: [lower]}",
        "{id: a, of: ip, hashed: md5, written: [e164]}",
        "{id: a, of: phone, country: XX}",
        "{id: a, of: phone, countyr: US}",
    ],
)
def test_a_list_that_can_not_be_meant_is_refused(wrong: str) -> None:
    assert len(said(f"lists:\n  - {wrong}\n")) == 1


def test_two_lists_of_one_name_are_told() -> None:
    assert said("lists:\n  - {id: a, of: ip}\n  - {id: a, of: ip}\n")[0][1] == '"a" is used by two lists'


def test_lists_that_a_check_names_and_that_hold_nothing_are_told() -> None:
    catalogue = seen(LISTS + "  - {id: spare, of: ip}\n" + CAMPAIGN)
    assert unfilled(catalogue, []) == ["customers", "dnc"]
    assert unfilled(catalogue, ["dnc"]) == ["customers"]


# keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doc", "value", "texts"),
    [
        ({"of": "phone"}, "+12125551212", ["+12125551212"]),
        ({"of": "phone", "hashed": "md5"}, "+12125551212", ["+12125551212", "12125551212", "2125551212"]),
        ({"of": "phone", "hashed": "md5"}, "+447911123456", ["+447911123456", "447911123456"]),
        ({"of": "phone", "hashed": "md5", "written": ["national"]}, "+12125551212", ["2125551212"]),
        ({"of": "phone", "hashed": "md5", "written": ["national"]}, "+447911123456", []),
        ({"of": "email"}, "a.b+c@gmail.com", ["a.b+c@gmail.com"]),
        ({"of": "email", "hashed": "sha256"}, "a.b+c@gmail.com", ["a.b+c@gmail.com", "ab@gmail.com"]),
        ({"of": "email", "hashed": "sha256"}, "a.b@example.com", ["a.b@example.com"]),
        ({"of": "domain"}, "a.b.example", ["a.b.example", "b.example"]),
        ({"of": "ip", "hashed": "md5"}, "203.0.113.7", ["203.0.113.7"]),
        ({"of": "ip"}, "203.0.113.7", ["203.0.113.7", "203.0.0.0/8", "203.0.0.0/16", "203.0.113.0/24"]),
    ],
)
def test_a_value_is_looked_for_in_every_form_that_its_list_may_have(doc, value, texts) -> None:
    assert list(texts_of(ListDoc.model_validate({"id": "x", **doc}), value)) == texts


def test_a_plain_list_is_kept_as_if_it_had_been_hashed() -> None:
    assert key_of("+12125551212", None) == key_of("+12125551212", "sha256")
    assert key_of("ann@example.com", "md5").hex() == "257c57037d384ae3"


def test_a_domain_of_any_depth_asks_a_bounded_number_of_questions() -> None:
    deep = ".".join(["a"] * 120)
    assert len(texts_of(ListDoc(id="x", of="domain"), deep)) <= 9


@pytest.mark.parametrize(
    ("network", "count"), [("10.0.0.0/8", 1), ("10.0.0.0/9", 128), ("10.0.0.1", 1), ("2001:db8::/32", 1)]
)
def test_a_network_is_at_most_so_many_entries(network: str, count: int) -> None:
    assert len(networks_of(network)) == count


def test_a_list_of_a_buyer_names_one_that_there_is_and_is_told_of_while_it_is_empty() -> None:
    buyers = "buyers: [{id: sunco}]\n"
    wrong = "lists: [{id: theirs, of: phone, buyer: sunko}]\n"
    assert said(wrong + buyers) == [("lists[0].buyer", '"sunko" is no buyer', 'did you mean "sunco"?')]
    catalogue = seen(wrong.replace("sunko", "sunco") + buyers)
    assert unfilled(catalogue, ()) == ["theirs"]
    assert unfilled(catalogue, {"theirs"}) == []


def test_two_rules_for_duplicates_have_two_names() -> None:
    rules = "[{check: duplicate, name: month, on: [phone]}, {check: duplicate, name: month, on: [phone], within: 60d}]"
    text = f"campaigns: [{{id: solar, fields: {{phone: {{type: phone}}}}, checks: {rules}}}]"
    assert said(text) == [
        ("campaigns[0].checks[1].name", '"month" is the name of two rules', "checks[0] has it already")
    ]
    assert seen(text.replace("name: month, ", ""))
