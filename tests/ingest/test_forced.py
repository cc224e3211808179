"""Which words and values ask for a result, and that no person's do."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.components import discover
from app.core.errors import Unprocessable
from app.ingest.fieldtype import fieldtypes
from app.ingest.forced import DOMAIN, NUMBERS, RESULTS, Asked, asked, value_of
from app.model import Lead, Raw

discover()
TYPES = {"mail": "email", "tel": "phone", "note": "text"}


def lead(**raws: Raw) -> Lead:
    made = {}
    for name, raw in raws.items():
        kind = fieldtypes[TYPES[name]]
        made[name] = kind.normal(raw, kind.settings())
    nobody = UUID(int=0)
    return Lead(
        id=nobody, submission_id=nobody, source="acme", campaign="solar", received_at=datetime(2026, 1, 1, tzinfo=UTC),
        fields=made,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["1", "true", "YES", " on ", "y"])
def test_yes_is_a_test_of_the_real_path(word: str) -> None:
    assert asked(word, "query.test") == Asked(test=True, result="")


@pytest.mark.parametrize("word", ["", "0", "false", "No", "off"])
def test_no_is_no_test(word: str) -> None:
    assert asked(word, "query.test") == Asked()


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_is_a_test_that_ends_so(result: str) -> None:
    assert asked(result.upper(), "query.test") == Asked(test=True, result=result)


@pytest.mark.parametrize("word", ["duplicat", "2", "accepted,1", "ac\x00cepted", "é" * 10_000])
def test_a_slip_of_the_pen_makes_no_live_lead(word: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        asked(word, "query.test")
    assert refused.value.where == "query.test"
    assert "say 1, or a result: accepted, duplicate" in refused.value.detail


@pytest.mark.parametrize("result", RESULTS)
def test_an_address_and_a_number_ask_for_each_result_and_are_valid(result: str) -> None:
    for value in (f"{result}@{DOMAIN}", f" {result.upper()}@{DOMAIN.title()} "):
        one = lead(mail=value)
        assert one.fields["mail"].valid
        assert value_of(one, TYPES) == result
    number = NUMBERS[result]  # type: ignore[index]  # one of its own keys
    for value in (f"(212) {number}", f"+1 512 {number}", f"512.{number}".replace("-", ".")):
        one = lead(tel=value)
        assert one.fields["tel"].valid, value
        assert value_of(one, TYPES) == result


@pytest.mark.parametrize(
    "fields",
    [
        {"mail": "accepted@example.com"}, {"mail": f"accepted.x@{DOMAIN}"}, {"mail": f"accepted@x.{DOMAIN}"},
        {"mail": f"accepted@{DOMAIN}.com"}, {"tel": "+1 512 555 0190"}, {"tel": "+1 512 555 0198"},
        {"tel": "+1 512 556 0191"}, {"tel": "+44 20 5550 191"}, {"tel": "5550191"}, {"tel": None},
        {"note": f"accepted@{DOMAIN}"}, {"tel": "5" * 5_000}, {"mail": f"accepted@{DOMAIN}" * 1_000},
    ],
)  # fmt: skip
def test_nothing_else_asks_for_one(fields: dict[str, Raw]) -> None:
    assert value_of(lead(**fields), TYPES) == ""


def test_a_number_of_the_plan_is_told_from_one_of_another_country() -> None:
    assert value_of(lead(tel="+49 212 5550191"), TYPES) == ""
