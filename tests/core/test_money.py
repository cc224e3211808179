"""What is an amount, and what only looks like one."""

import pytest

from app.core.money import amount, written


@pytest.mark.parametrize("text", ["12_50", "1__0", "12,50", "NaN", "-Infinity", "1e400", "1e-7", "1e12", ""])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        amount(text)


@pytest.mark.parametrize("text", ["0E-99999", "0E+999999", "-0E-99999", "0." + "0" * 20_000])
def test_nought_has_no_more_places_than_the_database_keeps(text: str) -> None:
    found = amount(text)
    assert found == 0
    assert len(f"{found:f}") <= len("-0.000000")
    assert written(found) == "0.00"


def test_noughts_behind_an_amount_are_no_places_of_it() -> None:
    assert str(amount("1." + "0" * 20_000)) == "1.000000"


def test_an_amount_stays_as_it_was_written() -> None:
    assert [str(amount(text)) for text in ("12.50", 12, " 0.125 ", "1e3")] == ["12.50", "12", "0.125", "1E+3"]
