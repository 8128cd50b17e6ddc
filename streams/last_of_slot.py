"""Thins what comes all the time: of each slot of 5 s the last row, however often it comes.

The choice depends on the rows alone, not on how they are cut. A stretch that comes again (from a
worker that took over, or read again by a sink that was killed) leads to the same rows: whatever it
begins with, it ends its slots with the same ones. So a replay writes what is there already.

A row waits here until a row of another slot follows. Who keeps offsets asks from where on the bus
must be read again for what waits (`LastOfSlot.first_waiting`); nothing else has to outlive the
process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S
from streams.bus import Place
from streams.stores import STORE_EVERY_NS, SeriesRows

# What a worker that takes over says again is a few seconds, or some minutes while it catches up.
AGAIN_NS: Final = 600 * NS_PER_S
_GROWTH: Final = 64

# Kind, name, columns, topic: rows of one key have one shape.
_Key = tuple[str, str, tuple[str, ...], str]


class LastOfSlot:
    """The newest row of each participant and name, until its slot is over."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._tables: dict[_Key, _Table] = {}

    def put(self, rows: SeriesRows, place: Place, offset: int, at_ms: int) -> SeriesRows:
        """Take rows of a record; gives those whose slots are over.

        Parameters
        ----------
        offset, at_ms
            Of the record.
        """
        new = dict.fromkeys(name for name in rows.participants if name not in self._numbers)
        for name in new:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        who = np.array([self._numbers[name] for name in rows.participants], np.int64)
        key = rows.kind, rows.name, rows.columns, place.topic
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = _Table(len(rows.columns))
        over, t_ns, values = table.put(who, rows.t_ns, rows.values, place.partition, offset, at_ms)
        return self._rows(key, over, t_ns, values)

    def flush(self, place: Place, until_ms: int) -> Iterator[SeriesRows]:
        """Give up waiting for what came with records of a place before a time."""
        for key, table in self._tables.items():
            if key[3] == place.topic:
                who = table.old(place.partition, until_ms)
                if len(who):
                    yield self._rows(key, who, table.t_ns[who], table.values[who])

    def first_waiting(self, place: Place) -> int | None:
        """Give the offset of the oldest record of a place that has rows here; None for none."""
        found = [
            first
            for key, table in self._tables.items()
            if key[3] == place.topic and (first := table.first_waiting(place.partition)) is not None
        ]
        return min(found, default=None)

    def _rows(
        self, key: _Key, who: NDArray[np.int64], t_ns: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> SeriesRows:  # fmt: skip
        kind, name, columns, _ = key
        return SeriesRows(kind, name, columns, [self._names[k] for k in who.tolist()], t_ns, values)


def _is_over(t_ns: NDArray[np.int64], next_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of which rows the slot is over, by the rows that follow.

    Where time goes back a little, rows come again: the slot will be ended by its last row then.
    Where it goes back further a clock has been set.
    """
    again = (next_ns < t_ns) & (t_ns - next_ns <= AGAIN_NS)
    other: NDArray[np.bool_] = t_ns // STORE_EVERY_NS != next_ns // STORE_EVERY_NS
    return other & ~again


class _Table:
    """What waits of one name: a row for each participant."""

    def __init__(self, n_columns: int) -> None:
        self.waits = np.zeros(0, bool)
        self.t_ns = np.zeros(0, np.int64)
        self.partition = np.zeros(0, np.int64)
        self.offset = np.zeros(0, np.int64)
        self.at_ms = np.zeros(0, np.int64)
        self.values = np.zeros((0, n_columns))
        self.given = np.zeros(0, np.int64)  # time of the last row that was given; 0: none

    def put(
        self, who: NDArray[np.int64], t_ns: NDArray[np.int64], values: NDArray[np.float64],
        partition: int, offset: int, at_ms: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
        if not len(who):
            return who, t_ns, values
        self._cover(int(who.max()) + 1)
        order = np.argsort(who, kind="stable")
        who, t_ns, values = who[order], t_ns[order], values[order]
        ends = np.append(who[1:] != who[:-1], True)  # the last row of a participant: it waits
        begins = np.append(True, ends[:-1])
        over = np.append(_is_over(t_ns[:-1], t_ns[1:]), False) & ~ends
        first = who[begins]
        gone = first[self.waits[first] & _is_over(self.t_ns[first], t_ns[begins])]
        found = (
            np.concatenate([gone, who[over]]),
            np.concatenate([self.t_ns[gone], t_ns[over]]),
            np.concatenate([self.values[gone], values[over]]),
        )
        found = self._new(*found)
        last = who[ends]
        self.waits[last], self.t_ns[last], self.values[last] = True, t_ns[ends], values[ends]
        self.partition[last], self.offset[last], self.at_ms[last] = partition, offset, at_ms
        return found

    def old(self, partition: int, until_ms: int) -> NDArray[np.int64]:
        """Give who waits with a row of a record before a time; they wait no longer."""
        is_old = self.waits & (self.partition == partition) & (self.at_ms < until_ms)
        self.waits &= ~is_old
        return np.flatnonzero(is_old)

    def _new(
        self, who: NDArray[np.int64], t_ns: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Leave out the row that was given last: it has come twice, the second time late."""
        new = (t_ns != self.given[who]) | (t_ns == 0)
        self.given[who] = t_ns
        return who[new], t_ns[new], values[new]

    def first_waiting(self, partition: int) -> int | None:
        of_it = self.offset[self.waits & (self.partition == partition)]
        return int(of_it.min()) if len(of_it) else None

    def _cover(self, n: int) -> None:
        more = n - len(self.waits)
        if more > 0:
            for name in ("waits", "t_ns", "partition", "offset", "at_ms", "values", "given"):
                held = getattr(self, name)
                grown = np.zeros((more + _GROWTH, *held.shape[1:]), held.dtype)
                setattr(self, name, np.concatenate([held, grown]))
