"""RR intervals from labelled beats or from a strap, whichever goes before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry

ECG, STRAP = 0.0, 1.0
NORMAL = 1.0

# newest_ns: when the newest ECG beat became known, with seen != 0.
RR_STATE = np.dtype([("newest_ns", np.int64), ("seen", np.int64)], align=True)


@entry
def choose_intervals(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    fresh_ns: int,
    shortest_ms: float,
    longest_ms: float,
    pause_ms: float,
    records: NDArray[Any],
    out_slot: NDArray[np.int32],
    out_t: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> int:
    """Write one row of ``lag_ns, rr_ms, source, label, valid`` per beat; give their number.

    Source 0 holds beat labels, source 1 strap intervals; there are never more rows than records.
    """
    n = 0
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        newest = state.newest_ns
        seen = state.seen
        for i in range(offsets[r], offsets[r + 1]):
            t = t_ns[i]
            if source[i] == 0:
                if values[i, 3] != 0.0:  # a revised label: the beat has had its row
                    continue
                newest = t
                seen = 1
                lag, label, rr, origin, limit = (
                    values[i, 0],
                    values[i, 1],
                    values[i, 4],
                    ECG,
                    longest_ms,
                )
            else:
                if seen != 0 and t - newest <= fresh_ns:
                    continue
                lag, label, rr, origin = 0.0, NORMAL, values[i, 0], STRAP
                # Without a signal a long interval may be lost beats: it is a gap, not a pause.
                limit = min(longest_ms, np.nextafter(pause_ms, 0.0))
            valid = 1.0 if shortest_ms <= rr <= limit else 0.0  # NaN compares false
            out_slot[n] = slot
            out_t[n] = t
            out_values[n, 0] = lag
            out_values[n, 1] = rr
            out_values[n, 2] = origin
            out_values[n, 3] = label
            out_values[n, 4] = valid
            n += 1
        state.newest_ns = newest
        state.seen = seen
    return n
