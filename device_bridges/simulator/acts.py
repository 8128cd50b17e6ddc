"""The events of a script that change the samples of a sensor, ready for the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample

from device_bridges.simulator.events import Kind
from device_bridges.simulator.kernels.faults import (
    ACTS,
    AT_RAIL,
    CLIPPED,
    F_WAVES,
    FIBRILLATION,
    FLAT,
    HUM,
    MAINS,
    NOISE,
)
from device_bridges.simulator.noise import FS_HZ, NoiseBank, noise_rms_mv
from device_bridges.simulator.plan import Plan

ALL_SIGNALS = -1
_LEAD_OFF = (AT_RAIL, FLAT, HUM)  # by the form of the event
_LOOPS = ("motion", "muscle", "wander")
_SHAKEN = 0.6  # of a usual pulse, RMS, when electrode motion is as strong as a QRS; default
_SHAKEN_M_S2 = 2.5  # RMS, likewise; default

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops of a noise bank one after the other, at a rate.

    Attributes
    ----------
    values
        float32.
    first, length
        Where each begins, and how long it is, by name.
    """

    values: Floats32
    first: dict[str, int]
    length: dict[str, int]


def loops_at(bank: NoiseBank, fs_hz: int) -> Loops:
    """Bring the loops of a bank to a rate; what goes round still goes round."""
    values: list[Floats32] = []
    first: dict[str, int] = {}
    length: dict[str, int] = {}
    for name in _LOOPS:
        loop: Floats32 = getattr(bank, name)
        if fs_hz != FS_HZ:
            loop = np.asarray(resample(loop, round(len(loop) * fs_hz / FS_HZ)), np.float32)
        first[name], length[name] = sum(len(one) for one in values), len(loop)
        values.append(loop)
    return Loops(np.concatenate(values), first, length)


@cache
def made_loops(fs_hz: int) -> Loops:
    """Give made-up noise at a rate."""
    return loops_at(NoiseBank(), fs_hz)


class Acts:
    """What acts on the rows of one sensor.

    Parameters
    ----------
    acts
        dtype `ACTS`; `row` counts the rows of the sensor.
    """

    def __init__(self, acts: NDArray[Any], n_rows: int) -> None:
        order = np.lexsort((acts["what"], acts["row"]))
        acts = acts[order]
        adds = acts["what"] < CLIPPED
        self._adding, self._spoiling = acts[adds], acts[~adds]
        self._place = np.full(n_rows, -1, np.int32)

    def spoiling(self, from_s: float, to_s: float) -> NDArray[Any]:
        """Give what spoils counts in a span."""
        return _within(self._spoiling, from_s, to_s)

    def adding(self, from_s: float, to_s: float) -> tuple[NDArray[Any], NDArray[np.int32], int]:
        """Give what is added in a span.

        Returns
        -------
        acts, place, n_places
            dtype `ACTS`, whose `row` is now a place; int32 ``[rows]``: the place of each row that
            has something, -1 for others; how many places there are. `place` is only good until
            the next call.
        """
        acts = _within(self._adding, from_s, to_s)
        self._place[:] = -1
        rows, acts["row"] = np.unique(acts["row"], return_inverse=True)
        self._place[rows] = np.arange(len(rows))
        return acts, self._place, len(rows)


def _within(acts: NDArray[Any], from_s: float, to_s: float) -> NDArray[Any]:
    chosen: NDArray[Any] = acts[(acts["start_s"] < to_s) & (acts["end_s"] > from_s)]
    return chosen


def ecg_acts(plan: Plan, slots: NDArray[np.int32], loops: Loops, qrs_mv: Floats) -> NDArray[Any]:
    """Give what acts on an ECG.

    Parameters
    ----------
    qrs_mv
        float64 ``[k]``: size of each row's QRS from peak to peak.
    """
    found = []
    for row, event in _events(plan, slots, "ecg"):
        act = _act(plan, row, event)
        kind = event["kind"]
        if kind == Kind.AF:
            act["what"] = F_WAVES
        elif kind == Kind.VF:
            act["what"] = FIBRILLATION
        elif kind in (Kind.MOTION, Kind.MUSCLE):
            size = noise_rms_mv(float(qrs_mv[row]), float(event["a"]))
            _be_noise(act, loops, "motion" if kind == Kind.MOTION else "muscle", size)
        elif kind == Kind.WANDER:
            _be_noise(act, loops, "wander", event["a"] / np.sqrt(2))  # as a sine of that amplitude
        elif kind == Kind.MAINS:
            act["what"], act["hz"] = MAINS, event["b"]
        elif kind == Kind.LEAD_OFF:
            act["what"] = _LEAD_OFF[round(float(event["a"]))]
        elif kind == Kind.SATURATION:
            act["what"] = CLIPPED
        else:
            continue
        found.append(act)
    return np.array(found, ACTS)


def ppg_acts(plan: Plan, slots: NDArray[np.int32], loops: Loops) -> NDArray[Any]:
    """Give what acts on a PPG: it is shaken with the electrodes, and its clip may be off."""
    found = []
    for row, event in _events(plan, slots, "ppg"):
        act = _act(plan, row, event)
        kind = event["kind"]
        if kind == Kind.MOTION:
            _be_noise(act, loops, "motion", _SHAKEN * 10.0 ** (-event["a"] / 20.0))
        elif kind == Kind.WANDER:
            _be_noise(act, loops, "wander", event["a"] / np.sqrt(2))
        elif kind == Kind.LEAD_OFF:
            act["what"] = FLAT
        elif kind == Kind.SATURATION:
            act["what"] = CLIPPED
        else:
            continue
        found.append(act)
    return np.array(found, ACTS)


def motion_acts(plan: Plan, slots: NDArray[np.int32], loops: Loops) -> NDArray[Any]:
    """Give what shakes the acceleration, for row k of the sensor in rows 3 k to 3 k + 2."""
    found = []
    for row, event in _events(plan, slots, "acceleration"):
        if event["kind"] != Kind.MOTION:
            continue
        size = _SHAKEN_M_S2 * 10.0 ** (-event["a"] / 40.0)
        for axis in range(3):
            act = _act(plan, row, event)
            act["row"] = 3 * row + axis
            act["seed"] += np.uint64(axis)
            _be_noise(act, loops, "motion", size)
            found.append(act)
    return np.array(found, ACTS)


def _events(plan: Plan, slots: NDArray[np.int32], signal: str) -> list[tuple[int, Any]]:
    """Give the events that may act on a signal, with their row.

    Rhythms act on all; the electrodes' motion shakes the other sensors as well.
    """
    place = np.full(plan.n, -1)
    place[slots] = np.arange(len(slots))
    events = plan.events
    names = plan.signal_names
    own = names.index(signal) if signal in names else ALL_SIGNALS
    ecg = names.index("ecg") if "ecg" in names else ALL_SIGNALS
    kind = events["kind"]
    mine = np.isin(events["signal"], (ALL_SIGNALS, own))
    mine |= (kind == Kind.MOTION) & (events["signal"] == ecg)
    mine &= (kind < Kind.SILENT) & (place[events["slot"]] >= 0)
    rows = place[events["slot"][mine]].tolist()
    return list(zip(rows, events[mine], strict=True))


def _act(plan: Plan, row: int, event: Any) -> Any:
    act = np.zeros((), ACTS)
    act["row"], act["seed"] = row, plan.people["seed"][event["slot"]]
    act["start_s"], act["end_s"], act["size"] = event["start_s"], event["end_s"], event["a"]
    return act


def _be_noise(act: Any, loops: Loops, name: str, size: float) -> None:
    act["what"], act["size"] = NOISE, size
    act["first"], act["length"] = loops.first[name], loops.length[name]
