"""Hands batches to a server that may be away: back-off, spill, and catching up in order.

Whatever `Delivery.give` has taken is kept: by the server, or on the disk. While anything waits on
the disk, what is new goes behind it, so the server sees everything in the order given. When the
disk's share is full (`Spill`), `give` raises and takes nothing: the caller keeps its input, which
for a sink is Kafka. Nothing is dropped.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.stores import StoreError, UnfitError
from streams.stores.spill import LineBatch, Spill

_log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
MOST_WAIT_S: Final = 30.0
SHARE: Final = 4  # batches from the disk for each new one, while catching up


class AwayError(StoreError):
    """The server does not take anything now.

    Attributes
    ----------
    wait_s
        What the server asks to wait; 0 for nothing.
    """

    def __init__(self, where: str, problem: str, wait_s: float = 0.0) -> None:
        super().__init__(where, problem)
        self.wait_s = wait_s


@dataclass(slots=True)
class DeliveryCounts:
    """Batches that the server took, that went to the disk first, and that it refused."""

    sent: int = 0
    spilled: int = 0
    refused: int = 0


class Delivery:
    """Sends batches in order; one thread at a time.

    Parameters
    ----------
    send
        Gives one batch to the server; raises `AwayError` or `UnfitError`.
    spill
        Where batches wait; None: what the server does not take is the caller's again.
    monotonic
        Seconds on a clock that never goes back.
    jitter
        A number from 0 to 1, drawn for each wait: many sinks must not come back at one moment.

    Attributes
    ----------
    error
        Why the server does not take anything; None when it does.
    """

    def __init__(
        self,
        send: Callable[[LineBatch], None],
        spill: Spill | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.counts = DeliveryCounts()
        self.error: StoreError | None = None
        self._send = send
        self._spill = spill
        self._monotonic = monotonic
        self._jitter = jitter
        self._wait_s = FIRST_WAIT_S
        self._next_s = float("-inf")

    @property
    def n_waiting(self) -> int:
        """How many batches are on the disk."""
        return len(self._spill) if self._spill is not None else 0

    def give(self, batch: LineBatch) -> None:
        """Take a batch: it is at the server or on the disk on return.

        Raises
        ------
        StoreError
            Neither takes it.
        """
        self.catch_up(SHARE)
        if self._spill is None:
            self._try(batch)
            return
        if not self._spill and self._is_due:
            try:
                self._try(batch)
            except AwayError:
                pass
            else:
                return
        self._spill.put(batch)
        self.counts.spilled += 1

    def catch_up(self, most: int) -> int:
        """Send what waits, the oldest first, if an attempt is due; tell how many were sent."""
        sent = 0
        while self._spill and sent < most and self._is_due:
            try:
                self._try(self._spill.first())
            except AwayError:
                break
            self._spill.drop_first()
            sent += 1
        return sent

    @property
    def _is_due(self) -> bool:
        return self.error is None or self._monotonic() >= self._next_s

    def _try(self, batch: LineBatch) -> None:
        """Send a batch; one that is refused is said, counted and over: it blocks nobody."""
        try:
            self._send(batch)
        except UnfitError as error:
            self.counts.refused += 1
            _log.error("batch refused bytes=%d problem=%r", len(batch.body), str(error))
            if self._spill is not None:
                self._spill.set_aside(batch)
        except AwayError as error:
            if self.error is None:
                _log.error("server=away problem=%r", str(error))
            self.error = error
            wait_s = max(self._wait_s * (0.5 + 0.5 * self._jitter()), error.wait_s)
            self._next_s = self._monotonic() + wait_s
            self._wait_s = min(2 * self._wait_s, MOST_WAIT_S)
            raise
        else:
            self.counts.sent += 1
        if self.error is not None:
            _log.warning("server=back waiting=%d", self.n_waiting)
        self.error, self._wait_s = None, FIRST_WAIT_S
