"""The sink as a process: opens the stores, runs the lanes, tidies up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from signal import SIGINT, SIGTERM
from typing import Final

from processors.errors import VitalsError
from streams.bus import Bus
from streams.config import Settings
from streams.consents import withdrawn_in
from streams.sink.consents import ConsentLog
from streams.sink.lane import Lane, Work
from streams.sink.records import RecordsWork
from streams.sink.series import SeriesWork
from streams.sink.strips import StripsWork
from streams.sink.waveforms import WaveformsWork
from streams.stores import RecordStore, SeriesStore, Store
from streams.stores.housekeeper import Housekeeper
from streams.stores.joined import JoinedStore
from streams.stores.lock import FolderLock
from streams.stores.opening import open_records, open_series, open_stores
from streams.stores.retention import Keep
from streams.stores.waveforms import Folders
from streams.stores.waveforms.shelf import Shelf

LANES: Final = ("series", "records", "strips", "waveforms")
CLOSE_S: Final = 3.0  # for the file that is being compacted


@dataclass(frozen=True, slots=True)
class Stores:
    """What the lanes write to; of one file all three are the same."""

    series: SeriesStore | Store
    records: RecordStore | Store
    whole: Store
    catch_up: Callable[[], None]


@contextlib.contextmanager
def opened_stores(settings: Settings) -> Iterator[Stores]:
    """Open what the settings name; what InfluxDB does not take waits in the data folder."""
    if not settings.influx_url and not settings.postgres_url:
        whole = open_stores(settings)
        with contextlib.closing(whole):
            yield Stores(whole, whole, whole, lambda: None)
        return
    open_stores(settings).close()  # says what is amiss with either
    series = open_series(settings, settings.data / "spill")
    with contextlib.closing(JoinedStore(series, records := open_records(settings))) as both:
        yield Stores(series, records, both, series.catch_up)


async def run_sink(
    settings: Settings,
    lanes: Sequence[str],
    bus: Bus,
    say: Callable[[str], None],
    stopping: asyncio.Event | None = None,
) -> None:
    """Run lanes until SIGTERM or SIGINT, or until told to stop; one process at a time has a folder.

    Raises
    ------
    SettingError
        Another process has the data folder, or the settings cannot be used.
    StoreError, BusError
        A store or the bus cannot be reached when it starts.
    """
    stopping = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (SIGINT, SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    lock = FolderLock(settings.data)
    try:
        with opened_stores(settings) as stores:
            withdrawn = withdrawn_in(stores.whole.open_alarms())
            consents = ConsentLog(bus, settings.partitions, withdrawn)
            works, end = _works(settings, lanes, stores, consents)
            try:
                say(f"Sink of {', '.join(lanes)} from {settings.kafka}. Ctrl-C ends.")
                async with asyncio.TaskGroup() as group:
                    for work in works:
                        known = None if isinstance(work, RecordsWork) else consents
                        lane = Lane(work, bus, settings.group, settings.partitions, known)
                        group.create_task(_until_stopped(lane, stopping))
            except ExceptionGroup as faults:
                first = faults.exceptions[0]
                raise first if isinstance(first, VitalsError) else faults from None
            finally:
                await consents.close()
                end()
    finally:
        lock.release()
    say("Stopped.")


async def _until_stopped(lane: Lane, stopping: asyncio.Event) -> None:
    try:
        await lane.run(stopping)
    except BaseException:
        stopping.set()  # the others keep what they have taken
        raise


def _works(
    settings: Settings, lanes: Sequence[str], stores: Stores, consents: ConsentLog
) -> tuple[list[Work], Callable[[], None]]:
    """Give the work of each lane, and what ends what goes on beside them."""
    works: list[Work] = []
    end: Callable[[], None] = lambda: None  # noqa: E731
    if "series" in lanes:
        works.append(SeriesWork(stores.series, stores.catch_up, consents.sift))
    if "records" in lanes:
        works.append(RecordsWork(stores.records))
    if "strips" in lanes:
        works.append(StripsWork(stores.records, consents.sift))
    if "waveforms" in lanes:
        folders = Folders(settings.data)
        waves = WaveformsWork(folders, consents.sift)
        shelf = Shelf(settings.waveforms) if settings.waveforms else None

        def shelve(before_ns: int) -> None:
            if shelf is not None:
                for segment in folders.in_hours():
                    shelf.put(folders, segment)
                shelf.forget(before_ns)

        def now_ns() -> int:
            # A publisher whose clock is ahead must not make everything old.
            return min(waves.newest_ns, time.time_ns())

        keeper = Housekeeper(folders, stores.whole, Keep.of(settings), now_ns, shelve=shelve)
        waves.on_closed = keeper.hand_over
        keeper.start()
        end = lambda: keeper.close(CLOSE_S)  # noqa: E731
        works.append(waves)
    return works, end
