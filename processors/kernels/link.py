"""The link to the devices: silence, lost samples, empty batteries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.finding import OFFSET, ONSET, POINT, put

N_SIGNALS = 40  # room for the signals that can fall silent; `SIGNALS` has fewer
STEP_NS = 64  # of the time in an identity: no less than N_SIGNALS, so that both fit in it
DEVICE_SILENT, GAP, BATTERY_LOW = 0, 1, 2

LINK_STATE = np.dtype(
    [
        ("due_ns", np.int64, (N_SIGNALS,)),  # when a signal falls silent, or fell, with watched
        ("battery_onset_ns", np.int64),
        ("watched", np.int8, (N_SIGNALS,)),  # 1 alive, 2 silent
        ("battery_on", np.int8),
        ("battery_revision", np.int8),
    ],
    align=True,
)


@entry
def identity_ns(t: int, k: int) -> int:
    """Give the onset that names a finding of signal `k`: no other signal has it, whatever its time.

    >>> identity_ns(1000, 3), identity_ns(1001, 2)
    (963, 962)
    """
    return t - t % STEP_NS + k


@entry
def watch_link(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    gap_s: float,
    low_percent: float,
    empty_percent: float,
    margin: float,
    records: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Write the findings of the link; give their number.

    Source 0 holds ``presence``, source 1 ``battery``. At most 3 per record, and 1 for each signal
    that was alive before. Two signals that fall silent together are two findings.
    """
    n: Any = np.int64(0)  # not the constant 0, which is a type of its own
    nan = np.nan
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        for i in range(offsets[r], offsets[r + 1]):
            t = t_ns[i]
            if source[i] == 1:
                percent = values[i, 0]
                if np.isnan(percent):
                    continue
                if state.battery_on == 0:
                    if percent <= low_percent:
                        state.battery_on = 1
                        state.battery_onset_ns = t
                        state.battery_revision = 1 if percent <= empty_percent else 0
                        n = put(out, n, BATTERY_LOW, slot, ONSET, t, t, t, 0,
                                percent, percent, nan, nan, nan)  # fmt: skip
                elif percent > low_percent * (1.0 + margin):
                    state.battery_on = 0
                    n = put(out, n, BATTERY_LOW, slot, OFFSET, state.battery_onset_ns, t, t, 0,
                            percent, percent, nan, nan, nan)  # fmt: skip
                elif percent <= empty_percent and state.battery_revision == 0:
                    state.battery_revision = 1
                    first = state.battery_onset_ns
                    n = put(out, n, BATTERY_LOW, slot, ONSET, first, first, t, 1,
                            percent, percent, nan, nan, nan)  # fmt: skip
                continue
            k = int(values[i, 0])
            if k < 0 or k >= N_SIGNALS:
                continue
            # How long the run is depends on the cut; when it begins does not.
            start = t - np.int64(values[i, 2])
            if values[i, 3] > gap_s:
                lost_from = start - np.int64(np.rint(values[i, 3] * 1.0e9))
                n = put(out, n, GAP, slot, POINT, identity_ns(lost_from, k), lost_from, start, 0,
                        values[i, 3], float(k), values[i, 3], nan, nan)  # fmt: skip
            if np.isinf(values[i, 1]):
                continue
            due = state.due_ns[k]
            if state.watched[k] == 1 and due < start:
                state.watched[k] = 2
                n = put(out, n, DEVICE_SILENT, slot, ONSET, identity_ns(due, k), due, due, 0,
                        float(k), float(k), nan, nan, nan)  # fmt: skip
            if state.watched[k] == 2:
                n = put(out, n, DEVICE_SILENT, slot, OFFSET, identity_ns(due, k), start, start, 0,
                        float(k), float(k), nan, nan, nan)  # fmt: skip
                state.watched[k] = 0
            next_due = t + np.int64(np.rint(values[i, 1] * 1.0e9))
            state.due_ns[k] = next_due if state.watched[k] == 0 else max(due, next_due)
            state.watched[k] = 1
        for k in range(N_SIGNALS):
            due = state.due_ns[k]
            if state.watched[k] == 1 and due <= until_ns[r]:
                state.watched[k] = 2
                n = put(out, n, DEVICE_SILENT, slot, ONSET, identity_ns(due, k), due, due, 0,
                        float(k), float(k), nan, nan, nan)  # fmt: skip
    return int(n)
