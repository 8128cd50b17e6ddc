"""What the monitor needs to know of an alarm, and who belongs at the top of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

PRIORITIES = ("none", "technical", "low", "medium", "high")  # order of the code on the wire
STATES = ("none", "active", "acknowledged", "ended")

# Who is shown first: steps of this page, not clinical limits. Acknowledged alarms stand below
# everything that nobody has answered, except that a high one stays above an open low one.
_OPEN = {"high": 90.0, "medium": 70.0, "low": 50.0, "technical": 30.0}
_ANSWERED = {"high": 60.0, "medium": 40.0, "low": 20.0, "technical": 10.0}
_OVER = 5.0  # the condition has ended, the alarm waits for its acknowledgement


class AlarmView(Protocol):
    """An alarm as the monitor sees it; `alerts` has the real one, with the same attributes.

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
        False where a worse alarm of its chain goes before it, or sound is paused.
    acknowledged_by
        Who acknowledged it; empty or None when nobody has.
    reason, reason_ko
        One line in words, English and Korean.
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
    def acknowledged_by(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def reason_ko(self) -> str: ...


def is_shown(alarm: AlarmView) -> bool:
    """Tell whether an alarm belongs on the tile: not ended, or latched and not yet acknowledged."""
    return alarm.state != "ended" or (alarm.latched and not alarm.acknowledged_by)


def urgency(alarms: Iterable[AlarmView]) -> float:
    """Give how far up the page a participant belongs; 0 without alarms.

    A technical alarm that sounds as high or medium (the pipeline stands still) counts as that.
    """
    return max((_urgency_of(alarm) for alarm in alarms), default=0.0)


def _urgency_of(alarm: AlarmView) -> float:
    table = _ANSWERED if alarm.state == "acknowledged" else _OPEN
    score = table.get(alarm.priority, 0.0)
    if alarm.priority == "technical" and alarm.sounds_as in {"high", "medium"}:
        score = table[alarm.sounds_as] - 1.0
    return score - (_OVER if alarm.latched else 0.0)


def as_json(alarm: AlarmView, index: int | None, rank: float) -> dict[str, Any]:
    """Give an alarm as the page reads it; times in ms since the epoch, `rank` is its urgency."""
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
        "acknowledged_by": alarm.acknowledged_by or "",
        "reason": alarm.reason,
        "reason_ko": alarm.reason_ko,
        "shown": is_shown(alarm),
        "urgency": rank,
    }
