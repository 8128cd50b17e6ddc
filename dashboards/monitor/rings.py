"""The last half minute of each participant's trace: int16 rings that a block fills at once.

A ring position is a running count of samples, lost ones included, so a gap keeps its width on the
screen. A viewer remembers the position it has been sent and asks for the rest: no queue of samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Block
from processors.signals import SIGNALS

SET_BACK_S = 5.0  # s; time that goes back by more is a clock set back, not a late piece
KEEP_S = 30.0  # s; the longest strip and the participant view need less
MISSING = np.int16(-32768)  # a sample that is not there; real samples are clipped above it
FINE_STEP = {
    "ecg": 0.001
}  # mV per step of a source that is not int16: finer than any ECG front end
AUTO_STEPS = (
    1024.0  # steps that the first block of an uncalibrated source spans; 32 times that fits
)


@dataclass(frozen=True, slots=True)
class TraceSlice:
    """A run of one participant's samples out of a ring.

    Attributes
    ----------
    start
        Ring position of the first sample.
    generation
        Changes when the ring was begun anew; positions of different generations do not compare.
    t0_ns
        Time of the first sample.
    samples
        int16 ``[n]``; physical value = sample * scale + offset; `MISSING` where there is none.
    """

    start: int
    generation: int
    t0_ns: int
    fs_hz: float
    scale: float
    offset: float
    samples: NDArray[np.int16]


class TraceRings:
    """Rings of one waveform signal, one row per participant index.

    Parameters
    ----------
    signal
        Name of a waveform of `SIGNALS`; only its first channel is kept.
    keep_s
        How much of it.
    """

    def __init__(self, signal: str, keep_s: float = KEEP_S) -> None:
        self.signal = signal
        self._keep_s = keep_s
        self.late_rows = 0
        self._stale_after_s = SIGNALS[signal].variant().stale_after_s
        self._samples = np.zeros((0, 0), np.int16)
        self._fs = np.zeros(0)
        self._scale = np.ones(0)
        self._offset = np.zeros(0)
        self._capacity = np.zeros(0, np.int64)
        self._written = np.zeros(0, np.int64)
        self._generation = np.zeros(0, np.int64)
        self._next_t = np.zeros(0, np.int64)
        self._heard = np.zeros(0, np.int64)
        self._next_seq = np.zeros(0, np.int64)
        self._device = np.zeros(0, np.int64)
        self._device_codes: dict[str, int] = {}

    def cover(self, n: int) -> None:
        """Make room for participant indices below ``n``."""
        if n <= len(self._fs):
            return
        grown = max(n, 2 * len(self._fs), 16)
        for name in ("_fs", "_offset", "_capacity", "_written", "_generation", "_next_t",
                     "_heard", "_next_seq", "_device"):  # fmt: skip
            old = getattr(self, name)
            new = np.zeros(grown, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self._scale = np.concatenate([self._scale, np.ones(grown - len(self._scale))])
        self._reshape(grown, self._samples.shape[1])

    def _reshape(self, n_rows: int, width: int) -> None:
        grown = np.zeros((n_rows, width), np.int16)
        grown[: self._samples.shape[0], : self._samples.shape[1]] = self._samples
        self._samples = grown

    def add(self, indices: NDArray[np.int64], block: Block, now_ns: int | None = None) -> None:
        """Take the rows of a block; row ``r`` belongs to participant index ``indices[r]``.

        Rows that are older than what is there are counted in `late_rows` and left out, unless the
        device's clock was set back: then the ring begins anew. A gap is
        filled with `MISSING`. Empty rows do nothing. One NumPy pass, whatever the number of rows.
        What lies ahead of ``now_ns`` was heard of then.
        """
        rows = np.flatnonzero(np.diff(block.offsets) > 0)
        while len(rows):  # a participant with two rows in one block takes two rounds
            first = np.sort(np.unique(indices[rows], return_index=True)[1])
            self._add_once(indices[rows[first]], block, rows[first], now_ns)
            rows = np.delete(rows, first)

    def _add_once(
        self, idx: NDArray[np.int64], block: Block, rows: NDArray[np.int64], now_ns: int | None
    ) -> None:
        self.cover(int(idx.max()) + 1)
        fs, t0, seq = block.fs_hz[rows], block.t0_ns[rows], block.seq[rows]
        lengths = block.offsets[rows + 1] - block.offsets[rows]
        devices = np.array([self._device_code(block.devices[r]) for r in rows.tolist()], np.int64)
        silent_s = (t0 - self._next_t[idx]) / NS_PER_S
        seen = self._written[idx] > 0
        other = seen & (devices != self._device[idx])
        gap = np.rint(silent_s * fs).astype(np.int64)
        contiguous = (seq == self._next_seq[idx]) & ~other
        # A count that goes on although time jumped: the device's clock was set.
        stepped = contiguous & (np.abs(silent_s) > 0.5)
        gap = np.where(contiguous & ~stepped, 0, gap)
        # Time went back and the count did not: the clock was set while samples were lost. A piece
        # that comes late or twice lies where its count says.
        astray = np.abs(silent_s - (seq - self._next_seq[idx]) / np.where(fs > 0, fs, 1)) > 0.5
        set_back = ~other & astray & (silent_s < -SET_BACK_S)
        begin = (
            set_back
            | ~seen
            | (fs != self._fs[idx])
            | (gap > self._capacity[idx])
            | (stepped & (gap < 0))
        )
        if block.samples.dtype == np.int16:
            begin |= (block.scale[rows] != self._scale[idx]) | (
                block.offset[rows] != self._offset[idx]
            )
        # Of two devices the one that is there stays until it falls silent.
        late = (gap < 0) & ~begin | (other & (silent_s <= self._stale_after_s))
        self.late_rows += int(late.sum())
        keep = ~late & (fs > 0)
        if not keep.all():
            idx, rows, fs, t0, seq, gap, begin = (
                a[keep] for a in (idx, rows, fs, t0, seq, gap, begin)
            )
            lengths, devices = lengths[keep], devices[keep]
        if not len(idx):
            return
        self._begin(idx[begin], fs[begin])
        gap = np.where(begin, 0, gap)
        self._fill_gaps(idx, gap)
        values = self._as_int16(idx, begin, block, rows, lengths)
        self._write(idx, lengths, values)
        self._device[idx] = devices
        self._next_seq[idx] = seq + lengths
        end = t0 + np.rint(lengths * (NS_PER_S / fs)).astype(np.int64)
        self._next_t[idx] = end
        self._heard[idx] = end if now_ns is None else np.minimum(end, now_ns)

    def _device_code(self, device: str) -> int:
        return self._device_codes.setdefault(device, len(self._device_codes))

    def _begin(self, idx: NDArray[np.int64], fs: NDArray[np.float64]) -> None:
        if not len(idx):
            return
        self._fs[idx] = fs
        self._capacity[idx] = np.ceil(fs * self._keep_s).astype(np.int64)
        self._written[idx] = 0
        self._generation[idx] += 1
        width = int(self._capacity[idx].max())
        if width > self._samples.shape[1]:
            self._reshape(len(self._fs), width)

    def _fill_gaps(self, idx: NDArray[np.int64], gap: NDArray[np.int64]) -> None:
        for index, n in zip(idx[gap > 0].tolist(), gap[gap > 0].tolist(), strict=True):
            at = (self._written[index] + np.arange(n)) % self._capacity[index]
            self._samples[index, at] = MISSING
        self._written[idx] += gap

    def _as_int16(
        self,
        idx: NDArray[np.int64],
        begin: NDArray[np.bool_],
        block: Block,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int16]:
        whole = len(rows) == block.n_rows
        take = slice(None) if whole else _ragged(block.offsets[rows], lengths)
        raw = block.samples[take, 0]
        if raw.dtype == np.int16:
            self._scale[idx], self._offset[idx] = block.scale[rows], block.offset[rows]
            values: NDArray[np.int16] = np.maximum(raw, np.int16(MISSING + 1))
            absent = np.zeros(0, bool)
        else:
            physical = raw.astype(np.float64) * np.repeat(block.scale[rows], lengths)
            physical += np.repeat(block.offset[rows], lengths)
            self._choose_steps(idx, begin, physical, lengths)
            steps = (physical - np.repeat(self._offset[idx], lengths)) / np.repeat(
                self._scale[idx], lengths
            )
            absent = np.isnan(steps)
            values = np.clip(np.nan_to_num(np.rint(steps)), -32767, 32767).astype(np.int16)
            self._fs[idx[_any_in_row(np.abs(steps) > 32767, lengths)]] = 0.0  # begin anew next time
            if absent.any():
                values[absent] = MISSING
        if block.missing is not None:
            values[block.missing[take, 0]] = MISSING
        return values

    def _choose_steps(
        self,
        idx: NDArray[np.int64],
        begin: NDArray[np.bool_],
        physical: NDArray[np.float64],
        lengths: NDArray[np.int64],
    ) -> None:
        if self.signal in FINE_STEP:
            self._scale[idx], self._offset[idx] = FINE_STEP[self.signal], 0.0
            return
        ends = np.cumsum(lengths)
        for k in np.flatnonzero(begin).tolist():
            run = physical[ends[k] - lengths[k] : ends[k]]
            run = run[np.isfinite(run)]
            middle = float(np.median(run)) if len(run) else 0.0
            span = float(np.ptp(run)) if len(run) else 0.0
            self._offset[idx[k]] = middle
            self._scale[idx[k]] = max(span, 1e-3 * abs(middle), 1e-9) / AUTO_STEPS

    def _write(
        self, idx: NDArray[np.int64], lengths: NDArray[np.int64], values: NDArray[np.int16]
    ) -> None:
        n, capacity = int(lengths[0]), self._capacity[idx]
        if (lengths == n).all() and n <= capacity.min():
            at = (self._written[idx, None] + np.arange(n)) % capacity[:, None]
            self._samples[idx[:, None], at] = values.reshape(len(idx), n)
        else:
            within = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            row, cap = np.repeat(idx, lengths), np.repeat(capacity, lengths)
            # Of a run longer than the ring only the end may be written: places must not repeat.
            last = within >= np.repeat(lengths, lengths) - cap
            at = (np.repeat(self._written[idx], lengths) + within) % cap
            self._samples[row[last], at[last]] = values[last]
        self._written[idx] += lengths

    def newest_ns(self) -> NDArray[np.int64]:
        """Give the end time of each row, int64 ``[n_rows]``; 0 where nothing ever came."""
        return self._next_t

    def heard_ns(self) -> NDArray[np.int64]:
        """Give the same, but never later than the time of arrival: ages count from here."""
        return self._heard

    def state(self, index: int) -> tuple[int, int]:
        """Give (generation, number of positions written) of a row; (0, 0) where there is none."""
        if index >= len(self._written):
            return 0, 0
        return int(self._generation[index]), int(self._written[index])

    def read(self, index: int, start: int) -> TraceSlice | None:
        """Give what is there from ring position ``start`` on; None when there is nothing.

        A start that has been overwritten begins at the oldest position still there.
        """
        generation, written = self.state(index)
        if start >= written:
            return None
        capacity = int(self._capacity[index])
        start = max(start, written - capacity, 0)
        at = np.arange(start, written) % capacity
        fs = float(self._fs[index]) or capacity / self._keep_s
        return TraceSlice(
            start=start,
            generation=generation,
            t0_ns=int(self._next_t[index]) - round((written - start) * NS_PER_S / fs),
            fs_hz=fs,
            scale=float(self._scale[index]),
            offset=float(self._offset[index]),
            samples=self._samples[index, at],
        )

    def position(self, index: int, t_ns: int) -> int:
        """Give the ring position of the first sample at or after a time, which may lie outside."""
        fs = float(self._fs[index]) or float(self._capacity[index]) / self._keep_s
        back = (int(self._next_t[index]) - t_ns) * fs / NS_PER_S
        return int(self._written[index]) - int(np.floor(back + 1e-6))


def _ragged(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the indices of runs laid end to end."""
    ends = np.cumsum(lengths)
    shift: NDArray[np.int64] = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(int(ends[-1])) + shift


def _any_in_row(flags: NDArray[np.bool_], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    starts = np.cumsum(lengths) - lengths
    found: NDArray[np.bool_] = np.logical_or.reduceat(flags, starts)
    return found
