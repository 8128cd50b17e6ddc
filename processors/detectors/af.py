"""Atrial fibrillation from RR intervals of the ECG or of a strap, or from pulses of a PPG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.cadence import most_rows
from processors.emit import event_blocks, finding_rows
from processors.kernels.af import AF_STATE, STEP_NS, TENTHS, WIDTH, Limits, watch_fibrillation
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    FeatureBlock,
    FeatureSpec,
    FindingSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

FINDINGS = (
    FindingSpec(
        "af",
        (
            Column("rate", "/min"),
            Column("confidence"),
            Column("burden_percent", "%"),
            Column("usable_percent", "%"),
        ),
    ),
)
COLUMNS = (
    Column("state"),
    Column("confidence"),
    Column("burden_percent", "%"),
    Column("usable_percent", "%"),
    Column("source"),
)


@dataclass(frozen=True, slots=True)
class Params:
    """How irregular a rhythm must be.

    The score is SE of 127 words + ``weight_short`` * SE of 31 words + ``weight_fast`` * min(O, 1).

    Attributes
    ----------
    alpha, close_s, bigeminy
        Of Petrenas's O: weight of the newest beat in its averages, difference from which two
        medians are far apart, and below which B goes in place of I.
    changing
        Medians of three intervals that differ by more than this share of the mean speak for AF,
        by less against it, when the beat is looked for at which the rhythm changed.
    weight_short, weight_fast
        Weights of the score.
    enter, again, again_s, leave
        AF begins at this score, or at the second where it ended less than so long ago; it ends
        below the last.
    usable
        Less than this share of the newest 128 intervals usable: the rhythm is unknown.
    hold_s
        AF ends, at its last judged beat, when the rhythm has been unknown for so long; and after a
        silence of so long everything is learnt anew.
    certain, steepness
        Confidence is 1/2 at this score, and rises with this slope of the log odds.
    idle_s
        So long after the newest interval rows of state rest.
    fresh_s
        Pulses are not heard while the newest RR interval is at most this old.
    least_quality
        The interval between two pulses is usable when both are of this quality.
    short, answered, alternating
        AF does not begin while of the intervals below this share of the mean more than the second
        share are followed by one above the mean, and the correlation of an interval with the next
        is below the third.
    irregular, same_s, repeating, correlated
        Nor while intervals that differ from the one before by more than this share of the mean
        have gone on as one of the newest 64 did, to within ``same_s``, ``repeating`` times as often
        as chance would have it, and the correlation of an interval with the next is above the last.
    shortened, least_couplings, coupled
        Nor while at least so many of the newest 64 intervals are below this share of the one
        before, and pairs of these lie within ``close_s`` so many times as often as pairs of all.
    scatter
        Nor while the standard deviation of intervals is above this share of their mean.
    """

    alpha: float = 0.05  # 1, CLINICAL 3.6: default (published 0.02, Petrenas 2015)
    close_s: float = 0.03  # s, CLINICAL 3.6: published (MATLAB port of Petrenas 2015)
    bigeminy: float = 2e-4  # 1, CLINICAL 3.6: published (MATLAB port of Petrenas 2015)
    changing: float = 0.07  # 1, default: tuned on afdb (13 records)
    weight_short: float = 0.4  # 1, default: logistic regression on afdb, nsrdb and mitdb DS1
    weight_fast: float = 0.3  # 1, default: likewise
    enter: float = 1.36  # 1, default: tuned on afdb (13 records) and nsrdb
    again: float = 1.2  # 1, default: likewise
    again_s: float = 300.0  # s, CLINICAL 3.6: AF within the last 5 min
    leave: float = 1.15  # 1, default: likewise
    usable: float = 0.7  # 1, CLINICAL 3.6: default
    hold_s: float = 300.0  # s, default
    certain: float = 1.23  # 1, default: logistic regression
    steepness: float = 10.8  # 1, default: logistic regression
    idle_s: float = 60.0  # s, default: bounds the rows of one long silence
    fresh_s: float = 10.0  # s, CLINICAL 2: stale time of rr
    least_quality: float = 0.8  # 1, CLINICAL 3.10: the score of "good"
    short: float = 0.85  # 1, CLINICAL 3.3: premature by 15 %
    answered: float = 0.65  # 1, default: tuned on afdb (13 records); 0.6 does the same
    alternating: float = -0.1  # 1, default: likewise; -0.05 does the same
    irregular: float = 0.1  # 1, default: likewise; 0.16 does the same
    same_s: float = 0.02  # s, default: likewise; 0.015 does the same
    repeating: float = 1.35  # 1, default: likewise; 1.2 to 1.4 do the same
    correlated: float = 0.1  # 1, default: likewise; 0.05 does the same
    shortened: float = 0.8  # 1, CLINICAL 3.4: a change of more than 20 %
    least_couplings: int = 8  # default; 6 and 10 do the same
    coupled: float = 3.0  # 1, default: tuned on afdb (13 records); 3.5 does nearly the same
    scatter: float = 0.5  # 1, default: AF has at most 0.38 in afdb, noise 0.85

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            alpha=self.alpha,
            close_s=self.close_s,
            bigeminy=self.bigeminy,
            changing=self.changing,
            weight_short=self.weight_short,
            weight_fast=self.weight_fast,
            enter=self.enter,
            again=self.again,
            leave=self.leave,
            again_ns=round(self.again_s * NS_PER_S),
            usable=self.usable,
            certain=self.certain,
            steepness=self.steepness,
            hold_ns=round(self.hold_s * NS_PER_S),
            idle_ns=round(self.idle_s * NS_PER_S),
            fresh_ns=round(self.fresh_s * NS_PER_S),
            least_quality=self.least_quality,
            short=self.short,
            answered=self.answered,
            alternating=self.alternating,
            irregular=self.irregular,
            same=round(self.same_s / TENTHS),
            repeating=self.repeating,
            correlated=self.correlated,
            shortened=self.shortened,
            least_couplings=self.least_couplings,
            coupled=self.coupled,
            scatter=self.scatter,
        )


@register
class Af(KeepsState):
    """Report atrial fibrillation, and its state and burden once a minute.

    Entropy of words of three rates (Zhou 2015) over 127 and 31 words and the irregularity of
    medians (Petrenas 2015) make one score with hysteresis. Onset and end are claimed back to the
    beat of the newest 64 at which a change is likeliest by the spread of the medians of three
    intervals. AF has no memory, so it does not begin where something has: where a long interval
    answers a short one, where irregular intervals go on as before in runs, or where early beats
    come at one coupling. Nor among beats that are noise. Intervals beside a ventricular beat are
    left out, and words join those around them. Pulses of a PPG are the last resort: their intervals
    count while there are neither beats of an ECG nor intervals of a strap, and ``source`` is 1
    then, else 0. ``state`` is 1 in AF, 0 else, NaN unknown; the burden is the share of AF in the
    judged time of a day, in steps of 2 h.

    Differs from CLINICAL 3.6: slow and fast are weighed into one score, where "slow 0.70/0.58 and
    fast" finds onsets 25 s later; the end does not wait for the fast measure; extra and missed
    beats are not corrected; AF of atrial flutter with a fixed block has regular intervals and is
    not found; the first 129 usable intervals are unknown.
    """

    name = "af"
    consumes: tuple[str, ...] = ("rr_intervals", "pulses")
    produces: tuple[ProducedSpec, ...] = (*FINDINGS, FeatureSpec("af_state", COLUMNS))

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(AF_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends, and a row of state for each whole minute that has passed."""
        if not batch.n_rows:
            return NOTHING
        state = self._state.cover(batch.slots)
        room = most_rows(batch, state, STEP_NS, self._limits.idle_ns)
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        values = np.empty((room, WIDTH))
        rows = finding_rows(2 * batch.n_samples + batch.n_rows)
        n, n_rows = watch_fibrillation(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, state, rows, slots, t_ns, values,
        )  # fmt: skip
        if not n and not n_rows:
            return NOTHING
        features = (FeatureBlock("af_state", slots[:n_rows], t_ns[:n_rows], values[:n_rows]),)
        return Outputs(events=event_blocks(FINDINGS, rows[:n]), features=features if n_rows else ())
