"""What a file says, and what is said of a file that is wrong."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.documents import Catalogue
from app.catalog.problems import CatalogueErrors, Problem, render
from app.catalog.reading import read
from app.catalog.sealing import Sealer, sealed
from app.catalog.tree import MOST_VALUES, Node, Text, index_of, parse
from tests.catalog.components import KINDS

DATA = Path(__file__).parents[1] / "data" / "catalogues"
FAULTS = yaml.safe_load((DATA / "faults.yaml").read_text("utf-8"))
HOUSE = (DATA / "house.yaml").read_text("utf-8")


def problems_of(text: str, **more: object) -> tuple[Problem, ...]:
    with pytest.raises(CatalogueErrors) as caught:
        read([("leads.yaml", text)], KINDS, **more)  # type: ignore[arg-type]
    return caught.value.problems


def house() -> Catalogue:
    return read([("house.yaml", HOUSE)], KINDS)


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["should"])
def test_apply_should(case: dict[str, str]) -> None:
    assert render(problems_of(case["given"])) == case["expect"].rstrip()


def test_the_catalogue_of_the_design_reads_as_documents() -> None:
    (campaign,), (source,), (buyer,) = (house().campaigns, house().sources, house().buyers)
    assert list(campaign.fields) == ["first_name", "email", "phone", "state", "bill"]
    assert (source.id, str(source.price), source.mapping) == ("acme", "12.50", {"fname": "first_name"})
    (contract,) = buyer.contracts
    assert contract.when is not None
    assert contract.when.text == 'lead.state in ["CA", "NV"] && lead.bill >= 100'
    assert contract.deliver["auth"] == {"scheme": "basic", "user": "leadgate", "password": "hunter2"}


def test_an_empty_file_is_an_empty_catalogue() -> None:
    assert read([("a.yaml", ""), ("b.yaml", "# nothing\n"), ("c.yaml", "buyers:\n")], KINDS) == Catalogue()


def test_names_may_be_of_another_file_or_of_the_catalogue_as_it_is() -> None:
    source = "sources:\n  - {id: new, campaign: solar, mapping: {st: state}}\n"
    assert read([("s.yaml", source), ("h.yaml", HOUSE)], KINDS).sources[0].id == "new"
    assert read([("s.yaml", source)], KINDS, current=house()).sources[0].id == "new"
    assert problems_of(source)[0].path == "sources[0].campaign"


def test_a_field_that_somebody_outside_the_file_uses_can_not_go() -> None:
    text = "campaigns:\n  - id: solar\n    fields: {first_name: {type: name}, state: {type: state}}\n"
    (bill,) = problems_of(text, current=house())
    assert (bill.message, bill.hint) == (
        'no longer has "bill"',
        "contract sunco-west is not in the file and still uses it",
    )


def test_a_path_names_the_whole_place() -> None:
    text = HOUSE.replace("lead.bill >= 100", "lead.bil >= 100")
    assert problems_of(text)[0].path == "buyers[0].contracts[0].when"


def test_a_faulty_object_does_not_hide_the_faults_of_another() -> None:
    text = HOUSE.replace("reply: sold", "reply: sould").replace("lead.bill", "lead.bil")
    assert [p.path for p in problems_of(text)] == ["sources[0].reply", "buyers[0].contracts[0].when"]


def test_digits_that_begin_with_zero_stay_text() -> None:
    text = HOUSE.replace("mapping:", "defaults: {state: 02134}\n    mapping:")
    assert read([("a", text)], KINDS).sources[0].defaults == {"state": "02134"}


def test_an_anchor_and_a_merge_key_stand_for_what_they_name() -> None:
    text = """\
campaigns:
  - {id: solar, fields: {state: {type: state}}}
buyers:
  - id: sunco
    contracts:
      - &west
        id: west
        campaign: solar
        price: 40
        deliver: {adapter: sheet}
      - <<: *west
        id: east
        price: 50
"""
    west, east = read([("a", text)], KINDS).buyers[0].contracts
    assert (west.id, west.price, east.id, east.price) == ("west", 40, "east", 50)
    assert east.deliver == {"adapter": "sheet"}


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        text += f"{two}: &{two} [{', '.join([f'*{one}'] * 10)}]\n"
    (problem,) = problems_of(text)
    assert f"more than {MOST_VALUES:,} values" in problem.message


def test_deep_nesting_is_refused() -> None:
    (problem,) = problems_of("campaigns: " + "[" * 5_000 + "]" * 5_000)
    assert problem.message == "nested more than 50 deep"


def test_a_file_over_ten_megabytes_is_refused_unread() -> None:
    (problem,) = problems_of("#" * 10_000_001)
    assert problem.message == "the file is over 10 MB"


def test_no_secret_is_shown_beside_a_fault() -> None:
    told = render(problems_of(HOUSE.replace("{scheme: basic,", "{scheme: basic, realm: 7,")))
    assert "realm is not known" in told
    assert "hunter2" not in told


def test_a_sealed_secret_is_taken_as_it_stands_where_the_key_is_the_same() -> None:
    ours, other = Sealer(b"1" * 32), Sealer(b"2" * 32)
    text = ours.seal("hunter2")
    kept = read([("a", HOUSE.replace("hunter2", text))], KINDS, sealer=ours)
    assert kept.buyers[0].contracts[0].deliver["auth"]["password"] == text
    (problem,) = problems_of(HOUSE.replace("hunter2", text), sealer=other)
    assert problem.path == "buyers[0].contracts[0].deliver.auth.password"
    assert problem.message == "was sealed with another key, or is damaged"
    assert sealed(kept, Catalogue(), KINDS, ours) == kept


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200))
def test_whatever_the_text_a_reading_ends_in_a_catalogue_or_in_problems(text: str) -> None:
    try:
        read([("a", text)], KINDS)
    except CatalogueErrors as errors:
        render(errors.problems)


PIECES = st.sampled_from(
    ["campaigns:", "- id: a", "  ", "\n", "when: ", "'", '"', "|", ">", "&a ", "*a", "{", "}", "[", "]", ": ", "#",
     "lead.x", "deliver:", "adapter: webhook", "auth", "!!x ", "---\n", "\t", "<<: *a", "\ufeff", "é", "buyers:\n"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_whatever_the_yaml_a_reading_ends_in_a_catalogue_or_in_problems(text: str) -> None:
    try:
        read([("a", text)], KINDS)
    except CatalogueErrors as errors:
        render(errors.problems)


@settings(max_examples=80, deadline=None)
@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n'\"\\ &"), min_size=1, max_size=40
    ),
    st.sampled_from(["'", '"', "|"]),
)
def test_every_character_of_a_scalar_is_found_in_the_file(value: str, style: str) -> None:
    """Against PyYAML's writer: other words than ours for the same value."""
    source = yaml.dump({"k": value}, default_style=style, allow_unicode=True, width=20)
    text = Text("a", source)
    root = parse(text)
    assert root is not None
    node: Node = root.items["k"]
    assert node.value == value
    for i, char in enumerate(value):
        if char.isascii() and char.isalnum():
            assert source[index_of(text, node, i)] == char
