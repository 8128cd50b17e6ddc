"""Every sample as the device gave it: a log of the last hour, and Parquet of those before.

::

    data/waveforms/log/20261125T23Z-0001.log          blocks in wire form, as they came
    data/waveforms/hours/20261125T22Z-0001/           what was a log, a file for each channel
        P-0001.ecg.0.parquet

A **segment** is what one run of the program recorded in one hour. It is a log or a folder of hours;
the folder appears whole, by one rename, and then counts; the log is deleted after that. So it can
be ended at any moment: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from processors.records import NS_PER_S, Block, Chunk
from processors.signals import SIGNALS
from streams import wire

HOUR_NS: Final = 3600 * NS_PER_S
_FORMAT: Final = "%Y%m%dT%HZ"
_NAME: Final = re.compile(r"(\d{8}T\d{2}Z)-(\d{4,})")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Which segment: hour since the epoch, and number of the run in that hour from 1."""

    hour: int
    serial: int

    @property
    def name(self) -> str:
        """The segment's name, as files and folders have it.

        >>> Segment(491_000, 2).name
        '20260105T08Z-0002'
        """
        moment = datetime.fromtimestamp(self.hour * 3600, UTC)
        return f"{moment:{_FORMAT}}-{self.serial:04d}"


def segment_of(name: str) -> Segment | None:
    """Give the segment of that name; None for other names."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    moment = datetime.strptime(found[1], _FORMAT).replace(tzinfo=UTC)
    return Segment(int(moment.timestamp()) // 3600, int(found[2]))


class Waveforms(Protocol):
    """Waveforms as they are read, wherever they lie."""

    def participants(self) -> set[str]:
        """Give everybody who has waveforms."""
        ...

    def read(
        self, participant: str, signal: str = "", *, from_ns: int, until_ns: int
    ) -> list[Chunk]:
        """Give the runs of samples with ``from_ns <= t < until_ns``, each as long as can be.

        Ordered by signal, variant, device and time; all signals where none is named. A sample
        given twice is there once.

        Raises
        ------
        StoreError
            A file is damaged, or cannot be had.
        """
        ...


class Folders:
    """Where segments lie."""

    def __init__(self, data: Path) -> None:
        self.top = data / "waveforms"
        self.logs = self.top / "log"
        self.hours = self.top / "hours"

    def make(self) -> None:
        """Make the folders that are not there."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.hours.mkdir(parents=True, exist_ok=True)

    def log(self, segment: Segment) -> Path:
        return self.logs / f"{segment.name}.log"

    def hour(self, segment: Segment) -> Path:
        return self.hours / segment.name

    def in_logs(self) -> list[Segment]:
        """Give the segments that are logs, oldest first."""
        return sorted(_segments(self.logs, ".log"))

    def in_hours(self) -> list[Segment]:
        """Give the segments that are folders, oldest first."""
        return sorted(_segments(self.hours, ""))

    def next_segment(self, hour: int) -> Segment:
        """Give a segment of that hour that has never been."""
        taken = [s.serial for s in (*self.in_logs(), *self.in_hours()) if s.hour == hour]
        return Segment(hour, max(taken, default=0) + 1)


def _segments(folder: Path, suffix: str) -> Iterator[Segment]:
    if folder.is_dir():
        for path in folder.iterdir():
            name = path.name.removesuffix(suffix)
            segment = segment_of(name)
            if segment is not None and path.name == name + suffix:
                yield segment


def is_waveform(block: Block) -> bool:
    """Tell whether a block is kept sample by sample: regular, of a signal that is drawn.

    What the wire has no form for is not; the engine gives it back with the reason.
    """
    spec = SIGNALS.get(block.signal)
    if spec is None or not spec.waveform or block.t_ns is not None or not block.n_samples:
        return False
    numbers = np.concatenate([block.fs_hz, block.scale, block.offset])
    return (
        block.samples.dtype.str[1:] in wire.DTYPES
        and bool((block.fs_hz > 0).all())
        and bool(np.isfinite(numbers).all())
    )


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk: a file that has none is lost with the power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
