"""Sensors of simulated people: each gives the block of what it measured in a span."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.bodies import Bodies
from device_bridges.simulator.hearts import Hearts
from device_bridges.simulator.plan import Plan, Sensor
from device_bridges.simulator.tables import BEATS_KEPT
from processors.records import NS_PER_S, Block

RATE_OVER = 4  # RR intervals in the rate that a device tells (default)
RATE_BLANK_S = 4.0  # s without a beat until a device blanks its rate (default)

Times = NDArray[np.float64]


class Readings:
    """What one sensor measured in one span: the rows that have something, and their samples.

    Attributes
    ----------
    rows
        int64 ``[r]``, indices into the sensor's slots.
    lengths, seq
        int64 ``[r]``.
    samples
        ``[sum(lengths), c]``.
    t_s
        float64 ``[sum(lengths)]``, true times of irregular values; None for waveforms.
    """

    __slots__ = ("lengths", "rows", "samples", "seq", "t_s")

    def __init__(
        self,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        seq: NDArray[np.int64],
        samples: NDArray[Any],
        t_s: Times | None,
    ) -> None:
        self.rows, self.lengths, self.seq = rows, lengths, seq
        self.samples, self.t_s = samples, t_s


class Device(Protocol):
    """What a sensor does: measure a span of true time, each span once and in order."""

    scale: float

    def measure(self, from_ns: int, to_ns: int) -> Readings | None:
        """Give what was measured in ``[from_ns, to_ns)``, ns since the start; None: nothing."""
        ...


class _Waves(Protocol):
    scale: float

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]: ...


class WaveDevice:
    """A waveform at an even rate."""

    def __init__(self, sensor: Sensor, waves: _Waves, hearts: Hearts, bodies: Bodies) -> None:
        self.scale = waves.scale
        self._fs_hz = round(sensor.fs_hz)
        self._waves, self._hearts, self._bodies = waves, hearts, bodies
        self._rows = np.arange(len(sensor.slots))

    def measure(self, from_ns: int, to_ns: int) -> Readings | None:
        """Give all samples whose time lies in the span, for everybody."""
        i0 = -(-from_ns * self._fs_hz // NS_PER_S)
        i1 = -(-to_ns * self._fs_hz // NS_PER_S)
        if i0 == i1:
            return None
        counts = self._waves.samples(
            i0, i1, self._hearts.beats, self._hearts.newest, self._bodies.seconds
        )
        k = len(self._rows)
        channels = counts.reshape(k * (i1 - i0), -1)
        return Readings(self._rows, np.full(k, i1 - i0), np.full(k, i0), channels, None)


class BeatDevice:
    """A strap: one RR interval for each beat, in ms."""

    scale = 1.0

    def __init__(self, sensor: Sensor, hearts: Hearts) -> None:
        self._slots = sensor.slots
        self._hearts = hearts
        self._told = np.zeros(len(sensor.slots), np.int64)

    def measure(self, from_ns: int, to_ns: int) -> Readings | None:
        """Give the beats whose R lies in the span."""
        beats = self._hearts.beats[self._slots]
        r_s = beats["r_s"]
        row, column = np.nonzero((r_s >= from_ns / NS_PER_S) & (r_s < to_ns / NS_PER_S))
        if not len(row):
            return None
        order = np.lexsort((r_s[row, column], row))
        row, column = row[order], column[order]
        rr_ms = np.rint(1000.0 * beats["rr_s"][row, column])
        rows, lengths = np.unique(row, return_counts=True)
        seq = self._told[rows].copy()
        self._told[rows] += lengths
        samples = np.clip(rr_ms, 0, 32767).astype(np.int16)[:, None]
        return Readings(rows, lengths, seq, samples, r_s[row, column])


class Timetable:
    """Readings at even times, everybody with a phase of their own.

    Reading ``m`` is due at ``phase_s + m * every_s``; those of the past count from below zero.
    """

    def __init__(self, sensor: Sensor) -> None:
        self.every_s = sensor.every_s
        self.phase_s = sensor.phase_s
        self.n_past = int(sensor.history_s // sensor.every_s)
        self._next = np.zeros(len(sensor.slots), np.int64)

    def due(self, to_s: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Give each reading before a time once: rows, the number of the first, how many."""
        stop = np.ceil((to_s - self.phase_s) / self.every_s).astype(np.int64)
        rows = np.flatnonzero(stop > self._next)
        numbers, counts = self._next[rows], (stop - self._next)[rows]
        self._next[rows] = stop[rows]
        return rows, numbers, counts

    def at_s(self, rows: NDArray[np.int64], numbers: NDArray[np.int64]) -> Times:
        times: Times = self.phase_s[rows] + numbers * self.every_s
        return times


def _counted(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count on from each first number: ``[first, first + 1, ...]``, one run after the other."""
    starts = np.cumsum(counts) - counts
    numbers: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(first - starts, counts)
    return numbers


class RateDevice:
    """Heart rate once a second or so, over the last RR intervals; blank without beats."""

    scale = 1.0

    def __init__(self, sensor: Sensor, hearts: Hearts) -> None:
        self._slots = sensor.slots
        self._hearts = hearts
        self._times = Timetable(sensor)

    def measure(self, _from_ns: int, to_ns: int) -> Readings | None:
        """Give the rate that is due, the newest; one that is blank is not sent, but counted."""
        rows, numbers, counts = self._times.due(to_ns / NS_PER_S)
        if not len(rows):
            return None
        numbers = numbers + counts - 1
        t_s = self._times.at_s(rows, numbers)
        slots = self._slots[rows]
        r_s = self._hearts.beats["r_s"][slots]
        past = np.where(r_s <= t_s[:, None], r_s, -np.inf)
        newest_s = past.max(axis=1)
        known = (past > -np.inf).sum(axis=1)
        # The ring holds beats that are still to come; of those past, the last few are enough.
        oldest_s = np.sort(past, axis=1)[:, BEATS_KEPT - 1 - RATE_OVER]
        fresh = (known > RATE_OVER) & (t_s - newest_s < RATE_BLANK_S)
        rows, numbers, t_s = rows[fresh], numbers[fresh], t_s[fresh]
        if not len(rows):
            return None
        rate = np.rint(60.0 * RATE_OVER / (newest_s - oldest_s)[fresh]).astype(np.int16)
        return Readings(rows, np.ones(len(rows), np.int64), numbers, rate[:, None], t_s)


class SlowDevice:
    """Any other value of the body or the place, at even times, with its history at the start."""

    scale = 1.0

    def __init__(self, sensor: Sensor, bodies: Bodies) -> None:
        self._sensor = sensor
        self._bodies = bodies
        self._times = Timetable(sensor)
        self._begun = False

    def measure(self, _from_ns: int, to_ns: int) -> Readings | None:
        """Give the readings that are due; what the device cannot measure is NaN."""
        if not self._begun:
            self._begun = True
            if self._times.n_past:
                return self._past()
        rows, first, counts = self._times.due(to_ns / NS_PER_S)
        if not len(rows):
            return None
        each = np.repeat(rows, counts)
        t_s = self._times.at_s(each, _counted(first, counts))
        values = self._bodies.slow(self._sensor.slots[each], self._sensor.signal, t_s)
        seq = first + self._times.n_past
        return Readings(rows, counts, seq, values.astype(np.float32), t_s)

    def _past(self) -> Readings:
        """Give what the device remembers from before the start, all at once."""
        n, k = self._times.n_past, len(self._sensor.slots)
        rows = np.arange(k)
        numbers = np.arange(-n, 0)
        t_s = self._times.at_s(np.repeat(rows, n), np.tile(numbers, k))
        values = self._bodies.history(
            np.repeat(self._sensor.slots, n), self._sensor.signal, t_s
        ).astype(np.float32)
        return Readings(rows, np.full(k, n), np.zeros(k, np.int64), values, t_s)


class Postbag:
    """Makes blocks of readings: names and constants of a sensor's rows are laid out once."""

    def __init__(self, plan: Plan, sensor: Sensor, scale: float) -> None:
        self._signal = sensor.signal
        self._ids = np.array([plan.participants[slot].id for slot in sensor.slots.tolist()], object)
        self._all = tuple(self._ids)
        self._device = sensor.device
        self._fs_hz = sensor.fs_hz
        self._scale = scale

    def block(
        self,
        readings: Readings,
        base_ns: int,
        clock_ns: NDArray[np.int64] | None,
    ) -> Block:
        """Pack readings; their times are those of the devices' clocks."""
        rows, lengths, r = readings.rows, readings.lengths, len(readings.rows)
        everybody = r == len(self._all)
        ahead = np.zeros(r, np.int64) if clock_ns is None else clock_ns[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        if readings.t_s is None:
            t_ns = None
            t0_ns = np.rint(readings.seq * (NS_PER_S / self._fs_hz)).astype(np.int64)
            t0_ns += base_ns + ahead
        else:
            t_ns = np.rint(readings.t_s * NS_PER_S).astype(np.int64) + base_ns
            t_ns += np.repeat(ahead, lengths)
            t0_ns = t_ns[offsets[:-1]]
        return Block(
            signal=self._signal,
            participants=self._all if everybody else tuple(self._ids[rows]),
            devices=(self._device,) * r,
            fs_hz=np.full(r, self._fs_hz),
            scale=np.full(r, self._scale),
            offset=np.zeros(r),
            t0_ns=t0_ns,
            seq=readings.seq.astype(np.int64),
            offsets=offsets,
            samples=readings.samples,
            t_ns=t_ns,
        )
