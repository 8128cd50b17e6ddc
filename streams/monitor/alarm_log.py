"""What is open and held according to `vitals.alarms`, whatever is read twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from alerts.alarm import ENDED, Alarm
from alerts.holds import Held
from streams.alarm_messages import AlarmNews

REMEMBERED: Final = 20_000  # ended alarms, so that what is told again after a death is not news


class AlarmLog:
    """The open alarms and what holds alarms back, after all news that was taken.

    Attributes
    ----------
    alarms
        Open ones by id.
    held
        By participant, of those who have any.
    """

    def __init__(self) -> None:
        self.alarms: dict[str, Alarm] = {}
        self.held: dict[str, Held] = {}
        self._ended: OrderedDict[str, int] = OrderedDict()

    def begin(self, alarms: Iterable[Alarm], held: Iterable[Held] = ()) -> list[Alarm]:
        """Take over what was open at some time; give what of it is news."""
        self.held.update((one.participant, one) for one in held if one.any)
        return [alarm for alarm in alarms if self._put(alarm)]

    def take(self, news: AlarmNews) -> list[Alarm]:
        """Take what was said; give the alarms that are news, each in its newest state."""
        for one in news.held:
            if one.any:
                self.held[one.participant] = one
            else:
                self.held.pop(one.participant, None)
        found = {
            change.alarm.id: change.alarm for change in news.changes if self._put(change.alarm)
        }
        return list(found.values())

    def _put(self, alarm: Alarm) -> bool:
        """Note an alarm; tell whether it is newer than what is known of it.

        A worker that goes on from a snapshot says again what the one before it has said.
        """
        known = self.alarms.get(alarm.id)
        revision = self._ended.get(alarm.id, -1) if known is None else known.revision
        if alarm.revision <= revision:
            return False
        if alarm.state != ENDED:
            self.alarms[alarm.id] = alarm
            return True
        self.alarms.pop(alarm.id, None)
        self._ended[alarm.id] = alarm.revision
        self._ended.move_to_end(alarm.id)
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        return True
