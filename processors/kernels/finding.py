"""One row per reported change of a finding: the layout all detector kernels write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, from_dtype, int64, njit
from numpy.typing import NDArray

ONSET, OFFSET, POINT = 0, 1, 2  # as `processors.records`, which kernels do not import

EVIDENCE_WIDTH = 4  # the widest evidence of any finding written through this layout

FINDING = np.dtype(
    [
        ("onset_ns", np.int64),
        ("at_ns", np.int64),
        ("t_ns", np.int64),
        ("value", np.float64),
        ("evidence", np.float64, (EVIDENCE_WIDTH,)),
        ("slot", np.int32),
        ("revision", np.int32),
        ("code", np.int8),
        ("state", np.int8),
    ],
    align=True,
)


# One signature: numba would else compile this anew for each constant it is called with.
_PUT = int64(
    from_dtype(FINDING)[::1], int64, int64, int64, int64,
    int64, int64, int64, int64,
    float64, float64, float64, float64, float64,
)  # fmt: skip


@njit(_PUT, cache=True, nogil=True, error_model="numpy")
def put(
    out: NDArray[Any], n: int, code: int, slot: int, state: int,
    onset_ns: int, at_ns: int, t_ns: int, revision: int,
    value: float, e0: float, e1: float, e2: float, e3: float,
) -> int:  # fmt: skip
    """Write row ``n`` of ``out`` (dtype `FINDING`) and give ``n + 1``.

    ``code`` is the index of the `FindingSpec` in the processor's list; unused evidence is NaN.
    """
    row = out[n]
    row.code = code
    row.slot = slot
    row.state = state
    row.onset_ns = onset_ns
    row.at_ns = at_ns
    row.t_ns = t_ns
    row.revision = revision
    row.value = value
    row.evidence[0] = e0
    row.evidence[1] = e1
    row.evidence[2] = e2
    row.evidence[3] = e3
    return n + 1
