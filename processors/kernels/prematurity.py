"""Beats that come too early for the pace of the normal ones: supraventricular, if not by form.

The pace is the median of the last normal intervals. An early beat neither counts for it nor does
the interval after it, so that it stands still while a run of early beats lasts; a run that does
not end becomes the rhythm. One early beat is told from a rate that rises by the beat after it:
that one comes late again, or sets off a run that is much faster still.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from processors.kernels.compiling import inner
from processors.kernels.filters import median_of_few

N_CALM = 8  # normal intervals of the pace
LEAST_CALM = 4  # intervals from which a pace is known

# What `BEAT_STATE` holds for it: the intervals, oldest first, and beats since the last of them.
CALM_FIELDS: list[Any] = [
    ("calm_ms", np.float32, (N_CALM,)),
    ("n_calm", np.int8),
    ("since_calm", np.uint8),
    ("in_run", np.int8),  # the newest beats are early ones in a row
]


class Prematurity(NamedTuple):
    """The numbers of the rules. All were found on DS1 of mitdb unless a source is named."""

    early: float = 0.85  # 1, RR over the pace; CLINICAL 3.3: S is premature by 15 %
    abrupt: float = 0.9  # 1, and over the interval before: a rate that rises does so in steps
    much: float = 0.75  # 1, as early as this it may begin a run of equal intervals
    same_low: float = 0.9  # 1, the next interval over this one, from here ...
    same_high: float = 1.15  # 1, ... to here: the beats go on at a new pace
    hardly_early: float = 0.9  # 1, up to here a beat is early if a pause follows
    pause: float = 1.05  # 1, the next interval over the pace that makes a pause
    longest_run: int = 120  # beats without a normal interval until the newest are the pace


@inner
def pace_ms(state: Any) -> float:
    """Give the median of the normal intervals, NaN of too few."""
    if state.n_calm < LEAST_CALM:
        return np.nan
    return float(median_of_few(state.calm_ms, np.int64(state.n_calm)))


@inner
def is_premature(state: Any, share: float, rr_ms: float, last_ms: float, p: Prematurity) -> bool:
    """Tell whether a beat at ``share`` of the pace is early: in a run, or abruptly so.

    Without an interval before it (NaN) no beat is abrupt.
    """
    return share < p.early and (state.in_run != 0 or rr_ms < p.abrupt * last_ms)


@inner
def keeps_pace(share: float, rr_ms: float, next_ms: float, p: Prematurity) -> bool:
    """Tell whether the beats after an early one go on as fast as it came: the rate has changed."""
    return share > p.much and p.same_low * rr_ms < next_ms < p.same_high * rr_ms


@inner
def has_pause(share: float, rr_ms: float, last_ms: float, next_ms: float, p: Prematurity) -> bool:
    """Tell whether a beat is hardly early, but abruptly so, and followed by a pause."""
    abrupt = rr_ms < p.hardly_early * last_ms
    return abrupt and share < p.hardly_early and next_ms * share > p.pause * rr_ms


@inner
def learn_calm(
    state: Any, rr_ms: float, normal: bool, anew: bool, p: Prematurity
) -> None:  # fmt: skip
    """Take the interval before a beat into the pace, if both of its beats are normal.

    When for long none was, or if the pace is to be learnt anew, the newest intervals without
    ventricular beats (``state.rr_ms``) are the pace.
    """
    if normal:
        n = np.int64(state.n_calm)
        if n == N_CALM:
            for i in range(N_CALM - 1):
                state.calm_ms[i] = state.calm_ms[i + 1]
            n -= 1
        state.calm_ms[n] = rr_ms
        state.n_calm = n + 1
        state.since_calm = 0
    else:
        state.since_calm = np.int64(state.since_calm) + 1
    if anew or state.since_calm >= p.longest_run:
        for i in range(state.n_rr):
            state.calm_ms[i] = state.rr_ms[i]
        state.n_calm = state.n_rr
        state.since_calm = 0
        state.in_run = 0
