"""Features against the true values: by how much each is off."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.truth import VALUE, Truth
from processors.records import NS_PER_S
from streams.stores import SeriesRows

NEAR_S = 6.0  # s, default: a feature is stored each 5 s


@dataclass(frozen=True, slots=True)
class Feature:
    """What a row of true values is compared with.

    Attributes
    ----------
    name, columns
        Of the feature; columns by the name of the value.
    mean
        The mean of the feature over the window of the row; else its value at the end of it.
    """

    name: str
    columns: Mapping[str, str]
    mean: bool = False


_HRV = {k: k for k in ("mean_nn_ms", "sdnn_ms", "rmssd_ms", "pnn50_percent")}
# The one table of names; features that are not there yet may be named.
FEATURE_OF: Mapping[str, Feature] = {
    "value:heart_rate": Feature("heart_rate", {"rate": "rate"}, mean=True),
    "value:pulse_rate": Feature("pulse_rate", {"rate": "rate"}, mean=True),
    "value:hrv_60": Feature("hrv_60", _HRV),
    "value:hrv_300": Feature("hrv_300", _HRV),
    "value:respiration": Feature("respiration", {"rate": "rate"}, mean=True),
    "value:spo2": Feature("spo2", {"spo2": "spo2"}, mean=True),
    "value:glucose": Feature("glucose_trend", {"glucose": "glucose"}, mean=True),
    "value:glucose_trend": Feature("glucose_trend", {"per_min": "rate"}),
    "value:pm2_5_1h": Feature("air_quality", {"pm2_5": "pm2_5_1h"}),
}


@dataclass(slots=True)
class ValueScore:
    """How one value did: windows, those that had the feature, errors by name of the value."""

    windows: int = 0
    known: int = 0
    errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def plain(self) -> dict[str, Any]:
        """Give counts and errors as plain numbers."""
        return {"windows": self.windows, "known": self.known, "errors": spread(self.errors)}


def spread(errors: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Give number, median and 95th percentile of absolute errors, and the median of the errors."""
    return {
        name: {
            "n": len(values),
            "median_absolute": percentile(np.abs(values), 50),
            "p95_absolute": percentile(np.abs(values), 95),
            "median": percentile(values, 50),
        }
        for name, values in sorted(errors.items())
    }


def percentile(values: Sequence[float] | NDArray[np.float64], percent: float) -> float:
    """Give a percentile; NaN of nothing."""
    return float(np.percentile(values, percent)) if len(values) else math.nan


def score_values(
    truth: Iterable[Truth], features: Iterable[SeriesRows], base_ns: int = 0
) -> dict[str, ValueScore]:
    """Compare true values with features; rows of windows that something spoils are left out."""
    table = _Table(features, base_ns)
    scores: dict[str, ValueScore] = {}
    for row in truth:
        known = FEATURE_OF.get(row.code)
        if not row.required or known is None or known.name not in table.names:
            continue
        each = scores.setdefault(row.code, ValueScore())
        each.windows += 1
        values = table.values(row, known)
        for name, column in known.columns.items():
            found = values.get(column, math.nan)
            if name in row.values and math.isfinite(found):
                each.errors[name].append(found - row.values[name])
        each.known += any(math.isfinite(values.get(c, math.nan)) for c in known.columns.values())
    return scores


def values_without_feature(truth: Iterable[Truth], names: Iterable[str]) -> tuple[str, ...]:
    """Name the values that are true of somebody and that no feature of these names gives."""
    there = set(names)
    codes = {row.code for row in truth if row.code.startswith(VALUE)}
    return tuple(
        sorted(
            code.removeprefix(VALUE) for code in codes
            if code not in FEATURE_OF or FEATURE_OF[code].name not in there
        )
    )  # fmt: skip


class _Table:
    """Rows of features by participant and name, in the order of time."""

    def __init__(self, features: Iterable[SeriesRows], base_ns: int) -> None:
        wanted = {feature.name for feature in FEATURE_OF.values()}
        parts: dict[str, list[SeriesRows]] = defaultdict(list)
        self.names: set[str] = set()
        for rows in features:
            self.names.add(rows.name)
            if rows.name in wanted:
                parts[rows.name].append(rows)
        self._columns = {name: several[-1].columns for name, several in parts.items()}
        self._of: dict[tuple[str, str], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        for name, several in parts.items():
            people = np.array([one for rows in several for one in rows.participants])
            t_s = (np.concatenate([rows.t_ns for rows in several]) - base_ns) / NS_PER_S
            values = np.concatenate([_laid_out(rows, self._columns[name]) for rows in several])
            order = np.lexsort((t_s, people))
            people, t_s, values = people[order], t_s[order], values[order]
            starts = np.flatnonzero(np.r_[True, people[1:] != people[:-1]])
            for first, stop in zip(starts, np.r_[starts[1:], len(people)], strict=True):
                self._of[str(people[first]), name] = t_s[first:stop], values[first:stop]

    def values(self, row: Truth, feature: Feature) -> dict[str, float]:
        """Give the values of a feature that a row is compared with, by column; empty: none."""
        found = self._of.get((row.participant, feature.name))
        if found is None or row.offset_s is None:
            return {}
        t_s, values = found
        columns = self._columns[feature.name]
        if feature.mean:
            first, stop = np.searchsorted(t_s, [row.onset_s, row.offset_s], "right")
            inside = values[first:stop]
            known = np.isfinite(inside).sum(axis=0)
            total = np.nansum(inside, axis=0)
            means = np.where(known * 2 > len(inside), total / np.maximum(known, 1), np.nan)
            return dict(zip(columns, means.tolist(), strict=True))
        near = int(np.argmin(np.abs(t_s - row.offset_s)))
        if abs(t_s[near] - row.offset_s) > NEAR_S:
            return {}
        return dict(zip(columns, values[near].tolist(), strict=True))


def _laid_out(rows: SeriesRows, columns: Sequence[str]) -> NDArray[np.float64]:
    """Give the values of rows in the order of some columns, NaN where one is not there."""
    values = np.full((len(rows.t_ns), len(columns)), np.nan)
    for c, name in enumerate(columns):
        if name in rows.columns:
            values[:, c] = rows.values[:, rows.columns.index(name)]
    return values
