"""Joins rows of blocks: in order, each sample once, and what goes on is one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block

GATHER_SAMPLES: Final = 1_000_000

# Blocks of one kind can be joined: signal, variant, channels, type of samples, columns.
Kind = tuple[str, str, tuple[str, ...], str, int]


def kind_of(block: Block) -> Kind:
    """Give what blocks that are joined have in common."""
    return (
        block.signal, block.variant, block.channels, block.samples.dtype.str[1:],
        block.samples.shape[1],
    )  # fmt: skip


def by_kind(blocks: Iterable[Block]) -> dict[Kind, list[Block]]:
    """Sort blocks by kind, each kind in its order."""
    kinds: dict[Kind, list[Block]] = {}
    for block in blocks:
        kinds.setdefault(kind_of(block), []).append(block)
    return kinds


def join(blocks: Sequence[Block]) -> Block:
    """Give one block of all rows of regular blocks of one kind.

    Rows are in the order of participant, device and time. A sample that was given twice (the same
    channel, index and time) is taken once, as it was given first. A row that goes on where the one
    before it ends, by index and by time to the nanosecond, becomes one with it; any other begins a
    row, so gaps, jumps of the clock and changes of rate or scale stay as they were.
    """
    rows = _Rows(blocks)
    rows.drop_repeated()
    first = rows.firsts()
    return rows.block(first)


class _Rows:
    """The rows of all blocks, columnar, in order."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        # Blocks of a bridge name the same people again and again: look at each list once.
        lists = {(b.participants, b.devices): np.zeros(0, np.int64) for b in blocks}
        self._channels = sorted({pair for names in lists for pair in zip(*names, strict=True)})
        rank = {pair: k for k, pair in enumerate(self._channels)}
        for names in lists:
            lists[names] = np.array([rank[pair] for pair in zip(*names, strict=True)], np.int64)
        channel = np.concatenate([lists[b.participants, b.devices] for b in blocks])
        seq, t0_ns = _all(blocks, "seq"), _all(blocks, "t0_ns")
        order = np.lexsort((seq, t0_ns, channel))
        self.channel, self.seq, self.t0_ns = channel[order], seq[order], t0_ns[order]
        self.fs_hz, self.scale, self.offset = (
            _all(blocks, name)[order] for name in ("fs_hz", "scale", "offset")
        )
        self.source = np.repeat(np.arange(len(blocks)), [b.n_rows for b in blocks])[order]
        self.start = np.concatenate([b.offsets[:-1] for b in blocks])[order]
        self.n = np.concatenate([np.diff(b.offsets) for b in blocks])[order]

    def drop_repeated(self) -> None:
        """Take the samples off a row that a row before it has."""
        same = self.channel[1:] == self.channel[:-1]
        overlaps = same & (self.seq[1:] < self.seq[:-1] + self.n[:-1])
        for channel in np.unique(self.channel[1:][overlaps]).tolist():
            r0, r1 = np.searchsorted(self.channel, [channel, channel + 1]).tolist()
            known = r0  # the row that reaches furthest on the clock and count that run on
            for r in range(r0 + 1, r1):
                end = int(self.seq[known] + self.n[known])
                step_ns = NS_PER_S / float(self.fs_hz[known])
                expected_ns = self.t0_ns[known] + (self.seq[r] - self.seq[known]) * step_ns
                one_count = (
                    self.fs_hz[r] == self.fs_hz[known]
                    and abs(float(self.t0_ns[r] - expected_ns)) < step_ns / 2
                )
                if one_count and self.seq[r] < end:
                    cut = min(end - int(self.seq[r]), int(self.n[r]))
                    self.start[r] += cut
                    self.seq[r] += cut
                    self.t0_ns[r] += round(cut * step_ns)
                    self.n[r] -= cut
                if not one_count or self.n[r]:
                    known = r
        keep = self.n > 0
        if not keep.all():
            for name in ("channel", "seq", "t0_ns", "fs_hz", "scale", "offset", "source", "start",
                         "n"):  # fmt: skip
                setattr(self, name, getattr(self, name)[keep])

    def firsts(self) -> NDArray[np.int64]:
        """Give the rows with which a joined row begins."""
        k = len(self.n)
        goes_on = np.zeros(k, bool)
        goes_on[1:] = self.seq[1:] == self.seq[:-1] + self.n[:-1]
        for values in (self.channel, self.fs_hz, self.scale, self.offset):
            goes_on[1:] &= values[1:] == values[:-1]
        before = np.cumsum(self.n) - self.n
        while True:
            first = np.maximum.accumulate(np.where(goes_on, 0, np.arange(k)))
            since = before - before[first]
            expected_ns = self.t0_ns[first] + np.rint(since * (NS_PER_S / self.fs_hz)).astype(
                np.int64
            )
            # A nanosecond for the rounding of the times of the two rows.
            astray = goes_on & (np.abs(self.t0_ns - expected_ns) > 1)
            if not astray.any():
                return np.flatnonzero(~goes_on)
            goes_on &= ~astray

    def block(self, first: NDArray[np.int64]) -> Block:
        """Give the block of rows that begin at these."""
        ends = np.cumsum(self.n)
        offsets = np.concatenate([ends[first] - self.n[first], ends[-1:]]).astype(np.int64)
        channels = [self._channels[k] for k in self.channel[first].tolist()]
        model = self._blocks[0]
        missing = None
        if any(block.missing is not None for block in self._blocks):
            told = [
                np.zeros(b.samples.shape, bool) if b.missing is None else b.missing
                for b in self._blocks
            ]
            missing = self._gather(told)
        return Block(
            signal=model.signal,
            variant=model.variant,
            channels=model.channels,
            participants=tuple(name for name, _ in channels),
            devices=tuple(device for _, device in channels),
            fs_hz=self.fs_hz[first],
            scale=self.scale[first],
            offset=self.offset[first],
            t0_ns=self.t0_ns[first],
            seq=self.seq[first],
            offsets=offsets,
            samples=self._gather([block.samples for block in self._blocks]),
            missing=missing if missing is not None and missing.any() else None,
            received_ns=max(block.received_ns for block in self._blocks),
        )

    def _gather(self, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Give what belongs to the rows, one after the other."""
        columns = arrays[0].shape[1]
        flat = np.concatenate(arrays)
        before = np.cumsum([0, *(len(array) for array in arrays[:-1])])
        starts, ends = self.start + before[self.source], np.cumsum(self.n)
        gathered = np.empty((int(ends[-1]), columns), flat.dtype)
        r, done = 0, 0
        while r < len(starts):
            # So many at a time that the indices stay small beside the samples.
            last = max(int(np.searchsorted(ends, done + GATHER_SAMPLES, "right")), r + 1)
            n = self.n[r:last]
            shift = starts[r:last] - (ends[r:last] - n)
            index = np.repeat(shift, n) + np.arange(done, ends[last - 1])
            if columns == 1:
                gathered[done : ends[last - 1], 0] = flat[:, 0][index]
            else:
                gathered[done : ends[last - 1]] = flat[index]
            r, done = last, int(ends[last - 1])
        return gathered


def _all(blocks: Sequence[Block], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(block, name) for block in blocks])


def rows_of(block: Block, first: int, last: int) -> Block:
    """Give rows ``first <= r < last`` of a regular block; nothing is copied."""
    i, j = int(block.offsets[first]), int(block.offsets[last])
    return Block(
        signal=block.signal,
        variant=block.variant,
        channels=block.channels,
        participants=block.participants[first:last],
        devices=block.devices[first:last],
        fs_hz=block.fs_hz[first:last],
        scale=block.scale[first:last],
        offset=block.offset[first:last],
        t0_ns=block.t0_ns[first:last],
        seq=block.seq[first:last],
        offsets=block.offsets[first : last + 1] - i,
        samples=block.samples[i:j],
        missing=None if block.missing is None else block.missing[i:j],
        received_ns=block.received_ns,
    )
