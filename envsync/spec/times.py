"""Turn `exclude-newer` (a time, a date or an age) into a point in time."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from envsync.spec.model import IndexSpec, Spec

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_AGE = r"(?P<count>[0-9]{1,6})\s*(?P<unit>hour|day|week)s?"
_DURATION = (
    r"P(?:(?P<weeks>[0-9]{1,6})W)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,6})M)?(?:(?P<seconds>[0-9]{1,6})S)?)?"
)
_LONGEST_AGE = timedelta(days=36_500)
_EXPECTED = 'expected a time ("2026-10-01T00:00:00Z"), a date ("2026-10-01") or an age ("7 days")'


def exclude_newer_time(raw: str, now: datetime) -> datetime:
    """Give the time (UTC) from which on uploads are not believed, for `exclude-newer` as written.

    `raw` is an RFC 3339 time; a date, which includes that whole day in UTC; or an age before
    `now` ("12 hours", "7 days", "2 weeks", ISO 8601 "P7D", "PT12H"). `now` must know its zone.
    ValueError says what is wrong with the text.
    """
    text = raw.strip()
    if re.fullmatch(_DATE, text):
        return _after_day(text)
    if match := re.fullmatch(_TIME, text):
        if match["zone"] is None:
            raise ValueError("the time has no zone: add Z for UTC, or an offset such as +02:00")
        return _point(text)
    return now.astimezone(UTC) - _age(text)


def times_by_index(indexes: Iterable[IndexSpec], now: datetime) -> dict[str, datetime | None]:
    """Give, by URL, the times of indexes that have an `exclude-newer` of their own; None: never."""
    return {
        index.url: exclude_newer_time(index.exclude_newer, now) if index.exclude_newer else None
        for index in indexes
        if index.exclude_newer is not None
    }


def newest_times(spec: Spec, now: datetime) -> tuple[datetime | None, dict[str, datetime | None]]:
    """Give the time from which on uploads aren't believed, and those of indexes with their own."""
    written = spec.lock.exclude_newer
    newest = exclude_newer_time(written, now) if written else None
    return newest, times_by_index(spec.indexes, now)


def read_exclude_newer(text: str) -> str:
    """Check `exclude-newer` and give it back as written; ValueError says what is wrong."""
    exclude_newer_time(text, datetime(2200, 1, 1, tzinfo=UTC))
    return text.strip()


def _after_day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such date") from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _point(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such time") from error


def _age(text: str) -> timedelta:
    if match := re.fullmatch(_AGE, text.lower()):
        age = timedelta(**{f"{match['unit']}s": int(match["count"])})
    elif (match := re.fullmatch(_DURATION, text.upper())) and any(match.groups()):
        age = timedelta(**{unit: int(count or 0) for unit, count in match.groupdict().items()})
    elif re.search("month|year", text.lower()):
        raise ValueError("months and years have no fixed length: give days or weeks")
    else:
        raise ValueError(_EXPECTED)
    if age > _LONGEST_AGE:
        raise ValueError("the age is over a hundred years")
    return age
