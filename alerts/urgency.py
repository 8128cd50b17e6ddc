"""Who needs a look first: a sort key for participants."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.alarm import ACKNOWLEDGED, ENDED, Alarm
from alerts.rule import PRIORITIES

CALM = 3 * len(PRIORITIES)
_TECHNICAL = PRIORITIES.index("technical")


def urgency(alarms: Iterable[Alarm]) -> tuple[int, int]:
    """Give a key that sorts the participant in greatest need first.

    The worst alarm decides: active by priority, then acknowledged by priority, then technical
    (active before acknowledged), then none. Within one level the older onset goes first.

    Parameters
    ----------
    alarms
        The open alarms of one participant; ended ones do not count.

    Returns
    -------
    tuple of int
        Level from 0 (active, high) to `CALM` (none), and the onset of its oldest alarm in ns.

    >>> urgency([])
    (12, 0)
    """
    return min(
        ((_level(alarm), alarm.onset_ns) for alarm in alarms if alarm.state != ENDED),
        default=(CALM, 0),
    )


def _level(alarm: Alarm) -> int:
    priority = PRIORITIES.index(alarm.priority)
    acknowledged = alarm.state == ACKNOWLEDGED
    if priority == _TECHNICAL:
        return 2 * len(PRIORITIES) + acknowledged
    return acknowledged * len(PRIORITIES) + priority
