"""A buyer can't name a lead by an id that he was not given."""

from typing import Any

import pytest

from app.catalog.answering import unnamed

BY_MAIL: dict[str, Any] = {"acknowledge": {"mailbox": {}}}
BY_LEAD: dict[str, Any] = {"acknowledge": {"mailbox": {}, "by": "lead_id"}}
TEXTS = {"subject": "A lead", "text": "Call {{ lead.phone }}"}


@pytest.mark.parametrize(
    "deliver",
    [
        {"acknowledge": {}, "fields": {"Where": "state"}},
        BY_MAIL,
        BY_MAIL | {"attach": [{"kind": "csv"}]},
        BY_MAIL | {"attach": [{"kind": "csv", "fields": {"Where": "state"}}], "batch": {"every": "1h"}},
        {"mail": BY_MAIL},
        BY_LEAD | TEXTS,
    ],
    ids=str,
)
def test_nobody_can_answer_by_what_he_was_not_given(deliver: dict[str, Any]) -> None:
    path, text = unnamed(deliver) or ("", "")
    assert path == ("deliver.mail.acknowledge" if "mail" in deliver else "deliver.acknowledge")
    assert text.endswith("so the buyer's file can't name a lead by it")


@pytest.mark.parametrize(
    "deliver",
    [
        {},
        {"acknowledge": {"by": "row"}, "fields": {"Where": "state"}},
        {"acknowledge": {}, "fields": {"Id": "delivery_id"}},
        {"acknowledge": {}},
        BY_MAIL | {"attach": [{"kind": "csv", "fields": {"Id": "delivery_id"}}]},
        BY_MAIL | {"attach": [{"kind": "csv"}], "batch": {"every": "1h"}},
        BY_MAIL | TEXTS | {"text": "Id: {{ delivery_id }}"},
        BY_LEAD,
        BY_LEAD | TEXTS | {"attach": [{"kind": "json"}]},
        {"mail": BY_LEAD | TEXTS},
    ],
    ids=str,
)
def test_who_was_given_it_is_not_warned_of(deliver: dict[str, Any]) -> None:
    assert unnamed(deliver) is None
