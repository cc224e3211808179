"""How a lead goes along its chain: its source's cap, its copies and its house are told once."""

import pytest

from app.catalog.limits import Cap
from app.distribute.allocate import allocate
from app.distribute.caps import caps_of
from app.distribute.chain import Passage
from app.distribute.wanting import Want
from tests.distribute.routing.standing import NOON, contract
from tests.distribute.routing.test_hybrid import campaign, legs


def test_what_its_source_may_bring_is_counted_once_however_far_a_lead_goes() -> None:
    made = legs(
        [campaign("solar", "exclusive", {"campaign": "aged"}), campaign("aged")],
        [contract("a", when='lead.state == "NV"'), contract("b", campaign="aged")],
    )
    (cap,) = caps_of("source/acme", [Cap.model_validate({"per": "day", "leads": 10})])
    gate = cap.part(NOON)
    first = made[0].index.match({"state": "CA"}, source="acme", at=NOON)
    want = Want(first, gate=(gate,), passage=Passage(made, first))
    done = allocate([want], {gate.key: 0})
    assert [one.contract for one in done.choices[0].chosen] == ["b"]
    assert done.increments == {gate.key: 1}


def test_a_lead_has_as_many_copies_as_it_came_with_also_where_its_campaign_sells_more_by_now() -> None:
    made = legs([campaign("solar", "shared(3)", {"campaign": "aged"}), campaign("aged")], [contract("a")])
    first = made[0].index.match({}, source="acme", at=NOON)
    assert Passage(made, first).free(0, shared=False) == [1, 2, 3]
    assert Passage(made, first, slots=2).free(0, shared=False) == [1, 2]
    assert Passage(made, first, slots=2, held=[("a", 1)]).free(0, shared=False) == [2]


def test_the_house_of_a_campaign_is_asked_last_though_it_is_one_of_its_contracts() -> None:
    made = legs([campaign("solar", "exclusive", {"house": "h"})], [contract("a"), contract("h", price="99")])
    first = made[0].index.match({}, source="acme", at=NOON)
    passage = Passage(made, first)
    assert [passage.match(n).ranked() for n in passage.open()] == [["a"], ["h"]]


@pytest.mark.parametrize("then", [(), ({"campaign": "aged"},)], ids=["alone", "chain"])
def test_where_everybody_rests_it_waits_for_one_and_is_counted_once_to_its_source(
    then: tuple[dict[str, str], ...],
) -> None:
    made = legs(
        [campaign("solar", "exclusive", {"campaign": "aged"}), campaign("aged")],
        [contract("a"), contract("sweeps", price="99", sweeper=True), contract("b", campaign="aged", when="false")],
    )  # fmt: skip
    made[0].index.rest(["a", "sweeps"])
    (cap,) = caps_of("source/acme", [Cap.model_validate({"per": "day", "leads": 10})])
    gate = cap.part(NOON)
    first = made[0].index.match({}, source="acme", at=NOON)
    passage = Passage(made, first) if then else None
    done = allocate([Want(first, gate=(gate,), passage=passage)], {gate.key: 0})
    assert [one.contract for one in done.choices[0].chosen] == (["a"] if then else ["sweeps"])
    assert done.increments == {gate.key: 1}
