"""Oxygen saturation as it is judged: the median of five valid seconds (CLINICAL 3.12)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.filters import median_of_few

SECONDS = 5  # CLINICAL 3.12

OXYGEN_STATE = np.dtype(
    [
        ("taken", np.float64, (SECONDS,)),
        ("taken_ns", np.int64),  # newest of them, with n
        ("record_ns", np.int64),  # newest record of any kind, with has_record
        ("limit", np.float64),  # of the profile, with has_limit
        ("policy", np.float64),  # of the policy, goes before that of the profile; 0: none
        ("n", np.int32),  # taken in a row, at most SECONDS
        ("head", np.int32),
        ("has_record", np.int8),
        ("has_limit", np.int8),
    ],
    align=True,
)


class Rules(NamedTuple):
    """The numbers of `processors.features.oxygen.Params`, in kernel units."""

    limit: float
    step_per_ns: float
    spacing_ns: int
    sparse_ns: int
    stale_ns: int


@entry
def judge_oxygen(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    p: Rules,
    records: NDArray[Any],
    out_slots: NDArray[np.int32],
    out_ns: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """Write median and own limit for every second that can be judged; give the number of rows.

    Source 0 holds ``spo2``, 1 ``profile``, 2 ``limits``. At most one row per record.
    """
    n = 0
    for r in range(len(slots)):
        state = records[slots[r]]
        for i in range(offsets[r], offsets[r + 1]):
            t = t_ns[i]
            if source[i] == 1:
                if np.isfinite(values[i, 7]):
                    state.limit, state.has_limit = values[i, 7], 1
                continue
            if source[i] == 2:
                state.policy = values[i, 0] if np.isfinite(values[i, 0]) else 0.0
                continue
            alone = state.has_record == 0 or t - state.record_ns >= p.sparse_ns
            state.record_ns, state.has_record = t, 1
            x = values[i, 0]
            if np.isnan(x):
                continue
            since = t - state.taken_ns
            if state.n > 0 and since > p.stale_ns:
                state.n = 0
            if state.n > 0:
                last = state.taken[(state.head - 1) % SECONDS]
                if since < p.spacing_ns or abs(x - last) > p.step_per_ns * since:
                    continue
            state.taken[state.head] = x
            state.head = (state.head + 1) % SECONDS
            state.n = min(state.n + 1, SECONDS)
            state.taken_ns = t
            if not alone and state.n < SECONDS:
                continue
            out_slots[n], out_ns[n] = slots[r], t
            out[n, 0] = x if alone else median_of_few(state.taken, SECONDS)
            out[n, 1] = state.limit if state.has_limit != 0 else p.limit
            if state.policy != 0.0:
                out[n, 1] = state.policy
            n += 1
    return n
