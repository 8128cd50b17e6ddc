"""The past, for pages of a monitor: from a store that may be away when the monitor starts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from alerts.alarm import Alarm
from alerts.burden import Burden
from alerts.policy import Policy
from dashboards.monitor.history import ParticipantHistory
from registry.participants import Participant
from streams.reading import StoreReader
from streams.stores import Store, StoreError

_log = logging.getLogger(__name__)

RETRY_S: Final = 10.0  # between two attempts to open a store


class Past:
    """Reads the store once it can be opened; alarms are shown without it.

    Any thread may call any of it. What needs the store and has none raises StoreError.

    Parameters
    ----------
    open_store
        Gives the store, raises StoreError where it is away, and gives None where there is none.
    monotonic
        Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        open_store: Callable[[], Store | None],
        policy: Policy,
        now_ns: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._policy = policy
        self._now_ns = now_ns
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._tried_s = float("-inf")
        self._problem = StoreError("store", "there is none yet; vitals sink makes it")

    def known(self) -> tuple[list[Participant], list[Alarm]]:
        """Give the participants and open alarms that are stored; nothing where that fails."""
        try:
            store = self._opened()
            return store.participants(), store.open_alarms()
        except StoreError as error:
            _log.warning("nothing taken from the store problem=%s", error)
            return [], []

    def history(self, participant: str) -> ParticipantHistory:
        """Read findings with their strips, and past alarms; nothing where that fails."""
        try:
            return self._reader().history(participant)
        except StoreError as error:
            _log.warning("history not read problem=%s", error)
            return ParticipantHistory()

    def burden(self, days: float) -> Burden:
        """Read the burden up to now."""
        return self._reader().burden(days)

    def screening(self, day: date | None) -> dict[str, Any]:
        """Read who is referred after a day; None: the newest."""
        return self._reader().screening(day)

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _reader(self) -> StoreReader:
        return StoreReader(self._opened(), self._policy, self._now_ns)

    def _opened(self) -> Store:
        with self._lock:
            if self._store is None and self._monotonic() - self._tried_s >= RETRY_S:
                self._tried_s = self._monotonic()
                try:
                    self._store = self._open_store()
                except StoreError as error:
                    self._problem = error
            if self._store is None:
                raise self._problem
            return self._store
