"""The thread that writes: takes records from any thread, gives them to the store in batches.

The queue is bounded and its overflow policy is **block**: who puts more than fits waits, nothing is
dropped. When the store fails (a full disk) the batch is kept and tried again every
`RETRY_S`; `StoreWriter.error` says so meanwhile, and a `put` that would have to wait raises it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streams.stores import Record, Store, StoreError, n_rows

CAPACITY_ROWS = 200_000  # that may wait: 50 s of 2,000 people with 10 features every 5 s
BATCH_ROWS = 2_000
BATCH_S = 1.0  # s a record waits at most for more
RETRY_S = 1.0  # s between attempts while the store fails

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class WriterCounts:
    """What has been done: rows taken and written, transactions, failed attempts."""

    taken: int = 0
    written: int = 0
    batches: int = 0
    failures: int = 0


class StoreWriter:
    """Writes to a store from a thread of its own.

    Parameters
    ----------
    on_written
        Told each batch once it is committed, on the writer's thread.

    Attributes
    ----------
    counts
        How much has been taken and written.
    error
        Why the store does not take anything at the moment; None when it does.
    """

    def __init__(
        self,
        store: Store,
        *,
        capacity_rows: int = CAPACITY_ROWS,
        batch_rows: int = BATCH_ROWS,
        batch_s: float = BATCH_S,
        retry_s: float = RETRY_S,
        on_written: Callable[[Sequence[Record]], None] | None = None,
    ) -> None:
        self.counts = WriterCounts()
        self.error: BaseException | None = None
        self._store = store
        self._capacity_rows = capacity_rows
        self._batch_rows = batch_rows
        self._batch_s = batch_s
        self._retry_s = retry_s
        self._on_written = on_written
        self._waiting: deque[Record] = deque()
        self._waiting_rows = 0
        self._hurry = False
        self._closing = False
        self._dead = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, records: Iterable[Record]) -> None:
        """Take records, in their order; waits while the queue is full.

        Raises
        ------
        StoreError
            The queue is full and the store fails, or the writer has ended. Records taken before
            are kept and tried again.
        """
        for record in records:
            rows = n_rows(record)
            with self._changed:
                while self._waiting and self._waiting_rows + rows > self._capacity_rows:
                    self._raise_fault()
                    self._changed.wait()
                if self._closing or self._dead:
                    self._raise_fault()
                    raise StoreError("store writer", "is closed")
                self._waiting.append(record)
                self._waiting_rows += rows
                self.counts.taken += rows
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all that was put before is in the store.

        Raises
        ------
        StoreError
            The store fails.
        """
        with self._changed:
            target = self.counts.taken
            self._hurry = True
            self._changed.notify_all()
            while self.counts.written < target:
                self._raise_fault()
                self._changed.wait()

    def close(self) -> None:
        """Write what waits, end the thread. The store stays open.

        Raises
        ------
        StoreError
            What waited could not be written; it is lost.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        if self._waiting:
            rows = self._waiting_rows
            problem = f"{rows} rows could not be written ({self.error})"
            raise StoreError("store writer", problem) from self.error

    def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                if not self._write(batch) and not self._rest():
                    return
        except BaseException as error:
            with self._changed:
                self.error, self._dead = error, True
                self._changed.notify_all()
            raise

    def _next_batch(self) -> list[Record] | None:
        """Wait for a batch; it stays in the queue until it is written. None: closed and done."""
        with self._changed:
            while not self._waiting:
                self._hurry = False
                if self._closing:
                    return None
                self._changed.wait()
            until = time.monotonic() + self._batch_s
            while self._waiting_rows < self._batch_rows and not (self._hurry or self._closing):
                left_s = until - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            batch: list[Record] = []
            rows = 0
            for record in self._waiting:
                if batch and rows + n_rows(record) > self._batch_rows:
                    break
                batch.append(record)
                rows += n_rows(record)
            return batch

    def _write(self, batch: list[Record]) -> bool:
        try:
            rows = self._store.write(batch)
        except StoreError as error:
            with self._changed:
                if self.error is None:
                    _log.error("store=failing problem=%r", str(error))
                self.error = error
                self.counts.failures += 1
                self._changed.notify_all()
            return False
        with self._changed:
            if self.error is not None:
                _log.warning("store=working again")
            self.error = None
            for _ in batch:
                self._waiting_rows -= n_rows(self._waiting.popleft())
            self.counts.written += rows
            self.counts.batches += 1
            self._changed.notify_all()
        if self._on_written is not None:
            self._on_written(batch)
        return True

    def _rest(self) -> bool:
        """Wait before the next attempt; False: closed, so there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, self._retry_s)
            return not self._closing

    def _raise_fault(self) -> None:
        if self.error is not None:
            raise StoreError("store writer", str(self.error)) from self.error
