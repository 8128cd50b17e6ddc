"""The clocks of simulated devices: how far each is from the true time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import Kind
from device_bridges.simulator.plan import Plan

_CLOCK_KINDS = (Kind.CLOCK_OFFSET, Kind.CLOCK_DRIFT, Kind.CLOCK_JUMP)
ALL_SIGNALS = -1


def clock_events(events: NDArray[Any]) -> NDArray[Any]:
    """Give those rows of an event table that set clocks."""
    return events[np.isin(events["kind"], _CLOCK_KINDS)]


def offsets_s(events: NDArray[Any], t_s: float) -> NDArray[np.float64]:
    """Give what each of these clock events adds to its device's time at the true time ``t_s``.

    An offset lasts as long as its event; a drift adds up while it lasts and stays; a jump stays.
    """
    since_s = t_s - events["start_s"]
    lasting_s = np.minimum(since_s, events["end_s"] - events["start_s"])
    kind, a = events["kind"], events["a"]
    added = np.select(
        [kind == Kind.CLOCK_DRIFT, kind == Kind.CLOCK_JUMP],
        [1e-6 * a * lasting_s, a],
        np.where(t_s < events["end_s"], a, 0.0),
    )
    found: NDArray[np.float64] = np.where(since_s >= 0, added, 0.0)
    return found


def device_offset_s(plan: Plan, slot: int, t_s: float, signal: int = ALL_SIGNALS) -> float:
    """Give how far a participant's devices are ahead of the true time.

    Parameters
    ----------
    signal
        Index into ``plan.signal_names``: also the events of this signal's device count, not only
        those of all devices.
    """
    rows = plan.events[plan.event_offsets[slot] : plan.event_offsets[slot + 1]]
    events = clock_events(rows)
    heard = (events["signal"] == ALL_SIGNALS) | (events["signal"] == signal)
    return float(offsets_s(events[heard], t_s).sum())
