"""Life-threatening rhythms by the second and by the episode (CLINICAL 1.3, vfdb).

A whole second is judged at its midpoint. What is annotated as NOISE is left out of all rates and
counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.af import onset_delays
from loadtest.evaluate.figures import Confusion, Row, confusion, percent, quantile, rate, shares
from loadtest.evaluate.reference import Reference
from loadtest.evaluate.said import Episode, Said, claimed, live
from loadtest.evaluate.spans import Spans, lasting, meets, within

DELAY_EPISODE_S = 4.0  # shortest episode of which the delay counts: CLINICAL 6


@dataclass(frozen=True, slots=True)
class Target:
    """A condition: its annotations and the codes that say it."""

    title: str
    rhythms: tuple[str, ...]
    codes: tuple[str, ...]


_VF = ("VF", "VFIB", "VFL")
TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "vf": Target("VF or flutter", _VF, ("vf",)),
        "vt": Target("VT", ("VT",), ("vt",)),
        "vf_or_vt": Target("VF or VT", (*_VF, "VT"), ("vf", "vt")),
        "asystole": Target("asystole", ("ASYS",), ("asystole",)),
    }
)


@dataclass(frozen=True)
class RhythmScore:
    """Counts of one condition in one record, or in several.

    Attributes
    ----------
    claimed, live
        Seconds by truth and by what was said.
    delays_s, early, missed
        Of annotated episodes of 4 s or more.
    false
        Findings that touch neither the condition nor noise.
    noise_s, noise_claimed_s, noise_episodes
        Seconds of noise, those of them claimed, findings that touch noise and not the condition.
    """

    claimed: Confusion
    live: Confusion
    delays_s: NDArray[np.float64]
    early: int
    missed: int
    false: int
    noise_s: int
    noise_claimed_s: int
    noise_episodes: int
    false_episodes: tuple[Episode, ...] = ()


def score(reference: Reference, said: Said, target: Target) -> RhythmScore:
    """Score one condition in one record."""
    fs_hz, end = reference.fs_hz, reference.n_samples
    true, noise = reference.rhythm(target.rhythms), reference.rhythm(["NOISE"])
    # By code, for where codes overlap the order of telling is of no matter.
    episodes = [e for code in target.codes for e in said.episodes([code], end)]
    middle = (np.arange(int(end / fs_hz)) + 0.5) * fs_hz
    noisy, present = within(noise, middle), within(true, middle)
    ours = within(claimed(episodes), middle)
    delays, early, missed = onset_delays(lasting(true, DELAY_EPISODE_S * fs_hz), episodes)
    beside = [e for e in episodes if not meets(true, e.start, e.stop)]
    false = [e for e in beside if not meets(noise, e.start, e.stop)]
    return RhythmScore(
        confusion(present[~noisy], ours[~noisy]),
        confusion(present[~noisy], within(live(episodes), middle)[~noisy]),
        delays / fs_hz,
        early,
        missed,
        len(false),
        int(noisy.sum()),
        int((noisy & ours).sum()),
        len(beside) - len(false),
        tuple(false),
    )


def summed(scores: Sequence[RhythmScore]) -> RhythmScore:
    """Pool the scores of records."""
    return RhythmScore(
        np.sum([one.claimed for one in scores], axis=0),
        np.sum([one.live for one in scores], axis=0),
        np.concatenate([one.delays_s for one in scores]),
        sum(one.early for one in scores),
        sum(one.missed for one in scores),
        sum(one.false for one in scores),
        sum(one.noise_s for one in scores),
        sum(one.noise_claimed_s for one in scores),
        sum(one.noise_episodes for one in scores),
    )


def figures(score: RhythmScore) -> Row:
    """Give rates by second, delays by episode, false findings per hour, and noise."""
    of_claimed, of_live = shares(score.claimed), shares(score.live)
    found = len(score.delays_s) + score.early
    absent_s = of_claimed["tn"] + of_claimed["fp"]
    return {
        "present_s": of_claimed["tp"] + of_claimed["fn"],
        "absent_s": absent_s,
        **{name: of_claimed[name] for name in ("tp", "fn", "fp", "tn", "se", "sp", "ppv")},
        "live_se": of_live["se"],
        "live_sp": of_live["sp"],
        "episodes": found + score.missed,
        "found": found,
        "episode_se": percent(found, found + score.missed),
        "early": score.early,
        "missed": score.missed,
        "delay_median_s": quantile(score.delays_s, 0.5),
        "delay_max_s": quantile(score.delays_s, 1.0),
        "false": score.false,
        "false_per_h": rate(3600.0 * score.false, absent_s),
        "noise_s": score.noise_s,
        "noise_claimed_s": score.noise_claimed_s,
        "noise_episodes": score.noise_episodes,
    }


def spans_of(reference: Reference, target: Target) -> Spans:
    """Give where the condition is annotated."""
    return reference.rhythm(target.rhythms)
