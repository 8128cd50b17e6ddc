"""The counts of a burden, one alarm after the other, as a person would make them from a diary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from alerts.alarm import Alarm, AlarmChange
from alerts.burden import ANSWER_STEP, AlarmCount, AnswerCount


@dataclass(slots=True)
class Life:
    """One alarm as far as burden is concerned."""

    alarm: Alarm
    raised_ns: int
    heard: bool = False
    answered_s: float | None = None  # until the first acknowledgement
    useful: bool | None = None  # as last said


def lives(history: Iterable[AlarmChange]) -> list[Life]:
    """Give the alarms of a history, whose changes are in their order."""
    found: dict[str, Life] = {}
    for change in history:
        alarm = change.alarm
        life = found.setdefault(alarm.id, Life(alarm, alarm.raised_ns))
        life.alarm = alarm
        life.heard = life.heard or alarm.sounding
        life.useful = life.useful if alarm.useful is None else alarm.useful
        if change.kind == "acknowledged" and life.answered_s is None:
            life.answered_s = (change.t_ns - life.raised_ns) / 1e9
    return list(found.values())


def alarm_counts(history: Iterable[AlarmChange]) -> list[AlarmCount]:
    """Count alarms by code and priority."""
    groups: dict[tuple[str, str], list[Life]] = {}
    for life in lives(history):
        groups.setdefault((life.alarm.code, life.alarm.priority), []).append(life)
    return [
        AlarmCount(
            code, priority, len(group),
            heard=sum(life.heard for life in group),
            acknowledged=sum(life.answered_s is not None for life in group),
            judged=sum(life.useful is not None for life in group),
            useful=sum(life.useful is True for life in group),
        )
        for (code, priority), group in sorted(groups.items())
    ]  # fmt: skip


def answer_counts(history: Iterable[AlarmChange]) -> list[AnswerCount]:
    """Count the times to the first acknowledgement by steps: 0, 1, 1.19, 1.41, 1.68, 2, ... s."""
    counts: Counter[tuple[str, float]] = Counter()
    for life in lives(history):
        if life.answered_s is not None:
            least_s, next_s = 0.0, 1.0
            while life.answered_s >= next_s:
                least_s, next_s = next_s, next_s * ANSWER_STEP
            counts[life.alarm.priority, least_s] += 1
    return [AnswerCount(*key, n) for key, n in sorted(counts.items())]
