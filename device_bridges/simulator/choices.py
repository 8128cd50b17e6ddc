"""What a script leaves open and suits the person: chosen here, so that the truth is in the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import Kind

Floats = NDArray[np.float64]

AF_RATE = (76.0, 113.0)  # /min, 5th to 95th percentile of two minutes in afdb
# /min, default: usual drops in the first minute, all above the cut-offs 12 and 18 of CLINICAL 3.9.
NORMAL_HRR60 = (22.0, 45.0)
SHORTEST_TAU_S = 10.0  # s, the least of CLINICAL 3.9
_ROOM = 0.95  # share of the way back to rest that a recovery may have in view, default


def choose(
    kind: Kind,
    values: Floats,
    lasting_s: float,
    people: NDArray[Any],
    slots: NDArray[np.int32],
    generator: np.random.Generator,
) -> None:
    """Fill in parameters that are NaN.

    Parameters
    ----------
    values
        float64 ``[N_PARAMETERS, k]``, as columns a to d of `EVENT`; changed in place.
    people
        dtype `PERSON`, by slot.
    slots
        int32 ``[k]``.
    """
    if kind == Kind.AF:
        rate = generator.uniform(*AF_RATE, len(slots))
        values[0] = np.where(np.isnan(values[0]), rate, values[0])
    elif kind == Kind.EFFORT:
        drop = generator.uniform(*NORMAL_HRR60, len(slots))
        values[1], values[2] = recovery(
            values[0], values[1], values[2], drop, lasting_s, people[slots]
        )


def recovery(
    level: Floats,
    hrr60: Floats,
    tau_s: Floats,
    usual_hrr60: Floats,
    lasting_s: float,
    people: NDArray[Any],
) -> tuple[Floats, Floats]:
    """Give hrr60 and tau of recoveries H(t) = Hend + F exp(-t / tau) that a heart can do.

    F is at most the way from the rate at the stop back to rest. What is NaN is chosen: tau is the
    person's own, hrr60 the usual one. A tau that is too long for the drop is shortened; a drop that
    is too large even so becomes the largest there is.
    """
    reserve = people["rate_max"] - people["rate_rest"]
    rise = level * reserve * (1.0 - np.exp(-lasting_s / people["tau_on_s"]))
    room = np.maximum(_ROOM * rise, 1.0)
    own_tau_s = np.where(np.isnan(tau_s), people["tau_off_s"], tau_s)
    share = 1.0 - np.exp(-60.0 / own_tau_s)
    drop = np.where(np.isnan(hrr60), np.minimum(usual_hrr60, room * share), hrr60)
    most = room * (1.0 - np.exp(-60.0 / SHORTEST_TAU_S))
    drop = np.minimum(drop, most)
    longest_s = -60.0 / np.log1p(-np.minimum(drop / room, 1.0 - 1e-9))
    return drop, np.maximum(np.minimum(own_tau_s, longest_s), SHORTEST_TAU_S)
