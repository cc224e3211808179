import pytest

from app.ingest.raw import is_blank, written


@pytest.mark.parametrize(
    "raw, text",
    [
        (" a ", "a"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (5.0, "5"),
        (5.5, "5.5"),
        (1e300, "1e+300"),
    ],
)
def test_a_raw_value_is_written_as_its_sender_would(raw, text):
    assert written(raw) == text


def test_only_nothing_and_white_space_are_blank():
    assert [is_blank(raw) for raw in (None, "", " \n", 0, False, "0")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
