"""Notices partitions that stand still: samples come, and nobody says that they were processed.

Every monitor looks for itself, for who should tell it is what has stalled. The finding goes through
an alarm core like any other, with the delay of the catalogue; the participant is the partition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alerts.alarm import Alarm, AlarmChange
from alerts.holds import Suspension
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from processors.records import NS_PER_S, Finding, finding_id
from registry.participants import Participant

CODE: Final = "pipeline_stalled"
GROUP: Final = "system"
WAITS_S: Final = 3.0  # without progress, while there are samples; then it is a finding


class Stalls:
    """The partitions as one monitor sees them; time is passed in, ns of any clock that goes on.

    Attributes
    ----------
    alarms
        Of all partitions.
    """

    def __init__(self, policy: Policy) -> None:
        self.alarms = AlarmCore(policy)
        self._newest_ms: dict[int, int] = {}
        self._done_ms: dict[int, int] = {}
        self._waits_ns: dict[int, int] = {}  # since when samples wait and nothing goes on
        self._standing: dict[int, Finding] = {}

    def note_samples(self, partition: int, at_ms: int, now_ns: int) -> None:
        """Note that records of a time came to a partition."""
        newest_ms = self._newest_ms[partition] = max(at_ms, self._newest_ms.get(partition, at_ms))
        if newest_ms > self._done_ms.get(partition, newest_ms - 1):
            self._waits_ns.setdefault(partition, now_ns)

    def note_progress(self, partition: int, until_ms: int, now_ns: int) -> None:
        """Note up to which time a worker has processed a partition."""
        before_ms = self._done_ms.get(partition)
        if before_ms is None or until_ms > before_ms:
            self._done_ms[partition] = until_ms
            if until_ms >= self._newest_ms.get(partition, until_ms):
                self._waits_ns.pop(partition, None)
            else:
                self._waits_ns[partition] = now_ns

    def lag_s(self) -> dict[int, float]:
        """Give by partition how much of what came is not processed; infinite: nothing ever was."""
        return {
            partition: max(newest_ms - self._done_ms[partition], 0) / 1000
            if partition in self._done_ms
            else float("inf")
            for partition, newest_ms in self._newest_ms.items()
        }

    def holds(self) -> dict[int, tuple[Suspension, ...]]:
        """Give by partition what holds alarms of its participants back: it has stalled."""
        held = {p: self.alarms.suspensions(one.participant) for p, one in self._standing.items()}
        return {partition: tuple(several) for partition, several in held.items() if several}

    def look(self, now_ns: int) -> list[Alarm]:
        """Let time pass; give the alarms that have changed, each in its newest state."""
        changes = []
        for partition in self._newest_ms:
            waits_ns = self._waits_ns.get(partition)
            stalled = waits_ns is not None and now_ns - waits_ns >= WAITS_S * NS_PER_S
            told = self._standing.get(partition)
            if stalled and told is None:
                begun = _finding(partition, "onset", waits_ns or now_ns, now_ns)
                self.alarms.enrol(Participant(begun.participant, named(partition), GROUP))
                self._standing[partition] = begun
                changes += self.alarms.apply(begun)
            elif told is not None and not stalled:
                del self._standing[partition]
                changes += self.alarms.apply(_finding(partition, "offset", told.onset_ns, now_ns))
        changes += self.alarms.tick(now_ns)
        return _newest(changes)

    def acknowledge(self, alarm_id: str, by: str, now_ns: int) -> list[Alarm]:
        """Note that a person has seen one of these alarms."""
        return _newest(self.alarms.acknowledge(alarm_id, by, now_ns))

    def people(self) -> list[Participant]:
        """Give the partitions with an open alarm, as a page lists them."""
        ids = {alarm.participant for alarm in self.alarms.alarms()}
        return [person for person in self.alarms.people() if person.id in ids]


def _newest(changes: Iterable[AlarmChange]) -> list[Alarm]:
    return list({change.alarm.id: change.alarm for change in changes}.values())


def named(partition: int) -> str:
    """Give the name under which a partition is shown."""
    return f"Processing, partition {partition}"


def _finding(partition: int, state: str, onset_ns: int, now_ns: int) -> Finding:
    who = f"partition {partition}"
    waited_s = (now_ns - onset_ns) / NS_PER_S
    at_ns = onset_ns if state == "onset" else now_ns
    return Finding(
        finding_id(who, CODE, onset_ns), 0, who, CODE, state, onset_ns, at_ns, now_ns, waited_s
    )
