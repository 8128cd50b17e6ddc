"""The time of a sample by its count: from an anchor on by the rate, so that no rounding adds up."""

from __future__ import annotations

from typing import Any

import numpy as np

from processors.kernels.compiling import inner

WITHIN_NS = 1000  # a row's time this near to the expected one is a rounding


@inner
def time_ns(s: Any, at: float) -> int:
    """Give the time of a position in samples, by ``anchor``, ``anchor_ns`` and ``fs_hz``."""
    return int(s.anchor_ns + np.int64(np.rint((at - s.anchor) * (1e9 / s.fs_hz))))
