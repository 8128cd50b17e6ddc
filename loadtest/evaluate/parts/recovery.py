"""Heart-rate recovery: every stop as a curve with its marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_bridges.replay.link import Source, read_recording
from device_bridges.replay.recording import IrregularTrack
from loadtest.evaluate import plots
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table, percent

CODE, DELAYED = "heart_rate_recovery", "heart_rate_recovery_delayed"
BEFORE_S, AFTER_S = 120.0, 180.0  # of a curve, around the stop
SMALL_BPM = 4.0  # /min: a smaller drop is hardly a stop to the eye; shown, not judged
_PER_PICTURE = 24


@dataclass(frozen=True, slots=True)
class Curve:
    """The heart rate around a stop, and what was found of it.

    Attributes
    ----------
    t_s, rate
        Seconds from the stop, /min.
    evidence
        Of the finding.
    true_s, true_drop
        Where the stop truly was, s, and the true drop in 60 s; NaN where nobody knows.
    """

    record: str
    at_s: float
    t_s: NDArray[np.float64]
    rate: NDArray[np.float64]
    evidence: dict[str, float | None]
    true_s: float = math.nan
    true_drop: float = math.nan

    def value(self, name: str) -> float:
        """Give a number of the evidence; NaN where it is not known."""
        found = self.evidence.get(name)
        return math.nan if found is None else float(found)


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Show what was found in tables of heart rates and intervals."""
    judged = [case for case in cases if case.is_table]
    if not judged:
        return None
    curves = [curve for case in judged for curve in _curves(case)]
    hours = sum(_hours(case) for case in judged)
    alarms = [alarm for case in judged for alarm in case.said.raised if alarm.code == DELAYED]
    drops = np.array([curve.value("hrr60") for curve in curves])
    confirmed = sum(curve.value("confirmed") == 1.0 for curve in curves)
    part = Part(
        "Heart-rate recovery",
        "Every stop that was found in real activities. Nothing is annotated in them, so there is "
        "no score: the curves are to be looked at. Black: heart rate; blue: the peak before the "
        "stop, and the marks at 30, 60 and 120 s. A stop that the heart rate alone tells is not "
        "confirmed and never an alarm.",
    )
    small = int(np.sum(drops < SMALL_BPM))
    part.checks = [
        setting.check("recoveries", "stops found", len(curves), "", f"in {hours:.1f} h"),
        setting.check("recoveries_confirmed", "... confirmed", confirmed, ""),
        setting.check("recoveries_small", f"... with a drop below {SMALL_BPM:g} /min", small, "",
                      "most of them swings within an effort"),
        setting.check("recovery_alarms", "alarms of delayed recovery", len(alarms), ""),
    ]  # fmt: skip
    rows: dict[str, Row] = {
        f"{grade} ({says})": row
        for number, grade, says in ((1, "A", "85 % HRmax"), (2, "B", "70 %"), (3, "C", "60 %"))
        if (row := _row([c for c in curves if c.value("grade") == number]))
    }
    part.tables = [
        Table("recoveries", "grade", rows,
              {"stops": "stops", "hrr60": "HRR60, median", "hrr60_p10": "10 %",
               "hrr60_p90": "90 %", "below_12": "at most 12 /min, %"}),
    ]  # fmt: skip
    ordered = sorted(curves, key=lambda curve: curve.value("hrr60"))
    for first in range(0, len(ordered), _PER_PICTURE):
        some = ordered[first : first + _PER_PICTURE]
        part.pictures.append(
            (
                f"Stops {first + 1} to {first + len(some)} of {len(ordered)}, by their drop in "
                "60 s; title: record, time, drop, grade",
                lambda some=some: plots.recoveries(some),  # type: ignore[misc]
            )
        )
    return part


def _row(curves: Sequence[Curve]) -> Row:
    if not curves:
        return {}
    drops = np.array([curve.value("hrr60") for curve in curves])
    drops = drops[np.isfinite(drops)]
    if not len(drops):
        return {"stops": len(curves)}
    low, middle, high = np.percentile(drops, [10, 50, 90]).tolist()
    return {
        "stops": len(curves), "hrr60": middle, "hrr60_p10": low, "hrr60_p90": high,
        "below_12": percent(int(np.sum(drops <= 12)), len(drops)),
    }  # fmt: skip


def _curves(case: Case) -> list[Curve]:
    findings = [line for line in case.said.findings if line.code == CODE]
    if not findings:
        return []
    t_s, rate = _rates(case)
    found = []
    for line in findings:
        near = (t_s >= line.at - BEFORE_S) & (t_s <= line.at + AFTER_S)
        found.append(Curve(case.name, line.at, t_s[near] - line.at, rate[near], line.evidence))
    return found


def _track(case: Case) -> IrregularTrack | None:
    recording = read_recording(Source(case.path, case.name))
    tracks = [t for t in recording.tracks if isinstance(t, IrregularTrack)]
    return next((t for t in tracks if t.signal in {"heart_rate", "rr"}), None)


def _rates(case: Case) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give own times, s, and heart rates, /min, of a table."""
    track = _track(case)
    if track is None:
        return np.zeros(0), np.zeros(0)
    values = track.samples[:, 0].astype(np.float64)
    rate = 60_000.0 / np.maximum(values, 1.0) if track.signal == "rr" else values
    return track.t_ns / 1e9, rate


def _hours(case: Case) -> float:
    track = _track(case)
    return 0.0 if track is None else (track.until_ns - track.first_ns) / 3.6e12
