"""What waits for the engine: steps of a bridge, bounded by their samples.

A bound in steps would be minutes of a few people or a memory full of many; a bound in samples is
one of memory, whoever is watched. Overflow policy: **block**, raw samples are never dropped.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Sequence

from processors.records import Block, Control

MOST_SAMPLES = 100_000_000  # 200 MB as int16: 2 min of 2,000 people at 350 samples a second each

Step = tuple[int, Sequence[Block | Control]]


class Backlog:
    """A queue between one thread that gives steps and one that takes them.

    Parameters
    ----------
    most_samples
        That may wait; a step larger than that passes alone.
    """

    def __init__(self, most_samples: int = MOST_SAMPLES) -> None:
        self._most = most_samples
        self._waiting: deque[tuple[int, Step]] = deque()
        self._samples = 0
        self._changed = threading.Condition()

    def put_nowait(self, step: Step) -> None:
        """Add a step.

        Raises
        ------
        queue.Full
            Too much waits already; try again later.
        """
        n = sum(row.n_samples for row in step[1] if isinstance(row, Block))
        with self._changed:
            if self._waiting and self._samples + n > self._most:
                raise queue.Full
            self._waiting.append((n, step))
            self._samples += n
            self._changed.notify()

    def get(self, timeout_s: float) -> Step | None:
        """Give the oldest step, None when none has come in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, timeout_s):
                return None
            n, step = self._waiting.popleft()
            self._samples -= n
            return step

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._waiting
