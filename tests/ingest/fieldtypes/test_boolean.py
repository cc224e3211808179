import pytest

from app.ingest.fieldtypes.boolean import Boolean, BooleanSettings


@pytest.mark.parametrize(
    "raw, becomes",
    [(raw, True) for raw in ("t", "TRUE", "y", " Yes ", "1", "on", 1, 1.0, True)]
    + [(raw, False) for raw in ("f", "False", "n", "NO", "0", "off", 0, False)]
    + [(raw, None) for raw in ("maybe", "2", 2, -1, "yes please", 0.5)],
)
def test_only_clear_words_are_yes_or_no(raw, becomes):
    value = Boolean().normal(raw, BooleanSettings())
    assert value.normal is becomes
    assert value.valid is (becomes is not None)
