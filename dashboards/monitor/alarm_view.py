"""What the monitor needs to know of an alarm, and who belongs at the top of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
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


class InactivationView(Protocol):
    """Alarms that a person keeps quiet; `alerts.inactivation.Inactivation` is one.

    Attributes
    ----------
    kind
        ``audio_paused``, ``audio_off``, ``alarm_paused`` or ``alarm_off``.
    code, alarm_id
        What of the participant it covers; both empty for everything.
    """

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def alarm_id(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def from_ns(self) -> int: ...
    @property
    def until_ns(self) -> int: ...


class SuspensionView(Protocol):
    """A technical finding that holds new alarms of a signal back (``all``: of every one)."""

    @property
    def code(self) -> str: ...
    @property
    def signal(self) -> str: ...
    @property
    def since_ns(self) -> int: ...


class HoldsView(Protocol):
    """All that keeps alarms of one participant back or quiet at the moment."""

    @property
    def participant(self) -> str: ...
    @property
    def suspensions(self) -> Sequence[SuspensionView]: ...
    @property
    def inactivations(self) -> Sequence[InactivationView]: ...


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
    raised_ns
        When it was first given out.
    reached
        Who has been reached so far.
    inactivation
        What keeps it quiet at the moment.
    evidence, limits, rule
        What was found, the limits in force, and the rule that fired, in words.
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
    @property
    def raised_ns(self) -> int: ...
    @property
    def reached(self) -> Sequence[str]: ...
    @property
    def inactivation(self) -> InactivationView | None: ...
    @property
    def evidence(self) -> Mapping[str, float]: ...
    @property
    def limits(self) -> Mapping[str, float]: ...
    @property
    def rule(self) -> Words: ...


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
        "inactivation": alarm.inactivation and inactivation_json(alarm.inactivation),
        "shown": is_shown(alarm),
        "level": level,
    }


def grounds_json(alarm: AlarmView) -> dict[str, Any]:
    """Give why an alarm is there, for the view of one participant.

    Live frames are without it: a storm of 2,000 alarms must stay small.
    """
    return {
        "raised_ms": alarm.raised_ns / 1e6,
        "reached": list(alarm.reached),
        "evidence": _finite(alarm.evidence),
        "limits": _finite(alarm.limits),
        "rule": alarm.rule.en,
        "rule_ko": alarm.rule.ko,
    }


def holds_json(holds: HoldsView, index: int) -> dict[str, Any]:
    """Give what keeps alarms of a participant back or quiet as the page reads it."""
    return {
        "participant": index,
        "suspensions": [
            {"code": one.code, "signal": one.signal, "since_ms": one.since_ns / 1e6}
            for one in holds.suspensions
        ],
        "inactivations": [inactivation_json(one) for one in holds.inactivations],
    }


def inactivation_json(one: InactivationView) -> dict[str, Any]:
    """Give an inactivation as the page reads it."""
    return {
        "id": one.id,
        "kind": one.kind,
        "code": one.code,
        "alarm": one.alarm_id,
        "reason": one.reason,
        "by": one.by,
        "from_ms": one.from_ns / 1e6,
        "until_ms": one.until_ns / 1e6,
    }


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
