"""What a source is told, in the two ways in which it is written."""

from uuid import UUID

import orjson
import pytest

from app.pipeline.answers import pending, pending_json

LEAD = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")


@pytest.mark.parametrize("base", ["", "http://leads.example", 'http://a"b\\c', "http://höst"])
@pytest.mark.parametrize("state", ["received", "delivering", "unclear", "held"])
def test_a_pending_answer_written_at_once_is_the_document(base: str, state: str) -> None:
    answer = pending(LEAD, state)
    assert orjson.loads(pending_json(answer, base)) == answer.document(base)
