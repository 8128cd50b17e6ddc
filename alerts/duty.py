"""Who is on duty: roles, their people, and shifts by the clock of a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from alerts.tables import check_keys, check_word, unknown
from processors.errors import SettingError
from processors.records import NS_PER_S

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN: Final = 24 * 60
WEEK_MIN: Final = 7 * DAY_MIN


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of the week that comes back: on some days, from one time of the day to another.

    Attributes
    ----------
    days
        Numbers from 0, Monday; of the start.
    from_min, until_min
        Minutes of the day, half-open; the second at or before the first lies in the next day.
    """

    days: frozenset[int]
    from_min: int
    until_min: int

    def minutes(self) -> list[tuple[int, int]]:
        """Give it as spans in minutes of the week, none across its end."""
        length = (self.until_min - self.from_min) % DAY_MIN or DAY_MIN
        spans = []
        for day in sorted(self.days):
            start = day * DAY_MIN + self.from_min
            spans.append((start, min(start + length, WEEK_MIN)))
            if start + length > WEEK_MIN:
                spans.append((0, start + length - WEEK_MIN))
        return spans

    def holds(self, minute: int) -> bool:
        """Tell whether a minute of the week lies in it."""
        return any(start <= minute < end for start, end in self.minutes())


@dataclass(frozen=True, slots=True)
class Shift:
    """People who are on duty at some hours."""

    hours: Hours
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A recipient: people by shifts, always the same people, or just a name, as of a screen."""

    name: str
    persons: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = ()

    def on_duty(self, minute: int) -> tuple[str, ...]:
        """Name who it is at a minute of the week; nobody in a gap of the shifts."""
        if not self.shifts:
            return self.persons or (self.name,)
        found = [
            name for shift in self.shifts if shift.hours.holds(minute) for name in shift.persons
        ]
        return tuple(dict.fromkeys(found))

    def gaps(self) -> list[tuple[int, int]]:
        """Give the spans of the week with nobody, in minutes from Monday 00:00."""
        if not self.shifts:
            return []
        taken = sorted(
            span for shift in self.shifts if shift.persons for span in shift.hours.minutes()
        )
        gaps, free_from = [], 0
        for start, end in taken:
            if start > free_from:
                gaps.append((free_from, start))
            free_from = max(free_from, end)
        return gaps + ([(free_from, WEEK_MIN)] if free_from < WEEK_MIN else [])


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock on the wall of a place."""

    zone: tzinfo = UTC

    def minute_of_week(self, t_ns: int) -> int:
        """Give the minute since Monday 00:00, local time.

        >>> Clock().minute_of_week(0) == 3 * 24 * 60  # 1 January 1970 was a Thursday
        True
        """
        local = datetime.fromtimestamp(t_ns // NS_PER_S, self.zone)
        return local.weekday() * DAY_MIN + local.hour * 60 + local.minute


def parse_clock(where: str, table: Mapping[str, Any]) -> Clock:
    """Give the clock of ``[time]``; SettingError for a time zone that is not known."""
    check_keys(where, table, ("zone",))
    zone = table.get("zone", "UTC")
    if zone == "UTC":
        return Clock()
    try:
        return Clock(ZoneInfo(zone))
    except (KeyError, OSError, ValueError, TypeError) as error:
        raise unknown(f"{where} zone", str(zone), sorted(available_timezones())) from error


def parse_roles(where: str, roles: Mapping[str, Any], rotas: Mapping[str, Any]) -> dict[str, Role]:
    """Give the roles by name: ``[roles]`` with the shifts of ``[rota]``."""
    return {name: _role(f"{where} roles.{name}", name, row, rotas) for name, row in roles.items()}


def parse_shifts(where: str, shifts: Any) -> tuple[Shift, ...]:
    """Give the shifts of one rota."""
    if not isinstance(shifts, list) or not shifts:
        raise SettingError(where, "expected shifts: [[rota.NAME]]")
    found = []
    for number, row in enumerate(shifts, 1):
        at = f"{where} shift {number}"
        check_keys(at, row, ("days", "from", "until", "persons"))
        found.append(Shift(parse_hours(at, row), names(at, "persons", row.get("persons"))))
    return tuple(found)


def parse_hours(where: str, row: Mapping[str, Any]) -> Hours:
    """Give the hours of a row with ``days``, ``from``, ``until``; left out: all day, every day."""
    days = row.get("days", list(DAYS))
    for day in names(where, "days", days):
        check_word(f"{where} days", day, DAYS)
    chosen = frozenset(DAYS.index(day) for day in days)
    return Hours(chosen, _time(where, "from", row), _time(where, "until", row))


def names(where: str, key: str, value: Any) -> tuple[str, ...]:
    """Give a list of names; SettingError unless it has one or more."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        raise SettingError(f"{where} {key}", f"expected one name or more, found {value!r}")
    return tuple(value)


def said(minute: int) -> str:
    """Say a minute of the week.

    >>> said(26 * 60 + 5)
    'tue 02:05'
    """
    day, rest = divmod(minute, DAY_MIN)
    return f"{DAYS[day % 7]} {rest // 60:02d}:{rest % 60:02d}"


def _role(where: str, name: str, row: Any, rotas: Mapping[str, Any]) -> Role:
    check_keys(where, row, ("persons", "rota"))
    if "persons" in row and "rota" in row:
        raise SettingError(where, "expected either persons or rota")
    if "rota" in row:
        rota = row["rota"]
        check_word(f"{where} rota", rota, rotas)
        return Role(name, shifts=parse_shifts(f"rota.{rota}", rotas[rota]))
    persons = names(where, "persons", row["persons"]) if "persons" in row else ()
    return Role(name, persons)


def _time(where: str, key: str, row: Mapping[str, Any]) -> int:
    value = row.get(key, "00:00")
    try:
        hour, minute = (int(part) for part in value.split(":"))
    except (ValueError, AttributeError):
        hour, minute = -1, 0
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise SettingError(f"{where} {key}", f'expected a time as "08:30", found {value!r}')
    return hour * 60 + minute
