"""The thread that records every sample: blocks from the event loop into the log.

The queue is bounded and its overflow policy is **block**: `Recorder.offer` refuses what does not
fit, and who offers waits; nothing is dropped. Only while the disk fails and the queue is full is a
block left out, and counted: a full disk must not stop the alarms.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from processors.records import Block
from streams.stores import StoreError
from streams.stores.waveforms import HOUR_NS, Folders, Segment, is_waveform, sync_folder
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.log import LogWriter

CAPACITY_BYTES: Final = 64 * 1024 * 1024  # of samples that wait: 45 s of 2,000 people
RECORD_BYTES: Final = 8 * 1024 * 1024  # of samples joined into one record of the log at most
FLUSH_S: Final = 0.5  # s a block waits for more: with the write itself under the second promised
RETRY_S: Final = 1.0  # s between attempts while the disk fails

_log = logging.getLogger(__name__)

_Step = tuple[int, list[Block], int]  # up to when, its blocks, bytes of samples


@dataclass(slots=True)
class RecorderCounts:
    """What has been done: samples taken, written and left out; bytes in the log."""

    taken: int = 0
    written: int = 0
    left_out: int = 0
    bytes: int = 0


class Recorder:
    """Records waveforms from a thread of its own.

    Parameters
    ----------
    on_closed
        Told each segment that is complete, on the recorder's thread.

    Attributes
    ----------
    counts
        In samples.
    error
        Why nothing can be recorded at the moment; None when it can.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        capacity_bytes: int = CAPACITY_BYTES,
        flush_s: float = FLUSH_S,
        retry_s: float = RETRY_S,
        on_closed: Callable[[Segment], None] | None = None,
    ) -> None:
        self.counts = RecorderCounts()
        self.error: StoreError | None = None
        self._folders = folders
        self._capacity_bytes = capacity_bytes
        self._flush_s = flush_s
        self._retry_s = retry_s
        self._on_closed = on_closed or (lambda _: None)
        self._waiting: deque[_Step] = deque()
        self._waiting_bytes = 0
        self._hurry = self._closing = self._ended = False
        self._changed = threading.Condition()
        self._writer: LogWriter | None = None
        self._segment: Segment | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, until_ns: int, blocks: Iterable[Block]) -> bool:
        """Take the waveforms of a step, unless there is no room now; never waits.

        Parameters
        ----------
        until_ns
            End of the step: its hour is the hour of the segment.
        """
        kept = [block for block in blocks if is_waveform(block)]
        n = sum(block.n_samples for block in kept)
        size = sum(block.samples.nbytes for block in kept)
        with self._changed:
            over = self._waiting and self._waiting_bytes + size > self._capacity_bytes
            if over or self._ended:
                if self.error is None:
                    return False
                self.counts.left_out += n
                return True
            self._waiting.append((until_ns, kept, size))
            self._waiting_bytes += size
            self.counts.taken += n
            self._changed.notify_all()
        return True

    def flush(self) -> None:
        """Wait until all that was taken is on the disk, or the disk fails."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting or self.error is not None)

    def close(self) -> None:
        """Record what waits, end the thread; what cannot be recorded is left out."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while steps := self._next_steps():
                try:
                    self._record(steps)
                except OSError as error:
                    if not self._note(error):
                        break
                else:
                    self._done(steps)
        except BaseException as error:
            # A fault of ours: samples are left out from here on, the alarms go on, and it is said.
            self.error = StoreError(
                str(self._folders.logs), f"waveforms: recording ended ({error})"
            )
            raise
        finally:
            self._leave_out_the_rest()
            if self._writer is not None:
                with contextlib.suppress(OSError):  # what could be written has been
                    self._writer.close()

    def _next_steps(self) -> list[_Step]:
        """Wait for steps of one hour; they stay in the queue until they are recorded."""
        with self._changed:
            while not self._waiting:
                self._hurry = False
                self._changed.notify_all()
                if self._closing:
                    return []
                self._changed.wait()
            until = time.monotonic() + self._flush_s
            while not (self._hurry or self._closing) and (left_s := until - time.monotonic()) > 0:
                if self._waiting_bytes > RECORD_BYTES:
                    break
                self._changed.wait(left_s)
            hour = self._waiting[0][0] // HOUR_NS
            steps: list[_Step] = []
            size = 0
            for step in self._waiting:
                if step[0] // HOUR_NS != hour or (steps and size + step[2] > RECORD_BYTES):
                    break
                steps.append(step)
                size += step[2]
            return steps

    def _record(self, steps: Sequence[_Step]) -> None:
        hour = steps[0][0] // HOUR_NS
        if self._segment is None or self._segment.hour != hour:
            self._begin(hour)
        kinds = by_kind(block for _, blocks, _ in steps for block in blocks)
        if kinds and self._writer is not None:
            self.counts.bytes += self._writer.append(join(blocks) for blocks in kinds.values())

    def _begin(self, hour: int) -> None:
        """Begin the log of the next hour; the one before is complete."""
        self._folders.make()
        segment = self._folders.next_segment(hour)
        writer = LogWriter(self._folders.log(segment))
        sync_folder(self._folders.logs)
        before = self._segment
        if self._writer is not None:
            self._writer.close()
        self._writer, self._segment = writer, segment
        if before is not None:
            self._on_closed(before)

    def _note(self, error: OSError) -> bool:
        """Say what is wrong and wait for the next attempt; False: this was the last, at the end."""
        with self._changed:
            if self.error is None:
                _log.error("recorder=failing problem=%r", str(error))
            self.error = StoreError(str(self._folders.logs), f"waveforms: {error.strerror}")
            self._changed.notify_all()
            if self._closing:
                return False
            self._changed.wait_for(lambda: self._closing, self._retry_s)
            return True

    def _done(self, steps: Sequence[_Step]) -> None:
        with self._changed:
            if self.error is not None:
                _log.warning("recorder=working again")
            self.error = None
            for _ in steps:
                _, blocks, size = self._waiting.popleft()
                self._waiting_bytes -= size
                self.counts.written += sum(block.n_samples for block in blocks)
            self._changed.notify_all()

    def _leave_out_the_rest(self) -> None:
        with self._changed:
            self._ended = True
            for _, blocks, _ in self._waiting:
                self.counts.left_out += sum(block.n_samples for block in blocks)
