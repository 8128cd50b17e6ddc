"""What is committed before it is shown: alarms, acknowledgements, findings, the audit.

`Ledger.commit` returns when the records are on the disk. When the store fails (a full disk) they
are kept in their order and written before anything newer, so that an alarm never goes back to an
older state; alarms go on meanwhile, and `Ledger.error` says that they are not stored.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from streams.stores import Record, Store, StoreError, n_rows

CAPACITY: Final = 200_000  # records that wait; what comes then is left out and counted
BATCH: Final = 2_000  # records in a transaction while what waited is written
RETRY_S: Final = 1.0  # s between attempts while the store fails

_log = logging.getLogger(__name__)


class Ledger:
    """Writes from the thread that shows; one thread at a time may use it.

    Parameters
    ----------
    on_written
        Told what has been committed.
    monotonic
        Seconds on a clock that never goes back.

    Attributes
    ----------
    error
        Why what was shown is not on the disk; None when it is.
    left_out
        Records that found no room among those that wait; they are lost.
    """

    def __init__(
        self,
        store: Store,
        *,
        capacity: int = CAPACITY,
        on_written: Callable[[Sequence[Record]], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.error: StoreError | None = None
        self.left_out = 0
        self._store = store
        self._capacity = capacity
        self._on_written = on_written
        self._monotonic = monotonic
        self._waiting: deque[Record] = deque()
        self._next_s = float("-inf")

    @property
    def n_waiting(self) -> int:
        """How many records are not on the disk yet."""
        return len(self._waiting)

    def commit(self, records: Iterable[Record] = ()) -> bool:
        """Put these on the disk, behind what waits; tell whether all is there.

        Without records it is one more attempt for what waits, when it is due.
        """
        for record in records:
            if len(self._waiting) < self._capacity:
                self._waiting.append(record)
            else:
                self.left_out += n_rows(record)
        if self.error is not None and self._monotonic() < self._next_s:
            return False
        while self._waiting and self._write():
            pass
        return not self._waiting

    def close(self) -> None:
        """Make a last attempt, due or not; what still waits is left out."""
        self._next_s = float("-inf")
        if not self.commit():
            self.left_out += sum(map(n_rows, self._waiting))
            self._waiting.clear()

    def _write(self) -> bool:
        batch = list(islice(self._waiting, BATCH))
        try:
            self._store.write(batch, durable=True)
        except StoreError as error:
            if self.error is None:
                _log.error("ledger=failing problem=%r", str(error))
            self.error = error
            self._next_s = self._monotonic() + RETRY_S
            return False
        if self.error is not None:
            _log.warning("ledger=working again")
        self.error = None
        for _ in batch:
            self._waiting.popleft()
        if self._on_written is not None:
            self._on_written(batch)
        return True
