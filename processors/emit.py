"""Turn the flat rows of a detector kernel into the event blocks a processor gives out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.finding import FINDING
from processors.records import EventBlock, FindingSpec


def finding_rows(n: int) -> NDArray[Any]:
    """Give uninitialised room for ``n`` findings, a structured array of dtype `FINDING`."""
    return np.empty(n, FINDING)


def event_blocks(specs: Sequence[FindingSpec], rows: NDArray[Any]) -> tuple[EventBlock, ...]:
    """Sort kernel rows into one block per code, in the order of ``specs``.

    Codes without rows are left out; no rows at all give no blocks.

    Parameters
    ----------
    specs
        What the kernel's ``code`` counts through.
    rows
        The filled rows, dtype `FINDING`, in the order they were found. Evidence columns beyond
        those a `FindingSpec` declares are dropped.
    """
    if not len(rows):
        return ()
    blocks = []
    for code in np.unique(rows["code"]).tolist():
        found = rows[rows["code"] == code]
        blocks.append(
            EventBlock(
                code=specs[code].code,
                slots=found["slot"].copy(),
                onset_ns=found["onset_ns"].copy(),
                at_ns=found["at_ns"].copy(),
                t_ns=found["t_ns"].copy(),
                state=found["state"].copy(),
                revision=found["revision"].copy(),
                value=found["value"].copy(),
                evidence=found["evidence"][:, : len(specs[code].evidence)].copy(),
            )
        )
    return tuple(blocks)
