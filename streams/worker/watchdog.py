"""Ends a process that makes no progress: its supervisor starts another, which goes on."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

_log = logging.getLogger(__name__)

STALL_S: Final = 60.0  # without progress
LOOK_S: Final = 1.0
EXIT_STALLED: Final = 70


class Watchdog:
    """Looks on a thread of its own, for what stalls may hold the event loop.

    Parameters
    ----------
    stall_s
        Longest time without progress.
    end
        Called once, on the watching thread, when that is over; it need not return.
    now_s
        A clock that goes on; tests turn their own.
    """

    def __init__(
        self,
        stall_s: float = STALL_S,
        *,
        end: Callable[[float], object] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_s = stall_s
        self._end = end or _end_process
        self._now_s = now_s
        self._progress_s = now_s()
        self._stopped = threading.Event()

    @property
    def stalled_s(self) -> float:
        """For how long there has been no progress."""
        return self._now_s() - self._progress_s

    def progress(self) -> None:
        """Note that work goes on, or that there is none."""
        self._progress_s = self._now_s()

    def look(self) -> bool:
        """End the process if it has stalled, and tell whether it has."""
        stalled_s = self.stalled_s
        if stalled_s <= self._stall_s:
            return False
        self._end(stalled_s)
        return True

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_S):
            if self.look():
                return


def _end_process(stalled_s: float) -> NoReturn:
    _log.critical("no progress for_s=%.0f", stalled_s)
    sys.stderr.flush()
    os._exit(EXIT_STALLED)
