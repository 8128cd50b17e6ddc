"""Whether Kafka is away: then a worker without progress waits, and is not hanging."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from streams.worker.watchdog import Watchdog

_log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
ASK_S: Final = 5.0  # without progress: then Kafka is asked whether it is there
SAY_S: Final = 3.0  # without an answer; a broker that is busy may need a second


class Absence:
    """Notes when Kafka goes and comes, and tells the watchdog that nothing can go on meanwhile.

    A worker that waits for Kafka to keep something looks like one that hangs. It is Kafka's
    standing still if Kafka answers nothing else either; if it answers, it is the worker's.

    Parameters
    ----------
    answers
        Asks Kafka something, in bounded time.
    now_s
        A clock that goes on.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        answers: Callable[[], Awaitable[bool]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watchdog = watchdog
        self._answers = answers
        self._now_s = now_s
        self._since_s: float | None = None
        self._is_said = False

    def note(self, *, answers: bool) -> None:
        """Note whether Kafka has just answered; that it is away, and there again, is said once."""
        now_s = self._now_s()
        if not answers:
            self._since_s = now_s if self._since_s is None else self._since_s
            if not self._is_said and now_s - self._since_s >= SAY_S:
                self._is_said = True
                _log.warning("kafka=away; it is waited for, and no device is silent meanwhile")
        elif self._since_s is not None:
            if self._is_said:
                _log.warning("kafka=answers again after_s=%.0f", now_s - self._since_s)
            self._since_s, self._is_said = None, False

    async def look(self) -> None:
        """Ask Kafka where nothing has gone on for a while, or where it was away."""
        if self._watchdog.stalled_s < ASK_S and self._since_s is None:
            return
        answers = await self._answers()
        self.note(answers=answers)
        if not answers:
            self._watchdog.progress()

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()
