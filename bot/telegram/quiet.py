"""Quiet hours: when a notice that is not urgent has to wait for the morning. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(now: datetime, hours: tuple[time, time] | None, zone: ZoneInfo) -> datetime | None:
    """The end of the quiet hours that `now` lies in, in UTC; None outside them. They may span midnight.

    >>> quiet_until(datetime(2026, 5, 4, 23, tzinfo=UTC), (time(22), time(7, 30)), ZoneInfo("UTC"))
    datetime.datetime(2026, 5, 5, 7, 30, tzinfo=datetime.timezone.utc)
    """
    if hours is None or hours[0] == hours[1]:
        return None
    begin, end = hours
    local = now.astimezone(zone)
    at = local.time().replace(tzinfo=None)
    inside = begin <= at < end if begin < end else (at >= begin or at < end)
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if at >= end else 0)
    # When clocks go back an hour comes twice, and of two ends with one name the one ahead counts.
    return datetime.combine(day, end, zone).replace(fold=local.fold).astimezone(UTC)
