"""The last values of every feature, by participant index, and how old they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S
from processors.signals import SIGNALS

# s; after this a value is blanked. Signals: the table; features: a few more than their period.
STALE_S = {
    name: SIGNALS[name].variant().stale_after_s for name in ("heart_rate", "spo2", "respiration")
} | {"ecg_quality": 8.0, "ventricular_beats": 10.0}
OTHER_STALE_S = 60.0  # s; features that only the participant view lists


class LatestValues:
    """Tables of the newest record by feature name; unknown names and participants give NaN."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    def put(
        self,
        name: str,
        idx: NDArray[np.int64],
        values: NDArray[Any],
        t_ns: NDArray[Any] | int,
        now_ns: int,
    ) -> None:
        """Take records ``[k]`` or ``[k, c]``; a NaN in the first column renews no age.

        A time ahead of ``now_ns`` (a device clock that is fast) counts as now: else the value would
        look new until that time has come.
        """
        rows = np.asarray(values, np.float64).reshape(len(idx), -1)
        table = self._tables.get(name)
        if table is None or table.values.shape[1] != rows.shape[1]:
            table = self._tables[name] = _Table(rows.shape[1])
        times = np.broadcast_to(np.minimum(t_ns, now_ns).astype(np.int64), (len(idx),))
        table.put(idx, rows, times)

    def age_s(self, name: str, idx: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
        """Give the age of the last number, float64 ``[k]``; NaN where there never was one."""
        table = self._tables.get(name)
        return np.full(len(idx), np.nan) if table is None else age_s(table.t_ns, idx, now_ns)

    def fresh(
        self, name: str, idx: NDArray[np.int64], now_ns: int, c: int = 0
    ) -> NDArray[np.float64]:
        """Give a column, float64 ``[k]``; NaN where it is stale or was never given."""
        table = self._tables.get(name)
        if table is None or c >= table.values.shape[1]:
            return np.full(len(idx), np.nan)
        found = np.full(len(idx), np.nan)
        inside = idx < len(table.t_ns)
        found[inside] = table.values[idx[inside], c]
        found[~(self.age_s(name, idx, now_ns) <= STALE_S.get(name, OTHER_STALE_S))] = np.nan
        return found

    def listing(self, index: int, now_ns: int) -> list[dict[str, Any]]:
        """Give all of one participant, by name; values that are stale are left out of their row."""
        idx, rows = np.array([index], np.int64), []
        for name, table in sorted(self._tables.items()):
            age = float(self.age_s(name, idx, now_ns)[0])
            if np.isnan(age):
                continue
            fresh = age <= STALE_S.get(name, OTHER_STALE_S)
            row = table.values[index] if fresh else np.zeros(0)
            numbers = [float(v) if np.isfinite(v) else None for v in row]
            rows.append({"name": name, "values": numbers, "age_s": round(age, 1)})
        return rows


class _Table:
    def __init__(self, n_columns: int) -> None:
        self.values = np.full((0, n_columns), np.nan)
        self.t_ns = np.zeros(0, np.int64)  # of the last record whose first column is a number

    def put(
        self, idx: NDArray[np.int64], values: NDArray[np.float64], t_ns: NDArray[np.int64]
    ) -> None:
        needed = int(idx.max(initial=-1)) + 1
        if needed > len(self.t_ns):
            grown = max(needed, 2 * len(self.t_ns), 16)
            values_then, t_then = self.values, self.t_ns
            self.values = np.full((grown, values_then.shape[1]), np.nan)
            self.values[: len(values_then)] = values_then
            self.t_ns = np.zeros(grown, np.int64)
            self.t_ns[: len(t_then)] = t_then
        self.values[idx] = values
        known = ~np.isnan(values[:, 0])
        self.t_ns[idx[known]] = t_ns[known]


def age_s(t_ns: NDArray[np.int64], idx: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
    """Give ages in seconds; NaN where nothing ever came (time 0), 0 for times in the future."""
    age = np.full(len(idx), np.nan)
    inside = np.flatnonzero(idx < len(t_ns))
    inside = inside[t_ns[idx[inside]] != 0]
    age[inside] = np.maximum((now_ns - t_ns[idx[inside]]) / NS_PER_S, 0.0)
    return age
