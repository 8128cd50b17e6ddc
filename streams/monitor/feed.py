"""What the topics say, onto the pages: records in, the hub and the account of stalls told.

No bus, no clock, no I/O. Alarms are shown from `vitals.alarms`, so what a page shows is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from alerts.alarm import Alarm
from alerts.holds import Held
from dashboards.monitor.hub import Hub
from processors.errors import InputError
from registry.participants import Participant, Registry
from streams import wire
from streams.alarm_messages import decode_alarms
from streams.bus import Place, Record
from streams.bus.partitions import partition_of
from streams.bus.topics import ALARMS, CONTROL, EVENTS, FEATURES, PROGRESS, RAW
from streams.consents import Consents, withdrawn_in
from streams.messages import (
    PEOPLE,
    decode_controls,
    decode_findings,
    decode_people,
    decode_progress,
    decode_series,
)
from streams.monitor.alarm_log import AlarmLog
from streams.monitor.stalls import Stalls

_log = logging.getLogger(__name__)

MAX_FAULTS: Final = 100  # different ones that are logged; workers write dead letters of them all


class Feed:
    """Takes records of all topics in the order of each place.

    Parameters
    ----------
    now_ns
        Now, by a clock that only goes on.

    Attributes
    ----------
    newest_ms
        By partition, the newest time of its samples.
    offsets
        Of `vitals.alarms`, by partition: the offset after the last record that was taken.
    """

    def __init__(
        self, hub: Hub, stalls: Stalls, n_partitions: int, now_ns: Callable[[], int]
    ) -> None:
        self.newest_ms: dict[int, int] = {}
        self.offsets: dict[int, int] = {}
        self.log = AlarmLog()
        self._hub = hub
        self._stalls = stalls
        self._n_partitions = n_partitions
        self._now_ns = now_ns
        self._registry = Registry()
        self._consents = Consents()
        self._listed: list[Participant] = []
        self._stalled: set[int] = set()
        self._faults: set[str] = set()

    def take(self, records: Iterable[Record]) -> tuple[list[Alarm], list[Held]]:
        """Show what records say; one that cannot be read is left out and logged.

        Returns
        -------
        alarms, held
            What of `vitals.alarms` was news, each as it is now.
        """
        people = False
        alarms: list[Alarm] = []
        held: list[str] = []
        for record in records:
            place, value = record.place, record.value
            try:
                if place.topic.startswith(RAW):
                    block = self._consents.sift(wire.decode(value))
                    if block is not None:
                        people |= self._meet(block.participants)
                        self._hub.on_block(block)
                    self._note_samples(place.partition, record.at_ms)
                elif place.topic == FEATURES:
                    for rows in decode_series(value):
                        self._hub.on_values(rows.participants, rows.name, rows.values, rows.t_ns)
                elif place.topic == EVENTS:
                    self._hub.on_findings(decode_findings(value))
                elif place.topic == ALARMS:
                    news = decode_alarms(value)
                    new = self.log.take(news)
                    people |= self._meet(alarm.participant for alarm in new)
                    alarms += new
                    held += [one.participant for one in news.held]
                    self.offsets[place.partition] = record.offset + 1
                elif place.topic == PROGRESS:
                    _, until_ms = decode_progress(value)
                    self._stalls.note_progress(place.partition, until_ms, self._now_ns())
                elif place.topic == CONTROL and value[: len(PEOPLE.magic)] == PEOPLE.magic:
                    self._enrol(value)
                    people = True
                elif place.topic == CONTROL:
                    self._consents.pass_on(decode_controls(value))
            except InputError as error:
                self._log_once(place, error)
        if people:
            self._list()
        # Of a step of a storm, or of days read at the start, each alarm once.
        alarms = list({alarm.id: alarm for alarm in alarms}.values())
        self._hub.on_alarms(alarms)
        self._hub.on_holds(self._held(who) for who in dict.fromkeys(held))
        return alarms, [self.log.held.get(who, Held(who)) for who in dict.fromkeys(held)]

    def begin(
        self, people: Iterable[Participant], alarms: Iterable[Alarm], held: Iterable[Held]
    ) -> None:
        """Show what a store or another monitor knew; what topics say goes before it."""
        for person in people:
            if person.id not in self._registry:
                self._registry.put(person)
        self._list()
        alarms, held = list(alarms), list(held)
        self._consents.restore(withdrawn_in(alarms))
        self._hub.on_alarms(self.log.begin(alarms, held))
        self._hub.on_holds(self._held(one.participant) for one in held)

    def pass_time(self) -> None:
        """Look for partitions that stand still, and show them and whom it concerns."""
        self.show_stalls(self._stalls.look(self._now_ns()))
        stalled = set(self._stalls.holds())
        changed, self._stalled = stalled ^ self._stalled, stalled
        if changed:
            self._hub.on_holds(
                self._held(person.id)
                for person in self._registry
                if partition_of(person.id, self._n_partitions) in changed
            )

    def show_stalls(self, alarms: Iterable[Alarm]) -> None:
        """Show alarms of partitions, which come from no topic."""
        self._hub.on_alarms(list(alarms))
        self._list()

    def _enrol(self, value: bytes) -> None:
        enrolment = decode_people(value)
        for person in enrolment.people:
            self._registry.put(person)
        self._hub.simulated = self._hub.simulated or enrolment.simulated

    def _meet(self, participants: Iterable[str]) -> bool:
        """Note people whom nobody has announced, for they must be seen; tell whether there are."""
        unknown = [who for who in participants if who not in self._registry]
        for who in unknown:
            self._registry.put(Participant(who))
        return bool(unknown)

    def _list(self) -> None:
        """List who takes part, and partitions with an alarm."""
        people = [*self._registry, *self._stalls.people()]
        if people != self._listed:
            self._listed = people
            self._hub.set_participants(people)

    def _held(self, participant: str) -> Held:
        held = self.log.held.get(participant, Held(participant))
        partition = partition_of(participant, self._n_partitions)
        stalled = self._stalls.holds().get(partition, ())
        return Held(participant, (*held.suspensions, *stalled), held.inactivations)

    def _note_samples(self, partition: int, at_ms: int) -> None:
        self.newest_ms[partition] = max(at_ms, self.newest_ms.get(partition, at_ms))
        self._stalls.note_samples(partition, at_ms, self._now_ns())

    def _log_once(self, place: Place, error: InputError) -> None:
        said = f"{place.topic} {error}"
        if said not in self._faults and len(self._faults) < MAX_FAULTS:
            self._faults.add(said)
            _log.warning("record not shown topic=%s reason=%s", place.topic, error)
