"""How fast a heart rate falls: an exponential through the two minutes after a stop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

N_TAUS, FIRST_TAU_S, TAU_STEP = 25, 10.0, 1.15  # 10 to 286 s; CLINICAL 3.9: 10 to 300 s
SEEN_END = 0.37  # CLINICAL 3.9: what of the fall may be left at 120 s

Floats = NDArray[np.float64]


@entry
def fit_decays(
    t_s: Floats, rate: Floats, mask: NDArray[Any], least_r2: float, tau_s: Floats, r2: Floats
) -> None:
    """Fit H = end + fall * exp(-t / tau) to the masked seconds of each row.

    Parameters
    ----------
    t_s, rate, mask
        float64, float64 and bool ``[n_rows, n_seconds]``; times are a second apart.
    least_r2
        What R2 has to be for a time constant to be told.
    tau_s, r2
        float64 ``[n_rows]``, to be written; tau is NaN where the fall is not seen to end.
    """
    for r in range(len(rate)):
        best, explained, falls = FIRST_TAU_S * TAU_STEP ** (N_TAUS // 2), 0.0, False
        n, mean, total = 0, 0.0, 0.0
        for i in range(rate.shape[1]):
            if mask[r, i]:
                n += 1
                mean += rate[r, i]
        mean /= max(n, 1)
        for i in range(rate.shape[1]):
            if mask[r, i]:
                total += (rate[r, i] - mean) ** 2
        # A coarse search from 10 to 300 s, then twice a finer one around the best.
        step = TAU_STEP
        for _ in range(3):
            middle, explained = best, -1.0
            for k in range(N_TAUS):
                tau = middle * step ** (k - N_TAUS // 2)
                shared, spread = _shared(t_s[r], rate[r], mask[r], tau, n, mean)
                told = shared * shared / spread if spread > 0.0 else 0.0
                if told > explained:
                    best, explained, falls = tau, told, shared > 0.0
            step = step ** (2.0 / (N_TAUS - 1.0))
        r2[r] = explained / total if total > 0.0 else 0.0
        seen = math.exp(-120.0 / best) < SEEN_END
        tau_s[r] = best if falls and r2[r] >= least_r2 and seen else math.nan


@inner
def _shared(
    t_s: Floats, rate: Floats, mask: NDArray[Any], tau: float, n: int, mean: float
) -> tuple[float, float]:
    """Give the sums of an exponential with the rates and with itself, without their means."""
    q, e = math.exp(-1.0 / tau), math.exp(-t_s[0] / tau)
    once, twice, with_rate = 0.0, 0.0, 0.0
    for i in range(len(rate)):
        if mask[i]:
            once += e
            twice += e * e
            with_rate += e * (rate[i] - mean)
        e *= q
    return with_rate, twice - once * once / max(n, 1)
