from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.conditions import facts_of
from app.distribute.explain import LeftOutReason, explain
from app.model import Worth
from tests.distribute.routing.standing import NOON, Contract, contract, index_of

MST = {"zone": "America/Denver", "open": {"mon-fri": "08:00-18:00"}}


def why(*contracts: Contract, **lead: Any) -> list[tuple[str, str, str, str]]:
    reasons = explain(index_of(*contracts), lead, source="acme", at=NOON)
    return [(one.contract, one.cause, one.rule, one.value) for one in reasons]


def test_a_filter_names_its_failing_part_and_the_value_that_did_it() -> None:
    when = 'lead.bill >= 100 && lead.state in ["CA", "NV"]'
    assert why(contract("a", when), bill=100, state="FL") == [
        ("a", "filter", 'lead.state in ["CA", "NV"]', 'lead.state == "FL" → false')
    ]
    assert why(contract("a", when), bill=99.5, state="CA") == [
        ("a", "filter", "lead.bill >= 100", "lead.bill == 99.5 → false")
    ]


def test_a_missing_field_and_the_small_words_are_said_as_such() -> None:
    assert why(contract("a", "lead.owner"))[0][3] == "lead.owner is missing → false"
    assert why(contract("a", "lead.owner"), owner=False)[0][3] == "lead.owner == false → false"
    assert (
        why(contract("a", "lead.a.size() > lead.b"), a="x", b=None)[0][3]
        == 'lead.a == "x"; lead.b == null → false'
    )


def test_closed_says_when_it_opens() -> None:
    assert why(contract("a", hours=MST)) == [("a", "hours", "hours", "closed until Wed 08:00 MST")]


def test_paused_and_source_come_first() -> None:
    assert why(
        contract("a", "lead.no", paused=True, hours=MST),
        contract("b", "lead.no", sources=["x", "y"], hours=MST),
    ) == [
        ("a", "paused", "paused", "the contract or its buyer is paused"),
        ("b", "source", "sources: x, y", "acme"),
    ]


def test_a_full_cap_says_how_full() -> None:
    index = index_of(contract("a", caps=[{"per": "day", "leads": 900}]))
    key = index.caps[0][0].key(NOON)
    assert explain(index, {}, source="acme", at=NOON, full={"a": key}) == [
        LeftOutReason("a", "cap", "cap per day", "900 of 900 today")
    ]


def test_a_buyer_who_has_the_person_is_told_before_its_caps_and_after_its_filter() -> None:
    index = index_of(contract("a", buyer="x"), contract("b", "lead.no", buyer="x"), contract("c", buyer="y"))
    said = explain(index, {}, source="acme", at=NOON, had={"x": "x has this person"})
    assert [(one.contract, one.cause, one.value) for one in said] == [
        ("a", "duplicate", "x has this person"),
        ("b", "filter", "lead.no is missing → false"),
    ]


def test_a_long_list_is_cut_short() -> None:
    zips = ", ".join(f'"{n}"' for n in range(90_000, 90_200))
    ((_, _, rule, value),) = why(contract("a", f"lead.zip in [{zips}]"), zip="10001")
    assert len(rule) < 100
    assert rule.endswith("characters)")
    assert value == 'lead.zip == "10001" → false'


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [None, 'lead.s == "a"', 'lead.s.endsWith("a") && lead.n > 1', "lead.n < 3 || lead.n > 7"]
            ),
            st.booleans(),
            st.sampled_from([(), ("acme",), ("other",)]),
            st.sampled_from([None, MST]),
        ),
        max_size=8,
    ),
    st.fixed_dictionaries({}, optional={"s": st.sampled_from(["a", "ba", "b"]), "n": st.integers(0, 9)}),
)
def test_it_adds_up_to_what_routing_counted(docs: list[Any], lead: dict[str, Any]) -> None:
    index = index_of(
        *(contract(f"c{i}", w, paused=p, sources=list(s), hours=h) for i, (w, p, s, h) in enumerate(docs))
    )
    match = index.match(lead, source="acme", at=NOON)
    causes = [reason.cause for reason in explain(index, lead, source="acme", at=NOON)]
    left = match.left_out
    assert [causes.count(c) for c in ("paused", "source", "filter", "hours")] == [  # type: ignore[arg-type]
        left.paused,
        left.source,
        left.filter,
        left.hours,
    ]
    assert match.count + len(causes) == len(docs)


def test_what_a_lead_is_worth_is_shown_where_that_left_it_out() -> None:
    index = index_of(
        contract("a", "score >= 70 && lead.bill > 1"),
        contract("b", "probability > 0.5"),
        contract("c", "score + 1 > 90"),
    )
    facts = facts_of({"bill": 2, "score": 99}, Worth(60, "B", True))
    said = explain(index, facts, source="acme", at=NOON)
    assert [(one.contract, one.rule, one.value) for one in said] == [
        ("a", "score >= 70", "score == 60 → false"),
        ("b", "probability > 0.5", "probability is missing → false"),
        ("c", "score + 1 > 90", "score == 60 → false"),
    ]


def test_a_field_that_is_called_score_is_the_field() -> None:
    index = index_of(contract("a", "lead.score >= 70"))
    (said,) = explain(index, facts_of({"score": 9}, Worth(90)), source="acme", at=NOON)
    assert said.value == "lead.score == 9 → false"
