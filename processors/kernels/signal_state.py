"""Lead off and poor signal, from the seconds of quality and what the device says of its leads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.finding import OFFSET, ONSET, put

LEAD_OFF, POOR_SIGNAL = 0, 1
SECOND_NS = 1_000_000_000

SIGNAL_STATE = np.dtype(
    [
        ("row_ns", "i8"), ("has_row", "i1"), ("device_off", "i1"),
        # by code: in force by the signal; seconds that say otherwise, and where they began
        ("by_signal", "i1", (2,)), ("run", "i8", (2,)), ("run_ns", "i8", (2,)),
        # by code: reported, and since when
        ("on", "i1", (2,)), ("onset_ns", "i8", (2,)), ("end_ns", "i8", (2,)),
        ("last", "f8", (6,)),
    ],
    align=True,
)  # fmt: skip


class StateLimits(NamedTuple):
    """The numbers of `processors.detectors.signal_state.Params`, in kernel units."""

    seconds: int
    fair: float
    silent_ns: int


@entry
def watch_signal(
    t_ns: NDArray[np.int64], source: NDArray[np.int8], values: NDArray[np.float64],
    offsets: NDArray[np.int64], slots: NDArray[np.int32], until_ns: NDArray[np.int64],
    p: StateLimits, state: NDArray[Any], out: NDArray[Any],
) -> int:  # fmt: skip
    """Write what begins and ends; give the number, at most 5 per record and 2 per row.

    Parameters
    ----------
    t_ns, source, values, offsets, slots, until_ns
        As in `processors.records.Batch`; source 0 is `ecg_quality`, 1 is `lead`.
    p, state
        Limits; `SIGNAL_STATE` by slot.
    out
        Rows of dtype `FINDING` to fill.
    """
    n = 0
    for r in range(len(slots)):
        slot = slots[r]
        s = state[slot]
        for i in range(offsets[r], offsets[r + 1]):
            n = _pass_time(s, slot, t_ns[i] - 1, p, out, n)
            if source[i] == 0:
                n = _take_second(s, slot, t_ns[i], values[i], p, out, n)
            elif np.isfinite(values[i, 0]):
                s.device_off = 1 if values[i, 0] != 0.0 else 0
                n = _report(s, slot, t_ns[i], t_ns[i], out, n)
        n = _pass_time(s, slot, until_ns[r], p, out, n)
    return n


@inner
def _pass_time(s: Any, slot: int, until_ns: int, p: StateLimits, out: NDArray[Any], n: int) -> int:
    """End what the signal said once it has been silent: from then on nothing is known."""
    if s.has_row == 0 or s.row_ns + p.silent_ns > until_ns:
        return n
    s.has_row = 0
    for code in range(2):
        s.by_signal[code], s.run[code] = 0, 0
    return int(_report(s, slot, s.row_ns, s.row_ns + p.silent_ns, out, n))


@inner
def _take_second(
    s: Any, slot: int, t: int, row: NDArray[np.float64], p: StateLimits, out: NDArray[Any], n: int
) -> int:
    """Count the second for or against each finding; a run of them changes it from its start."""
    s.row_ns, s.has_row = t, 1
    for j in range(6):
        s.last[j] = row[j]
    for code in range(2):
        off = row[1] == 0.0
        says = off if code == LEAD_OFF else (row[0] < p.fair and not off)
        if says == (s.by_signal[code] != 0):
            s.run[code] = 0
            continue
        if s.run[code] == 0:
            s.run_ns[code] = t - SECOND_NS
        s.run[code] += 1
        if s.run[code] >= p.seconds:
            s.by_signal[code] = 1 if says else 0
            s.run[code] = 0
            n = _report(s, slot, s.run_ns[code], t, out, n)
    return n


@inner
def _report(s: Any, slot: int, at_ns: int, t: int, out: NDArray[Any], n: int) -> int:
    """Write the changes: lead off by device or signal; poor signal only while no lead is off.

    What began before the last of its kind ended begins there: findings never overlap.
    """
    off = s.device_off != 0 or s.by_signal[LEAD_OFF] != 0
    for code in range(2):
        wanted = off if code == LEAD_OFF else (s.by_signal[POOR_SIGNAL] != 0 and not off)
        if wanted == (s.on[code] != 0):
            continue
        if wanted:
            onset_ns = max(at_ns, s.end_ns[code])
            s.onset_ns[code] = onset_ns
            e0, e1, e2 = np.float64(s.device_off), s.last[3], s.last[2]
            if code == POOR_SIGNAL:
                e0, e1, e2 = s.last[0], s.last[4], s.last[5]
            n = put(
                out, n, code, slot, ONSET, onset_ns, onset_ns, t, 0, s.last[0], e0, e1, e2,
                np.nan,
            )  # fmt: skip
        else:
            end_ns = max(at_ns, s.onset_ns[code])
            s.end_ns[code] = end_ns
            seconds = (end_ns - s.onset_ns[code]) * 1e-9
            n = put(
                out, n, code, slot, OFFSET, s.onset_ns[code], end_ns, t, 0, seconds, np.nan,
                np.nan, np.nan, np.nan,
            )  # fmt: skip
        s.on[code] = 1 if wanted else 0
    return n
