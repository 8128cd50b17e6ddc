"""Waveforms that the tests of the archive share: many devices, cut, lost and sent twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from processors.records import NS_PER_S, Block, Chunk, pack, sample_times_ns

T0_NS = 491_000 * 3600 * NS_PER_S


def chunk(
    n: int, *, who="p1", device="d1", signal="ecg", t0_ns=T0_NS, seq=0, fs_hz=250.0, columns=1,
    dtype=np.int16, scale=0.005, offset=0.0, missing=False, seed=0,
) -> Chunk:  # fmt: skip
    """Give a run whose samples follow from their index, so that a cut of it is known."""
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal((n, columns)).cumsum(axis=0) * 30).astype(dtype)
    gone = rng.random((n, columns)) < 0.1 if missing else None
    return Chunk(who, device, signal, t0_ns, samples, fs_hz, seq, scale=scale, offset=offset,
                 missing=gone)  # fmt: skip


def cut(whole: Chunk, lengths: Sequence[int]) -> list[Chunk]:
    """Cut a run into pieces as a device sends them, each with its own rounded time."""
    times = sample_times_ns(whole.t0_ns, whole.fs_hz, len(whole.samples))
    pieces, i = [], 0
    for length in lengths:
        j = min(i + length, len(whole.samples))
        if i < j:
            pieces.append(piece(whole, times, i, j))
        i = j
    return pieces


def piece(whole: Chunk, times, i: int, j: int) -> Chunk:
    return Chunk(
        whole.participant, whole.device, whole.signal, int(times[i]), whole.samples[i:j],
        whole.fs_hz, whole.seq + i, whole.variant, whole.channels, whole.scale, whole.offset,
        missing=None if whole.missing is None else whole.missing[i:j],
    )  # fmt: skip


def same(a: Chunk, b: Chunk) -> bool:
    """Tell whether two runs are equal, times to the nanosecond that rounding may move."""

    def names(c: Chunk):
        return (c.participant, c.device, c.signal, c.variant, c.channels, c.fs_hz, c.seq, c.scale,
                c.offset, c.samples.dtype)  # fmt: skip

    def gone(c: Chunk):
        return np.zeros(c.samples.shape, bool) if c.missing is None else c.missing

    return (
        names(a) == names(b)
        and abs(a.t0_ns - b.t0_ns) <= 1
        and np.array_equal(a.samples, b.samples, equal_nan=a.samples.dtype.kind == "f")
        and np.array_equal(gone(a), gone(b))
    )


def blocks_of(chunks: Sequence[Chunk]) -> list[Block]:
    """Give a block for each chunk."""
    return [pack([each]) for each in chunks]


@st.composite
def runs(draw) -> list[Chunk]:
    """Draw runs of some people that do not continue each other: gaps, restarts, other rates."""
    found = []
    for who in draw(st.lists(st.sampled_from(["p1", "p.2", "bed 3/a"]), min_size=1, max_size=3,
                             unique=True)):  # fmt: skip
        t0_ns, seq = T0_NS + draw(st.integers(0, 10**9)), draw(st.integers(0, 10**6))
        kind = draw(st.sampled_from([np.int16, np.int32, np.float32]))
        columns, signal = draw(st.sampled_from([(1, "ecg"), (3, "acceleration"), (1, "ppg")]))
        for k in range(draw(st.integers(1, 3))):
            n = draw(st.integers(1, 400))
            fs_hz = draw(st.sampled_from([250.0, 360.0, 52.0, 1 / 0.0077]))
            found.append(chunk(
                n, who=who, device=draw(st.sampled_from(["d1", "d2"])), signal=signal, t0_ns=t0_ns,
                seq=seq, fs_hz=fs_hz, columns=columns, dtype=kind, missing=draw(st.booleans()),
                scale=draw(st.sampled_from([0.005, 1.0])), seed=k,
            ))  # fmt: skip
            lost = draw(st.integers(1, 1000))
            t0_ns += round((n + lost) * NS_PER_S / fs_hz)
            seq += n + lost
    return found
