"""The lane of series: features, scalar signals and findings, to be drawn over time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from processors.errors import WireError
from processors.signals import SIGNALS
from streams import wire
from streams.bus import Place, Record
from streams.bus.topics import EVENTS, FEATURES, RAW, raw
from streams.last_of_slot import LastOfSlot
from streams.messages import DeadLetter, decode_findings, decode_series
from streams.sink.consents import Sift, keep_all
from streams.stores import Record as Kept
from streams.stores import SeriesRows
from streams.thinning import ALWAYS_MS, PATIENCE_MS, scalar_rows

SILENT_S: Final = 600.0  # and so long where a whole topic is silent: a broker may be away
SCALAR: Final = tuple(raw(name) for name, spec in SIGNALS.items() if not spec.waveform)


class Writes(Protocol):
    """A store that takes rows and findings."""

    def write(self, records: Sequence[Kept], *, durable: bool = False) -> int: ...


class SeriesWork:
    """Writes what is due; rows that may be thinned wait for their slot to end.

    Parameters
    ----------
    catch_up
        Called when there may be time to send what waits on the disk.
    sift
        Which rows of a block of a time are kept.
    """

    name = "series"
    topics = (FEATURES, EVENTS, *SCALAR)

    def __init__(
        self,
        store: Writes,
        catch_up: Callable[[], None] = lambda: None,
        sift: Sift = keep_all,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._catch_up = catch_up
        self._sift = sift
        self._monotonic = monotonic
        self._thinned = LastOfSlot()
        self._due: list[Kept] = []
        self._last_ms: dict[Place, int] = {}
        self._heard_s: dict[Place, float] = {}

    def take(self, record: Record) -> None:
        place = record.place
        if place.topic == EVENTS:
            self._due += decode_findings(record.value)
        elif place.topic == FEATURES:
            for rows in decode_series(record.value):
                self._thin(rows, record)
        else:
            for rows, has_rate in self._scalars(record):
                if has_rate:
                    self._thin(rows, record)
                else:
                    self._due.append(rows)
        # Of the last one, not the newest: what comes again, comes with its time.
        self._last_ms[place] = record.at_ms
        self._heard_s[place] = self._monotonic()

    def keep(self) -> list[DeadLetter]:
        self._give_up_waiting()
        if self._due:
            self._store.write(self._due, durable=True)
            self._due = []
        self._catch_up()
        return []

    def safe(self, place: Place, offset: int) -> int:
        first = self._thinned.first_waiting(place) if place.topic.startswith(_THINNED) else None
        return offset if first is None else min(first, offset)

    def close(self) -> None:
        """Do nothing: the store is closed by who opened it."""

    def _scalars(self, record: Record) -> Iterable[tuple[SeriesRows, bool]]:
        """Give what a raw record holds; of one that cannot be read, the worker says so."""
        try:
            block = wire.decode(record.value)
        except WireError:
            return ()
        kept = self._sift(block, record.at_ms)
        return () if kept is None else list(scalar_rows(kept))

    def _thin(self, rows: SeriesRows, record: Record) -> None:
        over = self._thinned.put(rows, record.place, record.offset, record.at_ms)
        if len(over.participants):
            self._due.append(over)

    def _give_up_waiting(self) -> None:
        """Keep what waits for a participant who has stopped, or of a topic that is silent."""
        now_s = self._monotonic()
        for place, last_ms in self._last_ms.items():
            if place.topic != EVENTS:
                silent = now_s - self._heard_s[place] >= SILENT_S
                until_ms = ALWAYS_MS if silent else last_ms - PATIENCE_MS
                self._due += self._thinned.flush(place, until_ms)


_THINNED: Final = (FEATURES, RAW)
