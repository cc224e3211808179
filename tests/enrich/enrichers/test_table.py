"""By what a table's rows are found: the same for what a file writes and for what a lead says."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.enrich.enricher import Row
from app.enrich.enrichers.table import Table, TableSettings
from app.model import Lead, Value
from tests.validate.checks.conftest import AT

TABLE = Table()
TO = TableSettings.model_validate(
    {"key": {"phone": {"type": "phone", "country": "US"}, "state": {"type": "state", "country": "US"}},
     "fields": {"band": "Band"}}
)  # fmt: skip


def lead(**fields: Value) -> Lead:
    return Lead(
        id=UUID(int=1),
        submission_id=UUID(int=1),
        source="acme",
        campaign="solar",
        received_at=AT,
        fields=fields,
    )


def test_a_row_is_found_however_its_key_is_written() -> None:
    key = TO.key_of(["(415) 555-2671", "california"])
    assert key is not None
    assert key == TO.key_of(["+14155552671", "CA"]) == TO.key_of(["415.555.2671", " ca "])
    assert key != TO.key_of(["415 555 2672", "CA"])
    said = lead(phone=Value("x", "+14155552671"), state=Value("x", "CA"))
    assert TABLE.ask("bands", said, TO) == Row("bands", key)


@pytest.mark.parametrize(
    "raws", [["", "CA"], ["415 555 2671", None], ["nope", "CA"], ["415 555 2671", "Atlantis?"]]
)
def test_what_is_no_key_is_nobodys(raws: list[Any]) -> None:
    assert TO.key_of(raws) is None


def test_a_lead_without_a_part_of_the_key_is_not_looked_up() -> None:
    assert TABLE.ask("bands", lead(phone=Value("x", "+14155552671")), TO) is None
    assert TABLE.ask("bands", lead(phone=Value("x", None, False), state=Value("CA", "CA")), TO) is None


def test_columns_fill_fields_and_blank_ones_do_not() -> None:
    assert TABLE.values({"Band": "A", "Other": "x"}, TO) == {"band": "A"}
    assert TABLE.values({}, TO) == TABLE.values(None, TO) == {}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"key": {"phone": "fone"}}, "no field type"), ({"key": {}}, "at least 1"), ({"fields": {}}, "at least 1"),
        ({"fields": {"phone": "Phone"}}, "can't be filled"),
        ({"key": {"phone": {"type": "phone", "nope": 1}}}, "nope|Extra"),
    ],
)  # fmt: skip
def test_what_could_not_work_is_told_when_saved(told: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TableSettings.model_validate({"key": {"phone": "phone"}, "fields": {"band": "Band"}, **told})
