"""The thread that tidies up: hours of waveforms into Parquet, old things away."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.stores import Store
from streams.stores.retention import DAY_NS, Disk, Keep, due
from streams.stores.waveforms import HOUR_NS, Folders, Segment

RETRY_S: Final = 60.0  # s between attempts when the disk was full

_log = logging.getLogger(__name__)


class Housekeeper:
    """Compacts segments that are complete, and deletes what is older than it may be.

    Parameters
    ----------
    now_ns
        The clock of the samples; ages are counted on it.
    shelve
        Puts complete hours elsewhere and deletes what is older than a time there, after each round.

    Attributes
    ----------
    problem
        What could not be done, one sentence; empty when all is well.
    """

    def __init__(
        self,
        folders: Folders,
        store: Store,
        keep: Keep,
        now_ns: Callable[[], int],
        *,
        disk: Callable[[Path], Disk] | None = None,
        shelve: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.problem = ""
        self._folders = folders
        self._store = store
        self._keep = keep
        self._now_ns = now_ns
        self._disk = disk or _disk_of
        self._shelve = shelve
        self._complete: queue.SimpleQueue[Segment | None] = queue.SimpleQueue()
        self._values_hour = -1
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        # What earlier runs left is complete, whatever the hour: a run never adds to theirs.
        self._folders.make()
        self._left_behind = self._folders.in_logs()

    def start(self) -> None:
        self._thread.start()

    def hand_over(self, segment: Segment) -> None:
        """Say that a segment is complete; never waits."""
        self._complete.put(segment)

    def close(self, within_s: float) -> None:
        """End the thread after the file it is at; the next start does the rest."""
        self._closing = True
        self._complete.put(None)
        if self._thread.ident is not None:
            self._thread.join(within_s)

    def tidy(self) -> None:
        """Do all that is due now, on the caller's thread."""
        from streams.stores.waveforms.compaction import clean  # loads pyarrow

        problem = ""
        try:
            clean(self._folders)
            self._delete_old()
            for segment in list(self._left_behind):
                if self._folders.log(segment).exists():
                    problem = self._compact(segment) or problem
                if not self._folders.log(segment).exists():
                    self._left_behind.remove(segment)
            self.problem = problem or self._delete_old()
            self._shelve(self._now_ns() - round(self._keep.waveforms_days * DAY_NS))
        except OSError as error:  # a StoreError is one
            self._note(f"old waveforms and values are not deleted ({error})")

    def _compact(self, segment: Segment) -> str:
        """Compact a segment; gives why it cannot be. Its log is kept then, and read as it is."""
        from streams.stores.waveforms.compaction import compact

        try:
            done = compact(self._folders, segment, lambda: not self._closing)
        except InterruptedError:
            return ""
        except Exception as error:  # noqa: BLE001 - one bad hour must not keep the others waiting
            return self._note(f"waveforms of {segment.name} are not compacted ({error})")
        _log.info(
            "segment=%s files=%d samples=%d log_bytes=%d bytes=%d",
            segment.name, done.files, done.samples, done.log_bytes, done.bytes,
        )  # fmt: skip
        return ""

    def _note(self, problem: str) -> str:
        if problem != self.problem and not self._closing:
            _log.error("housekeeping=failing problem=%r", problem)
        self.problem = problem
        return problem

    def _run(self) -> None:
        while not self._closing:
            self.tidy()
            try:
                segment = self._complete.get(timeout=RETRY_S if self.problem else None)
            except queue.Empty:
                continue
            if segment is None or self._closing:
                return
            self._left_behind.append(segment)

    def _delete_old(self) -> str:
        """Delete what is due; gives what is amiss, else nothing."""
        now_ns = self._now_ns()
        hours = [(each, _size(self._folders.hour(each))) for each in self._folders.in_hours()]
        going = due(hours, now_ns, self._disk(self._folders.top), self._keep)
        for segment in going.segments:
            # Renamed first: a folder that is half deleted must not be read as an hour.
            folder = self._folders.hour(segment)
            condemned = folder.with_name(folder.name + ".part")
            folder.rename(condemned)
            shutil.rmtree(condemned)
            _log.info("segment=%s deleted", segment.name)
        if now_ns // HOUR_NS != self._values_hour:
            self._store.forget(
                now_ns - round(self._keep.values_days * DAY_NS),
                now_ns - round(self._keep.findings_days * DAY_NS),
            )
            self._values_hour = now_ns // HOUR_NS
        return going.problem


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _disk_of(path: Path) -> Disk:
    usage = shutil.disk_usage(path)
    return Disk(usage.used + usage.free, usage.free)
