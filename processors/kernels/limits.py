"""Numbers beyond their limits, with hysteresis: one kernel for every signal that is compared so.

A finding begins when its condition is met, by one reading or by several in a row, and ends when all
its columns are back on the safe side by a margin. As long as it is younger than `firm_ns`, the
delay of its alarm, it ends at the limit itself: nothing shall become an alarm that was not beyond
its limit all that time. It ends as well when nothing has been known for `stale_ns`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.finding import OFFSET, ONSET, put

LIMIT = np.dtype(
    [
        ("level", np.float64, (2,)),  # of the first column and of the second
        ("margin", np.float64),  # so far on the safe side it ends
        ("worse", np.float64),  # of the first column: told once more from here on; NaN: never
        ("firm_ns", np.int64),
        ("within_ns", np.int64),  # readings of one condition are at most so far apart
        ("stale_ns", np.int64, (2,)),  # after a reading of the first stream, of another
        ("column", np.int64, (2,)),  # either may be beyond its level; second -1: only one
        ("level_column", np.int64, (2,)),  # where each record brings its own; -1: `level`
        ("needed", np.int64),  # readings in a row
        ("sign", np.int64),  # 1: too high is what counts, -1: too low
        ("strict", np.int64),  # 1: the level itself is not yet beyond
    ],
    align=True,
)

LIMIT_STATE = np.dtype(
    [
        ("onset_ns", np.int64),  # of the finding, or of the readings beyond before it; with n
        ("newest_ns", np.int64),  # newest reading, with n or active
        ("extreme", np.float64),  # with active
        ("source", np.int8),  # of the newest reading: 0 the first stream, 1 another
        ("n", np.int8),  # readings beyond in a row, before it is active
        ("active", np.int8),  # 2: and told as worse
    ],
    align=True,
)


@entry
def levels_in_force(
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    control: int,
    columns: NDArray[np.int64],
    defaults: NDArray[np.float64],
    own: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the levels in force at each record.

    Parameters
    ----------
    source, values, offsets, slots
        As in `processors.records.Batch`; records of source `control` bring levels in `columns` of
        `values`, int64 ``[m]``, NaN for the default.
    defaults
        float64 ``[m]``.
    own
        Those of the participant, float64 ``[n_slots, m]``; 0 for the default.
    out
        float64 ``[n, m]``.
    """
    for r in range(len(slots)):
        slot = slots[r]
        for i in range(offsets[r], offsets[r + 1]):
            for k in range(len(columns)):
                if source[i] == control:
                    level = values[i, columns[k]]
                    own[slot, k] = level if np.isfinite(level) else 0.0
                out[i, k] = own[slot, k] if own[slot, k] != 0.0 else defaults[k]


@entry
def watch_limits(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    limits: NDArray[Any],
    records: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Write the findings of these records (dtype `FINDING`); give their number.

    Parameters
    ----------
    t_ns, source, values, offsets, slots, until_ns
        As in `processors.records.Batch`, from one or several streams of equal columns. A record
        with NaN in a column that a limit needs is no reading for that limit; an infinite value is
        one that is certainly beyond it or certainly safe.
    limits
        dtype `LIMIT` ``[n]``; the index is the code of the finding.
    records
        `LIMIT_STATE` by slot and limit, ``[n_slots, n]``.
    out
        Room for ``2 * n`` findings per record and ``n`` per row. Evidence: value, limit, the most
        extreme value since the onset, the second column if any. All are NaN where silence ends it.
    """
    count: Any = np.int64(0)  # not the constant 0, which is a type of its own
    nan = np.nan
    for r in range(len(slots)):
        slot = slots[r]
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            # Let the deadlines before this record pass; after the last one, those of the horizon.
            passed_ns = until_ns[r] if i == end else t_ns[i] - 1
            for k in range(len(limits)):
                state = records[slot, k]
                due_ns = state.newest_ns + limits[k].stale_ns[state.source]
                if state.active != 0 and due_ns <= passed_ns:
                    state.active = 0
                    count = put(out, count, k, slot, OFFSET, state.onset_ns, due_ns, due_ns, 0,
                                nan, nan, nan, nan, nan)  # fmt: skip
            if i == end:
                break
            t = t_ns[i]
            for k in range(len(limits)):
                p, state = limits[k], records[slot, k]
                sign = np.float64(p.sign)
                beyond, safe, known = False, True, True
                for c in range(2):
                    if p.column[c] < 0:
                        continue
                    x = values[i, p.column[c]]
                    at = p.level_column[c]
                    level = p.level[c] if at < 0 else values[i, at]
                    over = sign * (x - level)
                    known = known and not np.isnan(over)
                    beyond = beyond or over > 0.0 or (over == 0.0 and p.strict == 0)
                    safe = safe and over <= -p.margin
                if not known:
                    continue
                x = values[i, p.column[0]]
                level = p.level[0] if p.level_column[0] < 0 else values[i, p.level_column[0]]
                shown = x if np.isfinite(x) else nan
                other = values[i, p.column[1]] if p.column[1] >= 0 else nan
                before_ns = state.newest_ns
                state.newest_ns, state.source = t, min(source[i], 1)
                if state.active != 0:
                    if not sign * (state.extreme - x) >= 0.0:
                        state.extreme = x
                    extreme, onset = state.extreme, state.onset_ns
                    if safe or (not beyond and t - onset <= p.firm_ns):
                        state.active = state.n = 0
                        count = put(out, count, k, slot, OFFSET, onset, t, t, 0,
                                    shown, shown, level, extreme, other)  # fmt: skip
                    elif state.active == 1 and sign * (x - p.worse) >= 0.0:
                        state.active = 2
                        count = put(out, count, k, slot, ONSET, onset, onset, t, 1,
                                    shown, shown, p.worse, extreme, other)  # fmt: skip
                    continue
                if not beyond:
                    state.n = 0
                    continue
                if state.n == 0 or t - before_ns > p.within_ns:
                    state.n = 0
                    state.onset_ns = t
                state.n += 1
                if state.n < p.needed:
                    continue
                onset = state.onset_ns
                state.extreme, state.active, state.n = x, 1, 0
                if sign * (x - p.worse) >= 0.0:
                    state.active = 2
                count = put(out, count, k, slot, ONSET, onset, onset, t, 0,
                            shown, shown, level, shown, other)  # fmt: skip
    return int(count)
