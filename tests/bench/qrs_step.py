"""One small step of QRS detection, the same for all who read Kafka in a benchmark.

Differences of the signal, squared and averaged over 100 ms, cross a threshold that follows the
peaks: about 10 ns a sample. It stands for work that is small beside reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.records import NOTHING, Batch, Outputs
from processors.state import KeepsState, SlotState

STATE = np.dtype(
    [("last", "f8"), ("average", "f8"), ("peak", "f8"), ("since", "i8"), ("beats", "i8")]
)


@njit(cache=True, nogil=True, error_model="numpy")
def qrs_step(values: Any, offsets: Any, slots: Any, state: Any) -> int:
    """Give how many beats begin in rows of float32 samples at 250 Hz, and move the state on."""
    n_beats = 0
    for r in range(len(slots)):
        one = state[slots[r]]
        last, average, peak, since = one.last, one.average, one.peak, one.since
        for i in range(offsets[r], offsets[r + 1]):
            x = np.float64(values[i])
            slope = x - last
            last = x
            average += 0.04 * (slope * slope - average)
            since += 1
            if average > 0.5 * peak and since > 50:
                n_beats += 1
                since = 0
            peak = max(average, 0.998 * peak)
        one.last, one.average, one.peak, one.since = last, average, peak, since
        one.beats += n_beats
    return n_beats


class Pace:
    """How fast records are worked off, once the first of them have warmed everything.

    Parameters
    ----------
    n, n_warm
        Samples in all, and of them before the clocks start.
    done
        Called with the figures when all have been worked off.

    Attributes
    ----------
    done
        All have been.
    """

    def __init__(self, n: int, n_warm: int, done: Callable[[dict[str, float]], None]) -> None:
        self.n = n
        self.done = False
        self._n_warm, self._tell = n_warm, done
        self._seen = self._began_at = 0
        self._began = (0.0, 0.0)

    def count(self, n: int) -> None:
        self._seen += n
        now = (time.perf_counter(), time.process_time())
        if not self._began_at and self._seen >= self._n_warm:
            self._began, self._began_at = now, self._seen
        if self._seen == self.n:
            self.done = True
            n_timed = self.n - self._began_at
            wall, cpu = (1e9 * (a - b) / n_timed for a, b in zip(now, self._began, strict=True))
            self._tell({"wall_ns": wall, "cpu_ns": cpu, "samples": n_timed})


class QrsStep(KeepsState):
    """The step as a processor."""

    name = "qrs_step"
    consumes: tuple[str, ...] = ("ecg",)
    produces = ()

    def __init__(self, pace: Pace) -> None:
        self._state = SlotState(STATE)
        self._pace = pace

    def process(self, batch: Batch) -> Outputs:
        values: NDArray[np.float32] = batch.values[:, 0]
        qrs_step(values, batch.offsets, batch.slots, self._state.cover(batch.slots))
        self._pace.count(len(values))
        return NOTHING
