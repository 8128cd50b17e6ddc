"""Ventricular fibrillation, and tachycardia whose beats have grown into waves, from `ecg_waves`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.bits import ones
from processors.kernels.compiling import entry, inner
from processors.kernels.finding import OFFSET, ONSET, put

QUALITY, BEATS, LABELS, LEAD, WAVES = range(5)  # sources
OTHER, TACHYCARDIA, FIBRILLATION = 0, 1, 2  # kinds
N_BINS = 8  # half seconds of beats: those of a window of 4 s
N, S = 1, 2  # labels

FIBRILLATION_STATE = np.dtype(
    [
        ("onset_ns", np.int64),
        ("row_ns", np.int64),  # newest window, with has_row
        ("confidence", np.float32, (N_BINS,)),  # sums by half second, the last one being filled
        ("n_beats", np.uint8, (N_BINS,)),
        ("n_labels", np.uint8, (N_BINS,)),
        ("n_normal", np.uint8, (N_BINS,)),
        ("positive", np.uint8),  # a bit per window, the newest lowest
        ("regular", np.uint8),
        ("bad", np.uint8),  # a bit per second of quality
        ("kind", np.int8),
        ("has_row", np.int8),
        ("lead_off", np.int8),
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.detectors.fibrillation.Params`, in kernel units."""

    leakage: float
    evenness: float
    slow_hz: float
    slow_vt_hz: float
    fast_hz: float
    margin: float
    least_mv: float
    most_mv: float
    likeness: float
    held_likeness: float
    vt_hz: float
    vt_likeness: float
    fair: float
    broad: float
    slow_s: float
    fast_s: float
    confidence: float
    normal: float
    half_ns: int
    hop_ns: int
    lost_ns: int


class Out(NamedTuple):
    """What is filled: findings, and rows of the stream of rhythms."""

    findings: NDArray[Any]
    slots: NDArray[np.int32]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]  # kind, lag_ns, rate
    n: NDArray[np.int64]  # how many of each


@inner
def is_normal(state: Any, p: Limits) -> bool:
    """Tell whether beats of normal form are in the window, and others at most as many."""
    labels = normal = 0
    for k in range(N_BINS):
        labels += state.n_labels[k]
        normal += state.n_normal[k]
    return labels > 0 and normal >= p.normal * labels


@inner
def turn(
    state: Any, slot: int, kind: int, at_ns: int, t: int, rate: float, e: NDArray[np.float64],
    out: Out,
) -> None:  # fmt: skip
    """Go over to another kind of rhythm, as of a time."""
    n = out.n[0]
    if state.kind == FIBRILLATION:
        n = put(out.findings, n, 0, slot, OFFSET, state.onset_ns, at_ns, t, 0,
                e[2], e[0], e[1], e[2], e[3])  # fmt: skip
    if kind == FIBRILLATION:
        n = put(out.findings, n, 0, slot, ONSET, at_ns, at_ns, t, 0, e[2], e[0], e[1], e[2],
                e[3])  # fmt: skip
    out.n[0] = n
    row = out.n[1]
    out.slots[row], out.t_ns[row] = slot, t
    out.values[row, 0], out.values[row, 1], out.values[row, 2] = kind, t - at_ns, rate
    out.n[1] = row + 1
    state.kind = kind
    state.onset_ns = at_ns


@inner
def take_window(
    state: Any, slot: int, t: int, row: NDArray[np.float64], p: Limits, out: Out
) -> None:
    """Judge a window, and the rhythm by the last ones."""
    confidence = 0.0
    beats = 0
    for k in range(N_BINS):
        confidence += state.confidence[k]
        beats += state.n_beats[k]
    sure = beats > 0 and confidence >= p.confidence * beats
    more = 1.0 + p.margin if state.kind != OTHER else 1.0
    even = row[0] < p.leakage * more and row[1] * more > p.evenness
    alike = row[4] >= p.likeness
    slow_hz = p.slow_vt_hz if alike else p.slow_hz
    even = even and row[2] * more > slow_hz and row[2] < p.fast_hz * more
    slow = alike and row[5] > p.slow_s
    sized = row[3] >= p.least_mv
    broad = alike and row[1] > p.broad
    good = (state.bad & 0b1111) == 0 and state.lead_off == 0
    beating = sure and not broad and is_normal(state, p)
    positive = even and sized and good and not slow and not beating
    likeness = p.held_likeness if state.kind == TACHYCARDIA else p.likeness
    likeness = p.vt_likeness if row[2] < p.vt_hz else likeness
    regular = row[4] >= likeness and p.fast_s <= row[5] <= p.slow_s
    regular = regular or row[3] > p.most_mv
    state.positive = ((state.positive << 1) | (1 if positive else 0)) & 0b1111
    state.regular = ((state.regular << 1) | (1 if regular else 0)) & 0b11111111
    for k in range(N_BINS - 1):
        state.confidence[k] = state.confidence[k + 1]
        state.n_beats[k] = state.n_beats[k + 1]
        state.n_labels[k] = state.n_labels[k + 1]
        state.n_normal[k] = state.n_normal[k + 1]
    state.confidence[N_BINS - 1] = 0.0
    state.n_beats[N_BINS - 1] = 0
    state.n_labels[N_BINS - 1] = 0
    state.n_normal[N_BINS - 1] = 0
    state.row_ns = t
    state.has_row = 1
    n_positive = ones(state.positive)
    n_regular = ones(state.regular)
    kind = state.kind
    ago = 0  # windows since it turned
    if kind == OTHER:
        ago = 3 if (state.positive & 0b1000) != 0 else 2
        if n_positive >= 3:  # CLINICAL 3.7: 3 of the last 4
            kind = TACHYCARDIA if ones(state.regular & 0b1111) >= 2 else FIBRILLATION
    elif n_positive <= 1:
        kind = OTHER
        while ago < 4 and ((state.positive >> ago) & 1) == 0:
            ago += 1
    elif kind == FIBRILLATION and n_regular >= 6:
        kind = TACHYCARDIA
    elif kind == TACHYCARDIA and n_regular <= 2:
        kind = FIBRILLATION
    if kind != state.kind:
        evidence = np.empty(4)
        evidence[0], evidence[1], evidence[2] = row[0], row[1], row[2]
        evidence[3] = confidence / beats if beats > 0 else 0.0
        at_ns = max(t - p.half_ns - ago * p.hop_ns, state.onset_ns)
        turn(state, slot, kind, at_ns, t, 60.0 / row[5], evidence, out)


@inner
def pass_time(state: Any, slot: int, limit: int, p: Limits, out: Out) -> None:
    """Forget the windows when none has come for too long."""
    due = state.row_ns + p.lost_ns
    if state.has_row == 0 or due > limit:
        return
    state.has_row = 0
    state.positive = 0
    state.regular = 0
    if state.kind != OTHER:
        turn(state, slot, OTHER, state.row_ns, due, np.nan, np.full(4, np.nan), out)


@entry
def watch_fibrillation(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    p: Limits,
    records: NDArray[Any],
    out: Out,
) -> None:
    """Write findings and rhythms: at most two findings and a rhythm per record, and per row.

    Source 0 holds ``ecg_quality``, 1 ``beats``, 2 ``beat_labels``, 3 ``lead``, 4 ``ecg_waves``.
    """
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        last = N_BINS - 1
        for i in range(offsets[r], offsets[r + 1]):
            row = values[i]
            pass_time(state, slot, t_ns[i] - 1, p, out)
            if source[i] == WAVES:
                take_window(state, slot, t_ns[i], row, p, out)
            elif source[i] == QUALITY:
                bad = not row[1] > 0.0 or row[3] != 0.0 or not row[5] >= 0.0
                bad = bad or (row[4] != 0.0 and row[0] < p.fair)
                state.bad = ((state.bad << 1) | (1 if bad else 0)) & 0b1111
            elif source[i] == BEATS:
                if row[1] == 0.0 and state.n_beats[last] < 255:
                    state.n_beats[last] += 1
                    state.confidence[last] += row[3]
            elif source[i] == LABELS:
                if row[3] == 0.0 and state.n_labels[last] < 255:
                    state.n_labels[last] += 1
                    state.n_normal[last] += 1 if row[1] == N or row[1] == S else 0
            elif np.isfinite(row[0]):
                state.lead_off = 1 if row[0] != 0.0 else 0
        pass_time(state, slot, until_ns[r], p, out)
