"""From a log to a folder of hours, once and whole.

Everything is written into a folder of another name, put on the disk, and renamed; then the log is
deleted. Ended at any moment, the next start finds a log to do again or to delete.
"""

from __future__ import annotations

import bisect
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from processors.records import Block
from streams.stores.waveforms import Folders, Segment, sync_folder
from streams.stores.waveforms.join import by_kind, join, rows_of
from streams.stores.waveforms.log import read_log
from streams.stores.waveforms.tables import write_runs

GROUP_SAMPLES: Final = 32_000_000  # of the participants that are done together: 64 MB
UNFINISHED: Final = ".part"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What has become of a log: files, samples, bytes before and after."""

    segment: Segment
    files: int
    samples: int
    log_bytes: int
    bytes: int


def clean(folders: Folders) -> None:
    """Take away what an earlier run left unfinished or had already finished."""
    folders.make()
    for path in folders.hours.iterdir():
        if path.name.endswith(UNFINISHED):
            shutil.rmtree(path)
    done = set(folders.in_hours())
    for segment in folders.in_logs():
        if segment in done:
            folders.log(segment).unlink()


def compact(
    folders: Folders, segment: Segment, go_on: Callable[[], bool] = lambda: True
) -> Compacted:
    """Make the folder of a segment out of its log; the log is gone afterwards.

    Parameters
    ----------
    go_on
        Asked before each file.

    Raises
    ------
    InterruptedError
        It was not to go on: the log is still there.
    OSError
        The disk is full or fails: the log is still there.
    """
    path = folders.log(segment)
    size = path.stat().st_size
    unfinished = folders.hours / (segment.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    content = read_log(path)
    if content.torn_bytes or content.damaged_bytes:
        _log.warning(
            "segment=%s torn_bytes=%d damaged_bytes=%d",
            segment.name, content.torn_bytes, content.damaged_bytes,
        )  # fmt: skip
    files = samples = written = 0
    for number, blocks in enumerate(by_kind(content.blocks).values()):
        for person in _people(blocks):
            if not go_on():
                raise InterruptedError(segment.name)
            written += write_runs(unfinished / file_name(person, number), person)
            files += 1
            samples += person.n_samples
    sync_folder(unfinished)
    unfinished.rename(folders.hour(segment))
    sync_folder(folders.hours)
    path.unlink()
    return Compacted(segment, files, samples, size, written)


def file_name(block: Block, number: int) -> str:
    """Give the name of a participant's file; `number` tells kinds of one signal apart."""
    stream = block.signal + (f".{block.variant}" if block.variant else "")
    return f"{quoted(block.participants[0])}.{stream}.{number}.parquet"


def files_of(folder: Path, participant: str, signal: str = "*") -> list[Path]:
    """Give the files of a participant in the folder of a segment."""
    mask = f"{quoted(participant)}.{signal}.*parquet"
    return sorted(folder.glob(mask))


def quoted(participant: str) -> str:
    """Give a participant as a part of a file name, without dots.

    >>> quoted("ward 3/bed.7")
    'ward%203%2Fbed%2E7'
    """
    return quote(participant, safe="").replace(".", "%2E")


def _people(blocks: Sequence[Block]) -> Iterator[Block]:
    """Give each participant's rows of the whole hour, joined; a group at a time for the memory."""
    packed = [_Packed.of(block) for block in blocks]
    totals: dict[str, int] = {}
    for block in blocks:
        for name, n in zip(block.participants, np.diff(block.offsets).tolist(), strict=True):
            totals[name] = totals.get(name, 0) + n
    for group in _groups(totals):
        joined = join([part for each in packed if (part := each.between(group[0], group[-1]))])
        first = 0
        for name in group:
            last = bisect.bisect_right(joined.participants, name)
            yield rows_of(joined, first, last)
            first = last


def _groups(totals: dict[str, int]) -> Iterator[list[str]]:
    group: list[str] = []
    n = 0
    for name in sorted(totals):
        if group and n + totals[name] > GROUP_SAMPLES:
            yield group
            group, n = [], 0
        group.append(name)
        n += totals[name]
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Packed:
    """A block of the log, its rows in the order of participants; missing flags as bits."""

    block: Block
    bits: NDArray[Any] | None

    @classmethod
    def of(cls, block: Block) -> _Packed:
        if block.missing is None:
            return cls(block, None)
        return cls(replace(block, missing=None), np.packbits(block.missing, axis=0))

    def between(self, first: str, last: str) -> Block | None:
        """Give the rows of the participants from one to another."""
        block = self.block
        i = bisect.bisect_left(block.participants, first)
        j = bisect.bisect_right(block.participants, last)
        if i == j:
            return None
        if self.bits is not None:
            missing = np.unpackbits(self.bits, axis=0, count=block.n_samples).astype(bool)
            block = replace(block, missing=missing)
        return rows_of(block, i, j)
