"""Filters one sample at a time, written as their difference equation."""

from __future__ import annotations

import numpy as np


def section(b0, a1, a2, kind, x):
    """Run a section, ``kind`` 'low' or 'high', over `x` from rest."""
    middle = 2.0 if kind == "low" else -2.0
    y = np.zeros(len(x))
    for n in range(len(x)):
        for lag, weight in ((0, b0), (1, middle * b0), (2, b0)):
            y[n] += weight * x[n - lag] if n >= lag else 0.0
        for lag, weight in ((1, a1), (2, a2)):
            y[n] -= weight * y[n - lag] if n >= lag else 0.0
    return y
