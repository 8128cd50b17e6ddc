"""How many rows a processor may give that speaks at every so many whole seconds of its input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.records import Batch


def most_rows(batch: Batch, records: NDArray[Any], period_ns: int, idle_ns: int) -> int:
    """Bound the number of whole periods a batch can hold: by its span, and by its inputs.

    Parameters
    ----------
    records
        State by slot with the fields ``running`` and ``next_ns``, the next period to end.
    idle_ns
        So long after its newest input the processor rests.
    """
    starts = batch.offsets[:-1]
    filled = batch.offsets[1:] > starts
    first = np.full(batch.n_rows, np.iinfo(np.int64).max)
    first[filled] = batch.t_ns[starts[filled]]
    # Field by field: whole records would be copied for two of their numbers.
    running, next_ns = records["running"][batch.slots], records["next_ns"][batch.slots]
    begin = np.where(running != 0, next_ns, first)
    span = np.maximum(batch.until_ns // period_ns - begin // period_ns + 1, 0)
    return int(np.minimum(span, (idle_ns // period_ns + 2) * (np.diff(batch.offsets) + 1)).sum())
