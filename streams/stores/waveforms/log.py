"""A segment as a log: blocks in wire form one after the other, each with its length and checksum.

A log is only ever appended to, by the run that began it. What a kill or a power cut leaves at its
end is half a block: it is cut off when the log is opened, and counted. A damaged block in the
middle (a bad sector) costs that block only.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from processors.errors import WireError
from processors.records import Block
from streams import wire
from streams.frame import PREFIX_BYTES


class LogWriter:
    """Appends to a new log.

    What `append` has written outlives the process, killed or not. That it outlives a power cut is
    seen to by a thread beside, for a disk can take seconds: what comes meanwhile is written all the
    same, and is not lost with the process because the disk is slow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._end = 0
        self._syncs = ThreadPoolExecutor(1, thread_name_prefix="log-sync")
        self._sync: Future[None] | None = None

    def append(self, blocks: Iterable[Block]) -> int:
        """Write blocks; gives the number of bytes. When it raises, none of them is there.

        Raises
        ------
        OSError
            The disk is full or fails, now or with what was written before.
        """
        if self._sync is not None and self._sync.done():
            done, self._sync = self._sync, None
            done.result()
        frames = b"".join(map(wire.encode, blocks))
        try:
            left = memoryview(frames)
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError:
            os.ftruncate(self._handle, self._end)  # else the next block would follow half a one
            raise
        self._end += len(frames)
        if self._sync is None:
            self._sync = self._syncs.submit(os.fdatasync, self._handle)
        return len(frames)

    def sync(self) -> None:
        """Wait until all that was written outlives a power cut.

        Raises
        ------
        OSError
            The disk fails, now or with what was written before.
        """
        if self._sync is not None:
            done, self._sync = self._sync, None
            done.result()
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Wait until all of it is on the disk."""
        self._syncs.shutdown()
        try:
            os.fdatasync(self._handle)
        finally:
            os.close(self._handle)


@dataclass(frozen=True, slots=True)
class LogContent:
    """What a log holds.

    Attributes
    ----------
    blocks
        In the order written; their arrays are views of the file.
    end
        Where the last good block ends.
    torn_bytes
        Behind it: the rest of a block that was never finished.
    damaged_bytes
        Between good blocks: what cannot be read.
    """

    blocks: tuple[Block, ...]
    end: int
    torn_bytes: int
    damaged_bytes: int


def read_log(path: Path) -> LogContent:
    """Read a log, checking every block."""
    size = path.stat().st_size
    if size == 0:
        return LogContent((), 0, 0, 0)
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    view = memoryview(data)
    blocks: list[Block] = []
    names: dict[tuple[str, ...], tuple[str, ...]] = {}
    at = end = damaged = 0
    while at < size:
        block, length = _block_at(view, at)
        if block is None:
            # Look for the next good one; where there is none, this is where the log was torn.
            at = data.find(wire.FORM.magic, at + 1)
            if at < 0:
                break
            continue
        damaged += at - end
        at = end = at + length
        blocks.append(_sharing(block, names))
    return LogContent(tuple(blocks), end, size - end, damaged)


def repair_log(path: Path) -> int:
    """Cut off what was never finished; gives the number of bytes."""
    content = read_log(path)
    if content.torn_bytes:
        end, torn = content.end, content.torn_bytes
        del content
        os.truncate(path, end)
        return torn
    return 0


def _block_at(view: memoryview, at: int) -> tuple[Block | None, int]:
    try:
        length = wire.FORM.length(view[at : at + PREFIX_BYTES])
        return wire.decode(view[at : at + length]), length
    except WireError:
        return None, 0


def _sharing(block: Block, names: dict[tuple[str, ...], tuple[str, ...]]) -> Block:
    """Let blocks of the same people share one tuple of names: an hour has thousands of them."""
    people = names.setdefault(block.participants, block.participants)
    devices = names.setdefault(block.devices, block.devices)
    return replace(block, participants=people, devices=devices)
