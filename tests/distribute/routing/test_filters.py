"""The index must say of every filter and every lead exactly what CEL says."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.conditions import Asked, Either, Question, conjuncts, facts_of
from app.core.expressions import Expression, WorthExpression
from app.core.quick import quick
from app.model import Worth
from tests.distribute.routing.standing import NOON, contract, index_of

FIELDS = ("state", "zip", "bill", "owner")
numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -2.0, 99.99, 2**53 - 1, 2**53, 2**53 + 1, 1e15, 9007199254740992.0]),
)
texts = st.sampled_from(["", "CA", "NV", "90", "902", "90210", "1", "true", "a b", "ü"])
scalars = st.one_of(
    numbers,
    texts,
    st.booleans(),
    st.none(),
    st.sampled_from([-0.0, math.inf, -math.inf, math.nan, 2**63 - 1, -(2**63), 2**63]),
)
leads = st.dictionaries(st.sampled_from(FIELDS), scalars, max_size=4)
fields = st.sampled_from([f"lead.{name}" for name in FIELDS])


def written(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) % 2 else f"'{value}'"
        case float():
            return f"{value:.2f}"
    return str(value)


literals = st.one_of(numbers, texts, st.booleans(), st.none()).map(written)
tests = st.one_of(
    st.builds("{} {} {}".format, fields, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), literals),
    st.builds("{}{}{}".format, fields, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), literals),
    st.builds("{} {} {}".format, literals, st.sampled_from(["==", "<", ">="]), fields),
    st.builds(lambda f, v: f"{f} in [{', '.join(v)}]", fields, st.lists(literals, max_size=4)),
    st.builds("has({})".format, fields),
    st.builds("{}.startsWith({})".format, fields, texts.map(written)),
    st.builds("{}.size() > 2".format, fields),
    fields,
    st.sampled_from(
        [
            "true",
            "false",
            'lead.zip == "9\\u0030"',
            'r"CA" == lead.state',
            "lead.bill == 1u",
            "source == 'acme'",
        ]
    ),
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} && {}".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("!{}".format, fields),
        st.builds("!has({})".format, fields),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    )


expressions = st.recursive(tests, joined, max_leaves=6)


@settings(max_examples=400, deadline=None)
@given(st.lists(expressions, min_size=1, max_size=6), st.lists(leads, min_size=1, max_size=4))
@example(["lead.bill > 9007199254740992.0"], [{"bill": 2**53 + 1}])
@example(["lead.bill == true"], [{"bill": 1}])
@example(["lead.bill != 1"], [{}])
@example(["!lead.owner"], [{"owner": 0}])
@example(["!(lead.bill > 1)"], [{"bill": math.nan}])
def test_the_index_answers_as_cel_does(texts: list[str], given_leads: list[dict[str, object]]) -> None:
    index = index_of(*(contract(f"c{i}", text) for i, text in enumerate(texts)))
    for lead in given_leads:
        data = {"lead": lead, "source": "acme"}
        expected = {f"c{i}" for i, text in enumerate(texts) if Expression(text).holds(data)}
        found = index.match(lead, source="acme", at=NOON)  # type: ignore[arg-type]
        assert set(found.ranked()) == expected
        assert found.left_out.filter == len(texts) - len(expected)
        for i, text in enumerate(texts):
            assert all(part.holds(lead, "acme") for part in conjuncts(Expression(text))) is (
                f"c{i}" in expected
            )  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(expressions, leads)
@example("lead.bill in [true]", {"bill": 1})
@example("!lead.owner", {"owner": 0})
@example("lead.state in []", {"state": "CA"})
def test_what_is_answered_at_once_is_answered_as_cel_does(text: str, lead: dict[str, object]) -> None:
    answer = quick(Expression(text))
    if answer is not None:
        assert answer(lead) is Expression(text).holds({"lead": lead, "source": "acme"})


worths = st.builds(
    Worth, st.integers(0, 100), st.sampled_from(["", "A", "B"]), st.booleans(),
    st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
)  # fmt: skip
of_worth = st.one_of(
    st.builds(
        "{} {} {}".format, st.sampled_from(["score", "probability", "grade", "sales_ready", "lead.bill"]),
        st.sampled_from(["==", "!=", "<", ">="]), literals,
    ),
    st.sampled_from(
        [
            "sales_ready", "!sales_ready", "score >= 40", 'grade in ["A", "B"]', 'grade.startsWith("A")', "score + 1 > 40",
            "score * 2 > 60 && sales_ready", "probability > 0.3", "size(lead) > 1", "lead.score == 1", "has(lead.score)",
        ]
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.recursive(of_worth, joined, max_leaves=4), min_size=1, max_size=5), worths,
    st.dictionaries(st.sampled_from(["bill", "score", "grade"]), scalars, max_size=2),
)  # fmt: skip
def test_what_a_lead_is_worth_is_asked_as_cel_does(
    texts: list[str], worth: Worth, lead: dict[str, object]
) -> None:
    known = {"score": worth.score, "grade": worth.grade, "sales_ready": worth.sales_ready}
    if worth.probability is not None:
        known["probability"] = worth.probability  # type: ignore[assignment]  # values of several kinds
    index = index_of(*(contract(f"c{i}", text) for i, text in enumerate(texts)))
    data = {"lead": lead, "source": "acme", **known}
    expected = {f"c{i}" for i, text in enumerate(texts) if WorthExpression(text).holds(data)}
    found = index.match(facts_of(lead, worth), source="acme", at=NOON)  # type: ignore[arg-type]
    assert set(found.ranked()) == expected


def test_what_a_lead_is_worth_is_looked_up_and_not_asked() -> None:
    text = 'score >= 70 && grade in ["A", "B"] && sales_ready && !(probability < 0.2) && lead.state == "CA"'
    fields = [part.field for part in conjuncts(WorthExpression(text)) if isinstance(part, Question)]
    assert fields == ["$score", "$grade", "$sales_ready", "state"]
    assert (
        len(index_of(contract("c", text)).asked_of(0)) == 1
    )  # the opposite of a comparison is not a comparison


VALUES = [
    *(-2, 0, 1, 2, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63)),
    *(-0.0, 0.5, 1.0, 1.5, 9007199254740992.0, 1e300, math.inf, -math.inf, math.nan),
    *("", "1", "a", "ab", "ü", "true", True, False, None),
]
LITERALS = [
    "-2",
    "0",
    "1",
    "1.0",
    "1.5",
    "-0.0",
    "9007199254740991",
    "9007199254740992",
    '"a"',
    "'1'",
    "true",
    "null",
]


@pytest.mark.parametrize("form", ["lead.v {} {}", "!(lead.v {} {})", "lead.v {} {} || lead.v == 2"])
def test_every_comparison_of_every_kind_is_as_cel_has_it(form: str) -> None:
    texts = [form.format(op, lit) for op in ("==", "!=", "<", "<=", ">", ">=") for lit in LITERALS]
    texts += [form.format("in", f"[{lit}]") for lit in LITERALS]
    index = index_of(*(contract(f"c{i:03d}", text) for i, text in enumerate(texts)))
    expressions = [Expression(text) for text in texts]
    for lead in [{"v": value} for value in VALUES] + [{}]:
        expected = [text for text, e in zip(texts, expressions, strict=True) if e.holds({"lead": lead})]
        found = index.match(lead, source="acme", at=NOON).ranked()  # type: ignore[arg-type]
        assert [texts[int(id[1:])] for id in found] == expected, lead


@pytest.mark.parametrize(
    "text",
    [
        'lead.state in ["CA", "NV"] && lead.bill >= 100 && lead.bill < 300.5',
        'lead.state == "CA" || lead.state == "NV"',
        "(lead.a == 1 && (lead.b != -2)) && has(lead.c)",
        "!lead.owner && lead.agreed && !has(lead.dnc)",
        '!(lead.state in ["FL"]) && lead.zip.startsWith("90")',
        '!(lead.state == "FL" || lead.state == "TX")',
    ],
)
def test_the_usual_filters_are_looked_up_and_not_asked(text: str) -> None:
    parts = conjuncts(Expression(text))
    assert all(isinstance(part, Question) for part in parts)
    index = index_of(contract("c", text))
    assert index.asked_of(0) == ()


@pytest.mark.parametrize(
    "text",
    [
        'lead.state == "C\\u0041"',
        'lead.state == r"CA"',
        "lead.bill == 1u",
        "lead.bill == 0x10",
        "lead.bill == 9007199254740993",
        'lead.state == """CA"""',
        "lead.bill + 1 > 2",
        'lead["state"] == "CA"',
        '["CA"].exists(x, x == lead.state && true)',
        "lead.a == 1 || lead.b == 2 ? lead.c : lead.d",
        'lead.state == "CA" // or so',
    ],
)
def test_what_is_not_plainly_read_is_asked_of_cel(text: str) -> None:
    assert any(isinstance(part, Asked) for part in conjuncts(Expression(text)))


def test_a_mark_inside_a_text_does_not_split() -> None:
    (part,) = conjuncts(Expression('lead.note == "a && b || (c"'))
    assert part == Question("in", "note", ("a && b || (c",), 'lead.note == "a && b || (c"')


def test_alternatives_over_several_fields_need_no_cel() -> None:
    (part,) = conjuncts(Expression('lead.state == "CA" || lead.bill > 200'))
    assert isinstance(part, Either)
    assert part.holds({"bill": 201})
    assert not part.holds({"bill": 200, "state": "NV"})


def test_parts_keep_their_own_text_for_the_trace() -> None:
    texts = [part.text for part in conjuncts(Expression('lead.a  == 1&&( lead.b in ["x"] && lead.c>2 )'))]
    assert texts == ["lead.a  == 1", 'lead.b in ["x"]', "lead.c>2"]
