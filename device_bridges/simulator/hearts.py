"""The hearts of everybody, beat by beat: rhythms as the script asks, and the truth of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import SPEC_OF, Kind
from device_bridges.simulator.kernels import heart as kernel
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.tables import BEAT, BEATS_KEPT, LOGGED_BEAT

GIVE_UP_S = 30.0  # s, default: what happens once and finds no opportunity for so long does not

_RANK_OF = {
    Kind.ASYSTOLE: kernel.ASYSTOLE,
    Kind.VF: kernel.VF,
    Kind.PAUSE: kernel.PAUSE,
    Kind.VENTRICULAR_RUN: kernel.RUN,
    Kind.SVT: kernel.SVT,
    Kind.AF: kernel.AF,
    Kind.BIGEMINY: kernel.BIGEMINY,
    Kind.TRIGEMINY: kernel.TRIGEMINY,
    Kind.COUPLET: kernel.COUPLET,
    Kind.PVC: kernel.PVC,
    Kind.PVCS: kernel.PVCS,
    Kind.PACS: kernel.PACS,
}


class Hearts:
    """Draw beats ahead of the samples that need them.

    Parameters
    ----------
    seconds
        dtype `SECOND` ``[n, SECONDS_KEPT]``, filled by the bodies; second k in column
        ``k % SECONDS_KEPT``. `until` needs those up to ``ceil(until_s) + 1``.
    keep_log
        Keep every beat for `log`.

    Attributes
    ----------
    beats
        dtype `BEAT` ``[n, BEATS_KEPT]``; beat number b in column ``b % BEATS_KEPT``.
    newest
        int64 ``[n]``: number of the newest beat; -1 before the first `until`. Beat 0 lies before
        the start and is not in the log.
    """

    def __init__(self, plan: Plan, seconds: NDArray[Any], *, keep_log: bool = True) -> None:
        self._seconds = seconds
        self._script, self._offsets = _script(plan)
        self._hearts = _hearts(plan, self._offsets)
        self.beats: NDArray[Any] = np.zeros((plan.n, BEATS_KEPT), BEAT)
        self.beats["r_s"] = -np.inf
        self.beats["event"] = -1
        self.newest = np.full(plan.n, -1, np.int64)
        self._newest_s = np.full(plan.n, -np.inf)
        self._keep_log = keep_log
        self._log: NDArray[Any] = np.zeros(4 * plan.n + 64 if keep_log else 0, LOGGED_BEAT)
        self._n_log = 0

    def until(self, until_s: float) -> None:
        """Draw until everybody's newest R is at or after a time; an earlier time does nothing."""
        while True:
            self._n_log = kernel.draw_beats(
                self._seconds, self._script, self._offsets, float(until_s), self._keep_log,
                self._hearts, self.newest, self._newest_s, self.beats, self._log, self._n_log,
            )  # fmt: skip
            if not self._keep_log or self._n_log < len(self._log):
                return
            self._log = np.concatenate([self._log, np.zeros_like(self._log)])

    def log(self) -> NDArray[Any]:
        """Give all beats drawn since the last call, dtype `LOGGED_BEAT`.

        Those of one person are in order of time. The last of each may lie ahead of `until`.
        """
        rows = self._log[: self._n_log].copy()
        self._n_log = 0
        return rows


def _script(plan: Plan) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give what of the plan's events concerns the heart, and where each person's rows begin."""
    ranks = np.array([_RANK_OF.get(kind, -1) for kind in plan.events["kind"].tolist()], np.int32)
    chosen = np.flatnonzero(ranks >= 0)
    events = plan.events[chosen]
    rows = np.zeros(len(chosen), kernel.SCRIPT)
    rows["rank"], rows["event"] = ranks[chosen], chosen
    for name in ("start_s", "a", "b"):
        rows[name] = events[name]
    lasts = np.array([SPEC_OF[kind].lasts for kind in events["kind"].tolist()], bool)
    rows["end_s"] = np.where(lasts, events["end_s"], events["start_s"] + GIVE_UP_S)
    offsets = np.searchsorted(chosen, plan.event_offsets).astype(np.int64)
    return rows, offsets


def _hearts(plan: Plan, offsets: NDArray[np.int64]) -> NDArray[Any]:
    """Give everybody's state before the first beat."""
    people = plan.people
    hearts = np.zeros(plan.n, kernel.HEART)
    for name in ("seed", "rate_rest", "respiratory_share", "slow_share", "breath_rest"):
        hearts[name] = people[name]
    hearts["reserve"] = np.maximum(people["rate_max"] - people["rate_rest"], 1.0)
    hearts["head"] = offsets[:-1]
    return hearts
