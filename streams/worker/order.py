"""In which order the records of a partition are processed: by the time of their publishers.

A worker reads many topics, and one may be far ahead of another after a restart. Signals of a
participant wait a second for each other in the engine, and single values are not waited for at all.
So what a bridge published as one step, with one time, is given together: only when no topic that
has more to read could still have a record of that time or an older one.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streams.bus import Record

NEVER_MS: Final = -(2**63)

Timed = tuple[int, Record]  # with its time in ms, by which it is processed


class InputOrder:
    """The records of one partition that wait, by topic.

    Parameters
    ----------
    topics
        Where times are equal, records of the first topic come first.

    Attributes
    ----------
    n_bytes
        That wait.
    newest_ms
        By topic, the newest time of what was put; it goes over to who restores the order.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = tuple(topics)
        self._begin({}, {})

    def _begin(self, offsets: Mapping[str, int], at_ms: Mapping[str, int]) -> None:
        self.n_bytes = 0
        self._waiting: dict[str, deque[Timed]] = {t: deque() for t in self._topics}
        self._taken = {topic: offsets.get(topic, 0) for topic in self._topics}
        self._taken_ms = {topic: at_ms.get(topic, NEVER_MS) for topic in self._topics}
        self._put, self.newest_ms = dict(self._taken), dict(self._taken_ms)

    @property
    def offsets(self) -> dict[str, int]:
        """By topic, the offset after the last record that was taken."""
        return dict(self._taken)

    def expected(self, topic: str) -> int:
        """Give the offset that the next record of a topic should have."""
        return self._put[topic]

    def put(self, record: Record) -> int | None:
        """Take a record, unless it was taken before; give the time by which it is processed.

        Time does not go back within a topic: a publisher whose clock is behind that of another
        counts as being at the other's time, so that offsets are processed in their order.
        """
        topic = record.place.topic
        if record.offset < self._put[topic]:
            return None
        at_ms = max(record.at_ms, self.newest_ms[topic])
        self._put[topic], self.newest_ms[topic] = record.offset + 1, at_ms
        self._waiting[topic].append((at_ms, record))
        self.n_bytes += len(record.value)
        return at_ms

    def give_up(self, topic: str, offset: int) -> None:
        """Go on at an offset, for what lies before it is not there any more."""
        self._put[topic] = max(self._put[topic], offset)
        if not self._waiting[topic]:
            self._taken[topic] = self._put[topic]

    def behind(self, ends: Mapping[str, int]) -> list[str]:
        """Give the topics that have more to read and of which nothing waits: all waits for them."""
        return [
            topic
            for topic in self._topics
            if not self._waiting[topic] and self._put[topic] < ends.get(topic, 0)
        ]

    def missing(self, offsets: Mapping[str, int]) -> list[str]:
        """Give the topics of which not all records before these offsets have come."""
        return [topic for topic, offset in offsets.items() if self._put[topic] < offset]

    @property
    def empty(self) -> bool:
        return not self.n_bytes

    def take(self, ends: Mapping[str, int], most: int, settled_ms: int = -NEVER_MS) -> list[Timed]:
        """Give what may be processed now with its time, in order.

        Parameters
        ----------
        ends
            By topic, the offset after its last record; what is left out is taken as read.
        most
            Records to give at once; what has one time is never torn apart.
        settled_ms
            Newer ones may still be on their way where all topics are read to their end.
        """
        # Of a topic with more to read, what comes next may have the time of the last that waits.
        open_ms = min(
            (
                self._waiting[topic][-1][0] if self._waiting[topic] else NEVER_MS
                for topic in self._topics
                if self._put[topic] < ends.get(topic, 0)
            ),
            default=-NEVER_MS,
        )
        bound_ms = min(open_ms - 1, settled_ms)
        heads = [
            (waiting[0][0], rank)
            for rank, topic in enumerate(self._topics)
            if (waiting := self._waiting[topic])
        ]
        heapq.heapify(heads)
        found: list[Timed] = []
        while heads and heads[0][0] <= bound_ms:
            at_ms, rank = heads[0]
            if len(found) >= most and at_ms > found[-1][0]:
                break
            topic = self._topics[rank]
            waiting = self._waiting[topic]
            _, record = waiting.popleft()
            found.append((at_ms, record))
            self._taken[topic], self._taken_ms[topic] = record.offset + 1, at_ms
            self.n_bytes -= len(record.value)
            if waiting:
                heapq.heapreplace(heads, (waiting[0][0], rank))
            else:
                heapq.heappop(heads)
        return found

    def take_to(self, offsets: Mapping[str, int]) -> list[Timed]:
        """Give the records before these offsets in the order of their time, late or not."""
        found = []
        for rank, topic in enumerate(self._topics):
            waiting, end = self._waiting[topic], offsets.get(topic, 0)
            while waiting and waiting[0][1].offset < end:
                at_ms, record = waiting.popleft()
                found.append((at_ms, rank, record))
                self._taken[topic], self._taken_ms[topic] = record.offset + 1, at_ms
                self.n_bytes -= len(record.value)
        found.sort(key=lambda one: one[:2])
        return [(at_ms, record) for at_ms, _, record in found]

    def snapshot(self) -> dict[str, Any]:
        """Give up to where records were taken; what waits will be read again."""
        return {"offsets": dict(self._taken), "at_ms": dict(self._taken_ms)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after the records that a snapshot had taken; topics it does not have begin."""
        self._begin(state["offsets"], state["at_ms"])
