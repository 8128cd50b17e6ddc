"""The lane of waveforms: every sample into the log of its hour, and hours into Parquet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from processors.errors import WireError
from processors.records import NS_PER_MS, Block
from processors.signals import SIGNALS
from streams import wire
from streams.bus import Place, Record
from streams.bus.topics import raw
from streams.messages import DeadLetter
from streams.sink.consents import Sift, keep_all
from streams.stores import StoreError
from streams.stores.waveforms import HOUR_NS, Folders, Segment, is_waveform, sync_folder
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.log import LogWriter

_log = logging.getLogger(__name__)

QUIET_S: Final = 120.0  # an hour to which nothing was added for so long is over
MOST_OPEN: Final = 24  # hours at once: partitions that catch up are in different ones


@dataclass(slots=True)
class _Hour:
    """One hour of samples: its log, and what is not in it yet."""

    log: LogWriter | None = None
    segment: Segment | None = None
    waiting: list[Block] = field(default_factory=list)
    used_s: float = 0.0


class WaveformsWork:
    """Appends blocks to logs; a log is handed over when its hour is over.

    Samples that are read again after a restart go into another segment; whoever reads both has
    them once (`streams.stores.waveforms.join`).

    Parameters
    ----------
    sift
        Which rows of a block of a time are kept.

    Attributes
    ----------
    on_closed
        Told each segment that is complete.
    newest_ns
        Of the records taken; ages are counted on it.
    """

    name = "waveforms"
    topics = tuple(raw(name) for name, spec in SIGNALS.items() if spec.waveform)

    def __init__(
        self,
        folders: Folders,
        sift: Sift = keep_all,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_closed: Callable[[Segment], None] = lambda _: None
        self.newest_ns = 0
        self._folders = folders
        self._sift = sift
        self._monotonic = monotonic
        self._hours: dict[int, _Hour] = {}
        self._unread = 0
        folders.make()

    def take(self, record: Record) -> None:
        try:
            block = wire.decode(record.value)
        except WireError as error:  # the worker says so, with the bytes
            self._unread += 1
            _log.debug("block not kept place=%s problem=%r", record.place, str(error))
            return
        if not is_waveform(block):
            return
        at_ns = record.at_ms * NS_PER_MS
        self.newest_ns = max(self.newest_ns, at_ns)
        kept = self._sift(block, record.at_ms)
        if kept is not None:
            # What is published is stamped with the end of its step.
            self._hours.setdefault((at_ns - 1) // HOUR_NS, _Hour()).waiting.append(kept)

    def keep(self) -> list[DeadLetter]:
        try:
            for hour, one in sorted(self._hours.items()):
                if one.waiting:
                    self._append(hour, one)
            self._close_what_is_over()
        except OSError as error:
            raise StoreError(str(self._folders.logs), str(error)) from error
        return []

    def safe(self, place: Place, offset: int) -> int:
        return offset

    def close(self) -> None:
        """Close the logs; the next start compacts them."""
        for one in self._hours.values():
            if one.log is not None:
                one.log.close()
        self._hours.clear()

    def _append(self, hour: int, one: _Hour) -> None:
        if one.log is None:
            segment = self._folders.next_segment(hour)
            one.log, one.segment = LogWriter(self._folders.log(segment)), segment
            sync_folder(self._folders.logs)
        if one.waiting:
            kinds = by_kind(one.waiting)
            one.log.append(join(blocks) for blocks in kinds.values())
            one.waiting = []
        one.log.sync()
        one.used_s = self._monotonic()

    def _close_what_is_over(self) -> None:
        newest = max(self._hours, default=0)
        by_use = sorted(self._hours, key=lambda hour: self._hours[hour].used_s)
        too_many = max(len(by_use) - MOST_OPEN, 0)
        for rank, hour in enumerate(by_use):
            one = self._hours[hour]
            quiet = self._monotonic() - one.used_s >= QUIET_S
            if hour != newest and (quiet or rank < too_many):
                del self._hours[hour]
                if one.log is not None and one.segment is not None:
                    one.log.close()
                    self.on_closed(one.segment)
