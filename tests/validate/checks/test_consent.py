from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.validate.checks.consent import ConsentSettings, digest_of
from app.validate.instants import span_of


def test_the_golden_cases(agrees):
    assert agrees


@given(st.text())
def test_the_digest_of_words_does_not_see_how_they_were_broken_into_lines(words):
    assert digest_of(words) == digest_of("\n" + "  ".join(words.split()) + "\t")
    assert digest_of(digest_of(words)) == digest_of(words)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_read_as_it_is_written(at):
    at = at.replace(microsecond=0)
    for written in (
        at.isoformat(),
        f"{at:%Y-%m-%dT%H:%M:%SZ}",
        f"{at:%m/%d/%Y %H:%M:%S}",
        f"{at:%m/%d/%Y %I:%M:%S %p}",
    ):
        assert span_of(written, UTC) == (at, at)


@pytest.mark.parametrize(
    "said", [None, True, "", "soon", "99/99/2026", "9" * 41, "١٢٣٤٥٦٧٨٩٠", "20261399", float("inf"), 10**400]
)
def test_what_is_no_time_is_none(said):
    assert span_of(said, UTC) is None


def test_a_day_is_the_whole_of_it_where_its_clock_is():
    span = span_of("2026-11-20", ZoneInfo("America/New_York"))
    first = datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert span == (first, first + timedelta(days=1))


@pytest.mark.parametrize(
    "settings", [{"zone": "Mars"}, {"names": {"what": "x"}}, {"within": "soon"}, {"missing": "drop"}]
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        ConsentSettings.model_validate(settings)
