"""What every enricher owes, held against whatever is registered: a new file is covered unasked."""

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.enrich.enricher import Row, enrichers
from app.model import Lead, Value
from app.validate.remote import Remote, Request, Response, Unanswered
from tests.conformance.test_adapters import NOISE, STATUSES
from tests.validate.checks.conftest import AT
from tests.validate.dialogue import held

EVERY = [pytest.param(one, id=one.name) for one in enrichers.discover()]
SHOWN = [
    pytest.param(one, shown, id=f"{one.name}-{i}")
    for one in enrichers
    for i, shown in enumerate(one.examples)
]
FIELDS = {
    "phone": "+14155552671", "email": "q7x@example.com", "first_name": "Quintessa", "last_name": "Zz", "state": "CA",
    "postal_code": "94110",
}  # fmt: skip


def lead(fields: dict[str, Any]) -> Lead:
    return Lead(
        id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=AT,
        fields={name: Value(value, value) for name, value in fields.items()},
    )  # fmt: skip


@pytest.mark.parametrize("enricher", EVERY)
def test_it_says_what_it_is_for_and_has_a_test(enricher):
    assert inspect.getmodule(type(enricher)).__doc__
    assert Path("tests/enrich/enrichers", f"test_{enricher.name}.py").is_file()


@pytest.mark.parametrize("enricher", EVERY)
def test_its_settings_are_described_and_refuse_what_they_do_not_know(enricher):
    with pytest.raises(ValidationError):
        enricher.settings.model_validate({**enricher.examples[0], "no_such_setting": 1})
    assert [name for name, field in enricher.settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(("enricher", "shown"), SHOWN)
def test_it_asks_the_same_twice_and_nothing_of_the_lead_stands_in_what_is_shown(enricher, shown):
    to = enricher.settings.model_validate(shown)
    asked = enricher.ask("example", lead(FIELDS), to)
    assert asked == enricher.ask("example", lead(FIELDS), to)
    assert isinstance(asked, Remote if enricher.remote else Row)
    assert not any(value in repr(asked) for value in FIELDS.values() if len(value) > 2)
    assert enricher.ask("example", lead({}), to) is None
    assert to.fills


@pytest.mark.parametrize(("enricher", "shown"), SHOWN)
@pytest.mark.parametrize("value", [None, "", "\ud800", "a\0b", "x" * 100_000, float("nan"), 2**80, True])
def test_odd_leads_raise_nothing(enricher, shown, value):
    to = enricher.settings.model_validate(shown)
    asked = enricher.ask("example", lead(dict.fromkeys(FIELDS, value)), to)
    if isinstance(asked, Remote):
        assert isinstance(next(asked.converse()), Request)


@pytest.mark.parametrize(("enricher", "shown"), [one for one in SHOWN if one.values[0].remote])
def test_whatever_is_replied_ends_in_fields_or_no_answer(enricher, shown):
    to = enricher.settings.model_validate(shown)
    for status in STATUSES:
        for body in NOISE:
            conversation = enricher.ask("example", lead(FIELDS), to).converse()
            with suppress(Unanswered):
                _, said = held(conversation, Response(status=status, body=body))
                assert set(enricher.values(said, to)) <= set(to.fills)


@pytest.mark.parametrize(("enricher", "shown"), SHOWN)
@pytest.mark.parametrize("answer", [None, [], "x", 7, {"x": {}}, {"": None}])
def test_an_odd_answer_fills_nothing_that_it_does_not_name(enricher, shown, answer):
    to = enricher.settings.model_validate(shown)
    assert all(isinstance(name, str) for name in enricher.values(answer, to))
