"""Reading waveforms back: hours and the log of the current one, as if it were one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block, Chunk, pack, row_chunk
from streams.stores.waveforms import Folders, Segment
from streams.stores.waveforms.compaction import files_of
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.log import read_log
from streams.stores.waveforms.pyramid import LEVELS, bins
from streams.stores.waveforms.tables import read_bins, read_runs, read_span


@dataclass(frozen=True, slots=True)
class Overview:
    """A waveform from afar, in physical units.

    Attributes
    ----------
    bin_samples
        Samples in a bin; fewer in the last one before a gap.
    t_ns
        int64 ``[b]``, the first sample of each bin.
    low, high, mean
        float64 ``[b, c]``, NaN where there is no value.
    """

    bin_samples: int
    t_ns: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]


class Archive:
    """The waveforms under a data folder; any thread may read, also while they are recorded."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def participants(self) -> set[str]:
        """Give everybody who has waveforms."""
        found: set[str] = set()
        for _, blocks in self._logs():
            found.update(*(block.participants for block in blocks))
        for segment in self._folders.in_hours():
            for path in self._folders.hour(segment).glob("*.parquet"):
                found.add(unquote(path.name.split(".")[0]))
        return found

    def read(
        self, participant: str, signal: str = "", *, from_ns: int, until_ns: int
    ) -> list[Chunk]:
        """As `Waveforms.read`."""
        chunks = [
            cut
            for chunk in self._chunks(participant, signal, from_ns, until_ns)
            if (cut := clip(chunk, from_ns, until_ns)) is not None
        ]
        return joined_runs(chunks)

    def overview(
        self, participant: str, signal: str, from_ns: int, until_ns: int, level: int
    ) -> Overview:
        """Give the bins that lie in a span, of one level of `LEVELS` (0: the finest).

        From the pyramid of the hours; bins of the current hour are made from its samples.
        """
        size = LEVELS[level]
        found = []
        for path in self._files(participant, signal, from_ns, until_ns):
            found += read_bins(path, size)
        for chunk in self._logged(participant, signal):
            found.append((chunk, bins(chunk.samples, chunk.missing, size)))
        pieces = []
        for chunk, row in found:
            since = np.arange(len(row.low)) * (size * NS_PER_S / chunk.fs_hz)
            t_ns = chunk.t0_ns + np.rint(since).astype(np.int64)
            inside = (t_ns < until_ns) & (t_ns + size * NS_PER_S / chunk.fs_hz > from_ns)
            values = np.stack([row.low, row.high, row.mean]) * chunk.scale + chunk.offset
            values[:, np.isnan(row.mean)] = np.nan
            if chunk.scale < 0:
                values = values[[1, 0, 2]]
            pieces.append((t_ns[inside], values[:, inside]))
        if not pieces:
            none = np.zeros((0, 1))
            return Overview(size, np.zeros(0, np.int64), none, none, none)
        t_ns = np.concatenate([t for t, _ in pieces])
        order = np.argsort(t_ns, kind="stable")
        low, high, mean = np.concatenate([v for _, v in pieces], axis=1)[:, order]
        return Overview(size, t_ns[order], low, high, mean)

    def _chunks(
        self, participant: str, signal: str, from_ns: int, until_ns: int
    ) -> Iterator[Chunk]:
        yield from self._logged(participant, signal)
        for path in self._files(participant, signal, from_ns, until_ns):
            with contextlib.suppress(FileNotFoundError):  # it is old, or on a shelf by now
                yield from read_runs(path)

    def _logged(self, participant: str, signal: str) -> Iterator[Chunk]:
        for _, blocks in self._logs():
            for block in blocks:
                if signal in {"", block.signal}:
                    for r, name in enumerate(block.participants):
                        if name == participant:
                            yield row_chunk(block, r)

    def _logs(self) -> Iterator[tuple[Segment, tuple[Block, ...]]]:
        """Give the logs that are not folders yet."""
        logs = self._folders.in_logs()  # first: what is compacted now, is in the folders then
        done = set(self._folders.in_hours())
        for segment in logs:
            if segment not in done:
                try:
                    yield segment, read_log(self._folders.log(segment)).blocks
                except FileNotFoundError:
                    continue  # compacted between the two looks, and read as a folder

    def _files(self, participant: str, signal: str, from_ns: int, until_ns: int) -> Iterator[Path]:
        for segment in self._folders.in_hours():
            for path in files_of(self._folders.hour(segment), participant, signal or "*"):
                # A device's clock may be hours off, so the name of the folder does not decide.
                try:
                    begin_ns, end_ns = read_span(path)
                except FileNotFoundError:
                    continue
                if begin_ns < until_ns and end_ns > from_ns:
                    yield path


def joined_runs(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Give runs as long as can be, by signal, variant, device and time; each sample once."""
    blocks = by_kind(pack([chunk]) for chunk in chunks)
    joined = [join(blocks[kind]) for kind in sorted(blocks)]
    return [row_chunk(block, r) for block in joined for r in range(block.n_rows)]


def _index_at(chunk: Chunk, t_ns: int) -> int:
    """Give the first sample at or after a time; the length where all are before it."""
    step_ns = NS_PER_S / chunk.fs_hz
    i = max(int((t_ns - chunk.t0_ns) / step_ns) - 1, 0)  # rounded: at most one too far
    while i < len(chunk.samples) and chunk.t0_ns + round(i * step_ns) < t_ns:
        i += 1
    return min(i, len(chunk.samples))


def clip(chunk: Chunk, from_ns: int, until_ns: int) -> Chunk | None:
    """Give the part of a regular chunk with ``from_ns <= t < until_ns``; None for nothing.

    >>> clip(Chunk("p", "d", "ecg", 0, np.zeros((10, 1), np.int16), 1.0), 2_500_000_000, 9**12).seq
    3
    """
    step_ns = NS_PER_S / chunk.fs_hz
    first, last = _index_at(chunk, from_ns), _index_at(chunk, until_ns)
    if first >= last:
        return None
    return replace(
        chunk,
        t0_ns=chunk.t0_ns + round(first * step_ns),
        seq=chunk.seq + first,
        samples=chunk.samples[first:last],
        missing=None if chunk.missing is None else chunk.missing[first:last],
    )
