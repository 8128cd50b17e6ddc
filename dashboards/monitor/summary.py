"""The row of each participant that every page gets once a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.monitor import wire
from dashboards.monitor.alarm_view import CALM, PRIORITIES, STATES, AlarmView, Rank
from dashboards.monitor.latest import LatestValues, age_s
from dashboards.monitor.rings import TraceRings

_ATTACHED = 1  # column of `ecg_quality`: 1 yes, 0 lead off by the signal, 0.5 cannot tell
_QUALITY_FLAGS = ((2, wire.FLAT), (3, wire.RAILED), (4, wire.NOISY))  # its columns of 0 or 1


def summary_rows(
    idx: NDArray[np.int64],
    now_ns: int,
    latest: LatestValues,
    rings: Mapping[str, TraceRings],
    shown: Mapping[int, Mapping[str, AlarmView]],
    rank: Rank,
) -> NDArray[Any]:
    """Give rows of `wire.SUMMARY` for participant indices; stale values are NaN.

    Parameters
    ----------
    shown
        Open alarms by participant index and alarm id.
    """
    rows = np.zeros(len(idx), wire.SUMMARY)
    rows["participant"] = idx
    source = latest.fresh("heart_rate", idx, now_ns, 1)
    rows["heart_rate_source"] = np.where(np.isfinite(source), source, 255).astype(np.uint8)
    rows["heart_rate_age_s"] = latest.age_s("heart_rate", idx, now_ns)
    for column, name in (
        ("heart_rate", "heart_rate"),
        ("ecg_quality", "ecg_quality"),
        ("spo2", "spo2"),
        ("respiration", "respiration"),
        ("ventricular", "ventricular_beats"),
    ):
        rows[column] = latest.fresh(name, idx, now_ns)
    flags = np.zeros(len(idx), np.uint8)
    flags[latest.fresh("ecg_quality", idx, now_ns, _ATTACHED) == 0] |= wire.LEAD_OFF
    for c, flag in _QUALITY_FLAGS:
        flags[latest.fresh("ecg_quality", idx, now_ns, c) == 1] |= flag
    for signal, flag in (("ecg", wire.HAS_ECG), ("ppg", wire.HAS_PPG)):
        age = age_s(rings[signal].heard_ns(), idx, now_ns)
        rows[f"{signal}_age_s"] = age
        flags[~np.isnan(age)] |= flag
    rows["flags"] = flags
    rows["level"] = CALM
    for r, index in enumerate(idx.tolist()):
        if shown.get(index):
            _put_alarms(rows, r, list(shown[index].values()), rank)
    return rows


def _put_alarms(rows: NDArray[Any], r: int, alarms: list[AlarmView], rank: Rank) -> None:
    first = min(alarms, key=lambda alarm: rank([alarm]))
    rows["priority"][r] = PRIORITIES.index(first.priority)
    rows["state"][r] = STATES.index(first.state)
    rows["n_alarms"][r] = len(alarms)
    rows["level"][r] = rank(alarms)[0]
    rows["flags"][r] |= wire.LATCHED if first.latched else 0
