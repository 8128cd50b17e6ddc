"""What the monitor needs to know of an alarm, and who belongs at the top of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

PRIORITIES = ("none", "technical", "low", "medium", "high")  # order of the code on the wire
STATES = ("none", "active", "acknowledged", "ended")

_WORST_FIRST = ("high", "medium", "low", "technical")
CALM = 3 * len(_WORST_FIRST)  # level of a participant without alarms


class Words(Protocol):
    """One sentence in English and in Korean."""

    @property
    def en(self) -> str: ...
    @property
    def ko(self) -> str: ...


class AlarmView(Protocol):
    """An alarm as the monitor sees it; `alerts.alarm.Alarm` is one.

    Attributes
    ----------
    priority
        ``high``, ``medium``, ``low`` or ``technical``.
    sounds_as
        Priority used for sound: ``high``, ``medium``, ``low`` or ``none``.
    state
        ``active``, ``acknowledged`` or ``ended``.
    latched
        The condition is over, the alarm stays until acknowledged.
    sounding
        To be heard: active, and no worse alarm of its chain goes before it.
    acknowledged_by
        Who acknowledged it; empty for nobody.
    reason
        Why it is there.
    """

    @property
    def id(self) -> str: ...
    @property
    def participant(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def priority(self) -> str: ...
    @property
    def sounds_as(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def latched(self) -> bool: ...
    @property
    def sounding(self) -> bool: ...
    @property
    def onset_ns(self) -> int: ...
    @property
    def t_ns(self) -> int: ...
    @property
    def acknowledged_by(self) -> str: ...
    @property
    def reason(self) -> Words: ...


# From the open alarms of one participant: level (0 first, `CALM` or more: none) and onset in ns.
Rank = Callable[[Iterable[Any]], tuple[int, int]]


def is_shown(alarm: AlarmView) -> bool:
    """Tell whether an alarm belongs on the tile."""
    return alarm.state != "ended"


def urgency(alarms: Iterable[AlarmView]) -> tuple[int, int]:
    """Give level and onset that put the participant in greatest need first.

    Active alarms by priority, then acknowledged ones by priority, then technical ones; within a
    level the older onset. The composition root injects the rule of `alerts` in its place.

    >>> urgency([])
    (12, 0)
    """
    return min(
        ((_level(alarm), alarm.onset_ns) for alarm in alarms if is_shown(alarm)),
        default=(CALM, 0),
    )


def _level(alarm: AlarmView) -> int:
    priority = _WORST_FIRST.index(alarm.priority)
    acknowledged = alarm.state == "acknowledged"
    if alarm.priority == "technical":
        return 2 * len(_WORST_FIRST) + acknowledged
    return acknowledged * len(_WORST_FIRST) + priority


def as_json(alarm: AlarmView, index: int | None, level: int) -> dict[str, Any]:
    """Give an alarm as the page reads it; times in ms since the epoch, its own level."""
    return {
        "id": alarm.id,
        "participant": index,
        "code": alarm.code,
        "priority": alarm.priority,
        "sounds_as": alarm.sounds_as,
        "state": alarm.state,
        "latched": bool(alarm.latched),
        "sounding": bool(alarm.sounding),
        "onset_ms": alarm.onset_ns / 1e6,
        "t_ms": alarm.t_ns / 1e6,
        "acknowledged_by": alarm.acknowledged_by,
        "reason": alarm.reason.en,
        "reason_ko": alarm.reason.ko,
        "shown": is_shown(alarm),
        "level": level,
    }
