"""The time that exclude-newer means."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.times import exclude_newer_time, read_exclude_newer

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-10-01T00:00:00Z", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01t00:00:00z", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01 02:00:00.25+02:00", datetime(2026, 10, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-10-01", datetime(2026, 10, 2, tzinfo=UTC)),
        ("7 days", datetime(2026, 3, 3, 12, 30, tzinfo=UTC)),
        ("1 day", datetime(2026, 3, 9, 12, 30, tzinfo=UTC)),
        ("2 Weeks", datetime(2026, 2, 24, 12, 30, tzinfo=UTC)),
        ("12hours", datetime(2026, 3, 10, 0, 30, tzinfo=UTC)),
        (" P7D ", datetime(2026, 3, 3, 12, 30, tzinfo=UTC)),
        ("p1w", datetime(2026, 3, 3, 12, 30, tzinfo=UTC)),
        ("P1DT12H30M", datetime(2026, 3, 9, tzinfo=UTC)),
        ("PT90S", datetime(2026, 3, 10, 12, 28, 30, tzinfo=UTC)),
        ("0 days", NOW),
    ],
)
def test_times(raw: str, expected: datetime) -> None:
    assert exclude_newer_time(raw, NOW) == expected
    assert read_exclude_newer(raw) == raw.strip()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "expected a time"),
        ("yesterday", "expected a time"),
        ("P", "expected a time"),
        ("PT", "expected a time"),
        ("P1DT", "expected a time"),
        ("-7 days", "expected a time"),
        ("7", "expected a time"),
        ("1 month", "no fixed length"),
        ("1 year", "no fixed length"),
        ("40000 days", "over a hundred years"),
        ("2026-13-01", "no such date"),
        ("9999-12-31", "no such date"),
        ("2026-02-30T00:00:00Z", "no such time"),
        ("2026-10-01T25:00:00Z", "no such time"),
        ("0001-01-01T00:00:00+14:00", "no such time"),
        ("2026-10-01T00:00:00", "no zone"),
        ("2026-10-01T00:00Z", "expected a time"),
        ("٢٠٢٦-10-01", "expected a time"),
    ],
)
def test_bad_times(raw: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_exclude_newer(raw)


def test_the_age_does_not_depend_on_the_zone_of_now() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9)))
    assert exclude_newer_time("7 days", elsewhere) == exclude_newer_time("7 days", NOW)


@given(st.text(alphabet="0123456789-:.TZPWDHMS+ daysweekhour", max_size=30))
def test_what_can_be_read_can_be_turned_into_a_time(text: str) -> None:
    try:
        raw = read_exclude_newer(text)
    except ValueError:
        return
    assert exclude_newer_time(raw, NOW).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_is_itself(moment: datetime) -> None:
    assert exclude_newer_time(moment.isoformat(), NOW) == moment
