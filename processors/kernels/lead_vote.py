"""The vote of several leads on where a QRS is, each with the weight of its quality.

A lead votes with its slope, in units of the slope of its own beats, so that neither its gain nor
its axis gives it more to say. Its quality is how far its beats stand out from what else is on it:
their slope against the mean slope of the last second. The weight is the fourth power of it: where
the noise of the leads is steady and independent, its square, signal over noise squared, gives the
sum that stands out most (maximal-ratio combining, Brennan 1959, Proc IRE 47:1075); the noise of an
electrode comes in bursts, against which a lead without them should have more to say than that. The
detector runs on the weighted mean, once for all leads. A lead that gets noisy has little to say a
few hundred milliseconds later, and has again when it is clean; nothing flips, as all is continuous.

A mean slope far below what beats of the lead would leave means that there are none: the lead is
off, flat or covered, and loses its weight instead of gaining all of it. In asystole all leads do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

MAX_LEADS = 8  # the independent ones of a 12-lead ECG
STEP_S = 0.1  # default: weights change so often, wherever the input is cut
AVERAGE_S = 0.1  # as in the detector: what a beat is worth is the peak of such an average ...
HOLD_S = 0.3  # ... which is held until the beat is known, falling as slowly as this
LEVEL_S = 1.0  # default, of the mean slope
BURST = 6.0  # default: an artefact counts for so many beats in it at most
KNOWN_BEATS = 8  # default: until then all leads count alike, as they were measured
LEARN_BEATS = 16.0  # default: beats over which the usual one is averaged; as in the detector
LARGEST = 2.0  # default: a beat counts for so many usual ones at most
LEAST = 0.25  # default: a lead with smaller beats, against the largest, is not blown up further
CLEAN = 4.0  # default: leads whose beats stand out so many times are all clean, and equal
SILENT = 8.0  # default: beyond, there were no beats; the quality falls as the square of it
DEAF = 1.0 / 16.0  # default: a lead with less than this share of the best weight tells no R
LEAST_LEVEL = 1e-3  # mV/s: nothing
LEAST_QUALITY = 1e-3  # so that the first beat after asystole finds weights that are not all zero

VOTE_STATE = np.dtype(
    [
        # by lead: average of the slope and its held peak, mean slope, slope of the usual beat
        ("average", "f8", (MAX_LEADS,)), ("held", "f8", (MAX_LEADS,)),
        ("level", "f8", (MAX_LEADS,)), ("usual", "f8", (MAX_LEADS,)),
        # what a slope is multiplied by, and its share in the mean
        ("gain", "f8", (MAX_LEADS,)), ("weight", "f8", (MAX_LEADS,)),
        ("n_beats", "i8"), ("beat_at", "i8"),
    ],
    align=True,
)  # fmt: skip


@inner
def _largest_usual(v: Any) -> float:
    """Give the slope of the usual beat of the lead with the largest; a lead that is none has 0."""
    largest = 0.0
    for a in range(MAX_LEADS):
        largest = max(largest, v.usual[a])
    return largest


@entry
def weigh(v: Any, n_leads: int, beat: bool) -> None:
    """Set the weights of the leads anew, every `STEP_S`.

    Parameters
    ----------
    v
        Record of `VOTE_STATE`.
    beat
        A beat was accepted since the last time: learn what it is worth on each lead.
    """
    if beat:
        v.n_beats += 1
    largest = _largest_usual(v)
    if beat:
        ease = max(1.0 / LEARN_BEATS, 1.0 / v.n_beats)
        for a in range(n_leads):
            most = LARGEST * max(v.usual[a], LEAST * largest)
            held = v.held[a] if v.n_beats <= 2 else min(v.held[a], most)
            there = min(held / max(LEAST * v.usual[a], LEAST_LEVEL), 1.0)
            v.usual[a] += (held - v.usual[a]) * ease * there
        largest = _largest_usual(v)
    for a in range(n_leads):
        if v.n_beats < KNOWN_BEATS or largest <= 0.0:
            v.gain[a] = v.weight[a] = 1.0
            continue
        usual = max(v.usual[a], LEAST * largest)
        quality = usual / max(v.level[a], LEAST_LEVEL)
        if quality > SILENT:
            quality = CLEAN * (SILENT / quality) ** 2
        elif quality > CLEAN:
            quality = CLEAN
        v.weight[a] = max(quality, LEAST_QUALITY) ** 4
        v.gain[a] = v.weight[a] * largest / usual


@entry
def is_deaf(v: Any, a: int, n_leads: int) -> bool:
    """Tell whether a lead has so little to say that R is not to be looked for on it."""
    best = 0.0
    for b in range(n_leads):
        best = max(best, v.weight[b])
    return bool(v.weight[a] < DEAF * best)


@entry
def add_vote(v: Any, a: int, n: int, fs_hz: float, slopes: NDArray[np.float64],
             total: NDArray[np.float64], weights: NDArray[np.float64]) -> None:  # fmt: skip
    """Add the vote of one lead to those of the others, sample by sample.

    Parameters
    ----------
    v, a
        Record of `VOTE_STATE`, number of the lead.
    slopes
        float64 ``[n]``, mV/s, absolute; below 0 where the lead is not there, and has no vote.
    total, weights
        float64 ``[n]``: sum of the votes so far, in mV/s of the lead with the largest beats, and of
        their weights.
    """
    average_ease = 1.0 / max(np.rint(AVERAGE_S * fs_hz), 1.0)
    fall, level_ease = 1.0 - 1.0 / (HOLD_S * fs_hz), 1.0 / (LEVEL_S * fs_hz)
    average, held, level = v.average[a], v.held[a], v.level[a]
    gain, weight = v.gain[a], v.weight[a]
    most = np.inf
    if v.n_beats >= KNOWN_BEATS:
        most = BURST * max(v.usual[a], LEAST * _largest_usual(v))
    for i in range(n):
        slope = slopes[i]
        if slope < 0.0:
            continue
        average += (slope - average) * average_ease
        held = max(held * fall, average)
        level += (min(slope, most) - level) * level_ease
        total[i] += gain * slope
        weights[i] += weight
    v.average[a], v.held[a], v.level[a] = average, held, level
