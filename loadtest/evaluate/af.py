"""Atrial fibrillation by beat and by episode (CLINICAL 1.4), from findings `af`.

*Live* is the state that stood when the beat was told, at most 1 s after it; *claimed* is where
findings say afterwards that it was, at most 64 beats before they were told. Flutter is not AF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.beats import paired, window
from loadtest.evaluate.figures import Confusion, Row, confusion, percent, quantile, rate, shares
from loadtest.evaluate.reference import Reference
from loadtest.evaluate.said import Episode, Said, claimed, live
from loadtest.evaluate.spans import Samples, Spans, common, joined, lasting, meets, size, within

CODE = "af"
LIVE_S = 1.0  # a live state is that of at most so long after the beat: CLINICAL 1.4
MOST_BACK = 64  # beats: CLINICAL 1.4
FALSE_RUN_S = 30.0  # shortest false run: CLINICAL 1.4
DELAY_EPISODE_S = 60.0  # shortest episode of which the delay counts: CLINICAL 1.4


@dataclass(frozen=True)
class AfScore:
    """Counts of one record, or of several.

    Attributes
    ----------
    live, claimed
        Beats by truth and by state.
    undetected
        Reference beats that were not told.
    delays_s
        From the onset of an episode of 60 s or more to its finding.
    early, missed, running
        Such episodes that were on already, never found; episodes on from the first beat.
    false_runs
        Spans claimed for 30 s or more that touch neither fibrillation nor flutter.
    hours
        Of neither fibrillation nor flutter, of claimed, of true, of both.
    """

    live: Confusion
    claimed: Confusion
    undetected: int
    delays_s: NDArray[np.float64]
    early: int
    missed: int
    running: int
    false_runs: int
    hours: NDArray[np.float64]
    false_spans: Spans


def score(reference: Reference, said: Said) -> AfScore:
    """Score the AF findings of one record; without marks of rhythm nothing is AF."""
    at, fs_hz, end = reference.rhythm_beats, reference.fs_hz, reference.n_samples
    fibrillation, flutter = reference.rhythm(["AFIB"]), reference.rhythm(["AFL"])
    either = joined([*fibrillation.tolist(), *flutter.tolist()])
    told, undetected = _told(at, said, window(fs_hz))
    judged = np.minimum(told, at + int(LIVE_S * fs_hz))
    episodes = [_limited(one, at) for one in said.episodes([CODE], end)]
    true = within(fibrillation, at[1:])  # no interval ends in the first beat
    begun = fibrillation[fibrillation[:, 0] > at[0]]
    delays, early, missed = onset_delays(lasting(begun, DELAY_EPISODE_S * fs_hz), episodes)
    outside = claimed(e for e in episodes if not meets(either, e.start, e.stop))
    false = lasting(outside, FALSE_RUN_S * fs_hz)
    ours = claimed(episodes)
    hours = [end - size(either), size(ours), size(fibrillation), common(ours, fibrillation)]
    return AfScore(
        confusion(true, within(live(episodes), judged[1:])),
        confusion(true, within(ours, at[1:])),
        undetected,
        delays / fs_hz,
        early,
        missed,
        len(fibrillation) - len(begun),
        len(false),
        np.array(hours) / (3600.0 * fs_hz),
        false,
    )


def _told(at: Samples, said: Said, most: int) -> tuple[Samples, int]:
    """Give when each reference beat was first told: one that never was, at its own position."""
    i, j = paired(at, said.beats.at, most)
    told = at.copy()
    told[i] = said.first_told[j]
    return told, len(at) - len(i)


def _limited(episode: Episode, at: Samples) -> Episode:
    """Let no claim reach further back than 64 beats before it was told."""

    def earliest(told: float) -> float:
        k = int(np.searchsorted(at, told)) - MOST_BACK
        return min(float(at[k]) if k >= 0 else 0.0, told)

    start = max(episode.start, earliest(episode.line.told))
    stop = max(episode.stop, earliest(episode.off))
    return Episode(start, stop, episode.on, episode.off, episode.line)


def onset_delays(true: Spans, episodes: Sequence[Episode]) -> tuple[NDArray[np.float64], int, int]:
    """Give the delays of those told after their onset, and how many were early and missed.

    An episode is found by the first told of all that share a sample with it.
    """
    delays, early, missed = [], 0, 0
    for start, stop in true.tolist():
        on = min((e.on for e in episodes if e.start < stop and e.stop > start), default=None)
        if on is None:
            missed += 1
        elif on <= start:
            early += 1
        else:
            delays.append(on - start)
    return np.array(delays, np.float64), early, missed


def summed(scores: Sequence[AfScore]) -> AfScore:
    """Pool the scores of records."""
    return AfScore(
        np.sum([one.live for one in scores], axis=0),
        np.sum([one.claimed for one in scores], axis=0),
        sum(one.undetected for one in scores),
        np.concatenate([one.delays_s for one in scores]),
        sum(one.early for one in scores),
        sum(one.missed for one in scores),
        sum(one.running for one in scores),
        sum(one.false_runs for one in scores),
        np.sum([one.hours for one in scores], axis=0),
        np.concatenate([one.false_spans for one in scores]),
    )


def beat_figures(score: AfScore) -> Row:
    """Give the figures by beat, live and as claimed."""
    return {
        f"{name}_{figure}": value
        for name, table in (("live", score.live), ("claimed", score.claimed))
        for figure, value in shares(table).items()
    }


def episode_figures(score: AfScore) -> Row:
    """Give delays, false runs and the share of time."""
    neither, ours, true, both = score.hours.tolist()
    return {
        "episodes": len(score.delays_s) + score.early + score.missed,
        "running": score.running,
        "early": score.early,
        "missed": score.missed,
        "delay_median_s": quantile(score.delays_s, 0.5),
        "delay_p90_s": quantile(score.delays_s, 0.9),
        "false_runs": score.false_runs,
        "non_af_h": neither,
        "false_runs_per_24_h": rate(24.0 * score.false_runs, neither),
        "time_se": percent(both, true),
        "time_ppv": percent(both, ours),
        "undetected_beats": score.undetected,
    }
