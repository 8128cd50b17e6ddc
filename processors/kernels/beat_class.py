"""Beat classification by templates, shape and timing: explainable rules only (CLINICAL 3.3).

Each beat joins the template it fits (at most eight, the rarest makes room), is compared with the
dominant one (the most frequent of the last 180 beats), and is named by the first of `RULES` that
holds. With the next interval it may be named once more. What the rules ask is stated at `RULES`,
their numbers in `Rules`.

Differs from CLINICAL 3.3: the width is that of the middle 80 % of the slope's energy, because the
5 % tails hold T waves and noise; AF mode looks at the last 48 intervals instead of 180, so that it
comes within a minute; what lies between a V template and the dominant one is F where a sum of both
explains it (`processors.kernels.fusion`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.filters import median_of_few
from processors.kernels.fusion import Fusion, fit_sum
from processors.kernels.prematurity import (
    CALM_FIELDS,
    N_CALM,
    Prematurity,
    has_pause,
    is_premature,
    keeps_pace,
    learn_calm,
    pace_ms,
)

N_TEMPLATES = 8
WINDOW = 100  # samples of a beat at 100 Hz, R at index 40
LOW, HIGH = 26, 66  # the part that is compared: R - 140 ms to R + 250 ms
PART = HIGH - LOW
SHIFT = 6  # samples by which a beat may be moved to fit
WIDTH_LOW, WIDTH_HIGH = 27, 57  # the part whose width is measured
QRS_LOW, QRS_HIGH = 32, 52  # the part that tells the focus: R - 80 ms to R + 120 ms
LONG_LOW, LONG_HIGH = 26, 60  # the part that tells it of beats whose R was put elsewhere ...
LONG_SHIFT = 12  # ... by up to 120 ms: a wide QRS has several turns
START_LOW, START_HIGH = 33, 43  # the part that must be alike in an aberrant beat
MOST_FORMS = 100  # numbers of forms until they begin anew
HISTORY = 180  # beats among which the dominant template has the most
N_RR = N_CALM  # intervals of the model
N_FIT = 48  # intervals of which the share that fits the model is kept
LEAST_FITS = 16  # intervals from which that share is known
UNSEEN_BEATS = 16  # beats that the share of forms never seen before is over
N_BINS = 12  # five-second bins of the minute of V beats
BIN_NS = 5_000_000_000
MINUTE_NS = N_BINS * BIN_NS
N_PIECES = 12  # of the hour, five minutes each, with the one that is running
PIECE_NS = 300_000_000_000

N, S, V, F, Q = 1, 2, 3, 4, 5

# Names of the rules by their index in the column ``rule``.
RULES = (
    "first_beats",  # N: too few beats to compare with
    "dominant",  # N: of the dominant form
    "early",  # S: N by its form, but early
    "noise",  # Q: unlike any form, and the trace between beats is noisy
    "regular_form",  # N: a form of its own that is never early and as narrow as the dominant one
    "near_dominant",  # N: nearly the dominant form
    "dominant_qrs",  # N: the QRS of the dominant form; only what lies around it differs
    "aberrant",  # N: begins like the dominant form, after a short interval or in AF
    "sustained",  # N: long runs of a narrow form at a normal rate
    "odd_template",  # V: of a form whose beats are V
    "early_odd",  # V: early and of another form
    "on_time",  # N: another form, but on time and narrow, or rare
    "wide_odd",  # V: far from the dominant form and wider; in AF also if turned, unless narrower
    "never_twice",  # Q: would be V, but of late hardly any form came twice: noise
    "unmatched",  # N: none of these
    "extra",  # Q, revised: a small wave between two beats on time
    "no_pause",  # N, revised: on time, or narrow and hardly early, and not followed by a pause
    "doubtful",  # Q: of no settled form, by signal, forms and size more likely noise; see `doubt`
    "same_pace",  # N, revised: early, but so are the beats after it: the rate has changed
    "early_pause",  # S, revised: N by its form, hardly early, and followed by a pause
    "fusion",  # F: on time, and a sum of the dominant form and of a ventricular one
    "same_start",  # N: begins as the dominant form; what differs comes after the QRS
    "early_in_af",  # V: in AF, early and of a form of another kind; see `is_odd_in_af`
    "turned",  # V: wider and turned round from its beginning on, however early
    "late_pause",  # V, revised: on time and of another form, and followed by a pause
    "compensated",  # V, revised: S of a form of its own, whose pause makes up for it
)
(FIRST_BEATS, DOMINANT, EARLY, NOISE, REGULAR_FORM, NEAR_DOMINANT, DOMINANT_QRS,
 ABERRANT, SUSTAINED, ODD_TEMPLATE, EARLY_ODD, ON_TIME, WIDE_ODD, NEVER_TWICE, UNMATCHED,
 EXTRA, NO_PAUSE, DOUBTFUL, SAME_PACE, EARLY_PAUSE, FUSION, SAME_START,
 EARLY_IN_AF, TURNED, LATE_PAUSE, COMPENSATED) = range(26)  # fmt: skip

WINDOWS, QUALITY = 0, 1  # sources
FRESH_NS = 2_000_000_000  # default: older quality says nothing of a beat

BEAT_STATE = np.dtype(
    [
        ("mean", np.float32, (N_TEMPLATES, PART)),  # running means of aligned beats, mV
        ("width", np.float32, (N_TEMPLATES,)),  # ms
        ("pace_ms", np.float32, (N_TEMPLATES,)),  # running mean of the intervals before its beats
        ("early", np.float32, (N_TEMPLATES,)),  # running share of early beats
        ("odd", np.float32, (N_TEMPLATES,)),  # running share of beats called V
        ("count", np.int32, (N_TEMPLATES,)),
        ("used", np.int32, (N_TEMPLATES,)),  # number of the beat that fitted last
        ("recent", np.int32, (N_TEMPLATES,)),  # beats among the last HISTORY
        ("form", np.int8, (N_TEMPLATES,)),  # number that templates of one focus share
        ("history", np.int8, (HISTORY,)),
        ("rr_ms", np.float64, (N_RR,)),  # normal intervals, oldest first
        ("fits", np.int8, (N_FIT,)),
        *CALM_FIELDS,
        ("features", np.float64, (13,)),  # of the newest beat
        ("r_ns", np.int64),
        ("next_ns", np.int64),  # next whole 5 s to be published, with running
        ("last_input_ns", np.int64),
        ("flaw", np.float64),  # one less the score of the newest second, which ended at ...
        ("flaw_ns", np.int64),
        ("unseen", np.float64),  # running share of beats whose form was never seen before
        ("n_beats", np.int32),
        ("n_rr", np.int32),
        ("total_v", np.int32),
        # Of the last minute and hour: V beats, S beats, and of the hour all beats.
        ("bins", np.uint8, (2, N_BINS)),
        ("pieces", np.uint16, (3, N_PIECES)),
        ("piece", np.int64),  # number of the one that is running
        ("bin", np.int32),
        ("beat_bin", np.int32),  # where the newest beat was counted ...
        ("beat_piece", np.int64),
        ("n_fits", np.int32),
        ("dominant", np.int32),
        ("alike", np.int32),  # beats of one template in a row
        ("template", np.int32),
        ("label", np.int8),
        ("label_before", np.int8),
        ("rule", np.int8),
        ("has_beat", np.int8),
        ("running", np.int8),
        ("n_forms", np.int8),
    ],
    align=True,
)


class Rows(NamedTuple):
    """Room for the rows of one output: slots int32, t_ns int64 [n], values float64 [n, c]."""

    slots: NDArray[np.int32]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


class Rules(NamedTuple):
    """The numbers of the rules. All were found on DS1 of mitdb unless a source is named."""

    fit_correlation: float = 0.90  # 1, a beat fits a form from this correlation on
    fit_distance: float = 0.30  # 1, and up to this distance
    same_qrs: float = 0.90  # 1, from this correlation of the QRS on two templates are one form
    same_beat: float = 0.95  # 1, or of the longer part; 0.93 to 0.97 do as well
    near_correlation: float = 0.85  # 1, nearly the dominant form
    near_distance: float = 0.60  # 1, in deflections of the dominant form
    dominant_qrs: float = 0.97  # 1, the dominant QRS from here; 0.95 loses 12 V beats, 0.97 none
    dominant_qrs_early: float = 0.92  # 1, the same of a very early beat; 0.90 loses 4 V beats
    very_early: float = 0.75  # 1, RR over the expected, below
    as_wide_ms: float = 10.0  # ms, hardly wider than the dominant form
    odd_correlation: float = 0.75  # 1, below: turned round or split
    odd_distance: float = 0.90  # 1, far from the dominant form
    early: float = 0.85  # 1, RR over the expected; CLINICAL 3.3: S is premature by 15 %
    early_v: float = 0.90  # 1, as early as this may be V
    slightly_early: float = 0.83  # 1, from here to early_v the form must differ more
    slightly_early_distance: float = 0.70  # 1, the distance it must have then
    early_distance: float = 0.5  # 1, distance of an early beat of another form
    late: float = 1.15  # 1, an interval on time is shorter than this
    on_time_late: float = 1.6  # 1, a beat after a pause is on time up to this
    wide_ms: float = 20.0  # ms, wider than the dominant form
    very_wide_ms: float = 30.0  # ms, much wider
    regular: float = 0.125  # 1, an interval fits the model; CLINICAL 3.3: 12.5 %
    irregular_share: float = 0.333  # 1, AF mode from this share that does not fit; CLINICAL 3.3
    unseen_share: float = 0.8  # 1, from 0.6 on DS1 loses V beats; VT in vfdb is as with 0.8
    noise_share: float = 0.22  # 1, noise between beats over the size of the beat
    doubt: float = 0.8  # 1, a beat is Q from here, unless it is of the dominant form ...
    doubt_v: float = 1.3  # 1, ... and one that would be V from here; 1.1 loses 7 V beats more
    plain_ratio: float = 2.5  # 1, a beat up to so many times the dominant form is not large ...
    larger_ratio: float = 2.0  # 1, ... and one by so much more is as large as noise
    odd_share: float = 0.3  # 1, share of V that makes a form odd
    mostly_odd: float = 0.5  # 1, and one whose early beats are not aberrant
    dominant_share: float = 0.3  # 1, a narrower form may be dominant from this share of the top
    settled: int = 40  # beats of a form that is replaced only by an equal, and is never doubted
    overwhelming: float = 0.6  # 1, share of the last 180 that makes even an odd form dominant
    af_correlation: float = 0.57  # 1, aberrant in AF above
    af_ratio: float = 1.6  # 1, and below this size against the dominant form
    af_start: float = 1.1  # 1, aberrant in AF if it begins as near as this and is not wide
    pause: float = 1.1  # 1, a pause after an early beat is at least this much of the expected
    no_pause_beats: int = 4  # beats of a form from which a wide beat without a pause stays V
    af_rare_ratio: float = 0.6  # 1, size up to which a form seen once or twice is aberrant in AF
    same_start: float = 0.25  # 1, begins as the dominant form; 0.2 to 0.3 do as well
    af_early: float = 0.7  # 1, in AF a beat of another kind is V up to here ...
    af_unlike: float = 0.45  # 1, ... and up to this correlation; 0.4 to 0.5 are as good
    af_larger: float = 2.0  # 1, ... or from this size against the dominant form; 1.7 to 2.5
    af_unlike_start: float = 0.85  # 1, ... and if it begins as far away as this; 0.8 to 0.9
    steady: float = 0.75  # 1, share of regular intervals in a rhythm that shows a pause; 0 to 0.8
    mostly_seen: float = 0.5  # 1, share of unseen forms below which a strange one is not noise
    turned_correlation: float = 0.2  # 1, turned round up to here ...
    turned_start: float = 1.7  # 1, ... and from here on; an equal beat upside down has 2
    compensated: float = 0.15  # 1, both intervals are twice the expected one within this
    on_time_wide_ms: float = 40.0  # ms, on time and this narrow is N
    on_time_start: float = 1.0  # 1, and begins this near
    on_time_ratio: float = 3.0  # 1, size up to which a beat without a pause is N
    rare_ratio: float = 1.6  # 1, size up to which a form seen once or twice is N when on time
    extra_ratio: float = 0.8  # 1, size below which a wave between two beats on time is extra
    sustained: int = 12  # beats of one form in a row
    sustained_rr_ms: float = 600.0  # ms, below 100/min
    sustained_early: float = 0.75  # 1, and not earlier
    aberrant_early: float = 0.65  # 1, short after long; CLINICAL 3.3
    aberrant_start: float = 0.6  # 1, same beginning; CLINICAL 3.3
    form_beats: int = 4  # beats that make a form known
    form_early: float = 0.15  # 1, share of early beats
    form_correlation: float = -0.2  # 1, with the dominant form
    form_wide_ms: float = 25.0  # ms, wider than the dominant form; CLINICAL 3.3: 20
    form_ratio: float = 1.5  # 1, size against the dominant form
    premature: Prematurity = Prematurity()
    fusion: Fusion = Fusion()


DEFAULTS = Rules()


@inner
def fit(wave: NDArray[np.float64], mean: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    """Move a beat over a template; give correlation, distance and shift of the best fit.

    The template holds the part from `LOW` to `HIGH` only.

    The distance is the summed difference over the larger of the two summed deflections, so it
    sees amplitude, and lies between 0 (equal) and 2.
    """
    n = PART
    mean_b = 0.0
    for i in range(n):
        mean_b += mean[i]
    mean_b /= n
    power_b = 0.0
    for i in range(n):
        power_b += (mean[i] - mean_b) ** 2
    best = -2.0
    best_shift = 0
    total = 0.0
    power = 0.0
    for i in range(LOW - SHIFT, HIGH - SHIFT):
        total += wave[i]
        power += wave[i] * wave[i]
    for shift in range(-SHIFT, SHIFT + 1):
        # Four sums at a time: one alone waits for each addition before the next.
        c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
        at = LOW + shift
        for i in range(0, PART - 3, 4):
            c0 += wave[at + i] * mean[i]
            c1 += wave[at + i + 1] * mean[i + 1]
            c2 += wave[at + i + 2] * mean[i + 2]
            c3 += wave[at + i + 3] * mean[i + 3]
        cross = (c0 + c1) + (c2 + c3) - total * mean_b
        variance = power - total * total / n
        c = cross / np.sqrt(variance * power_b + 1.0e-12)
        if c > best:
            best = c
            best_shift = shift
        leaves, enters = wave[LOW + shift], wave[min(HIGH + shift, WINDOW - 1)]
        total += enters - leaves
        power += enters * enters - leaves * leaves
    mean_a = 0.0
    for i in range(n):
        mean_a += wave[LOW + best_shift + i]
    mean_a /= n
    difference = 0.0
    size_a = 0.0
    size_b = 0.0
    for i in range(n):
        a = wave[LOW + best_shift + i] - mean_a
        b = mean[i] - mean_b
        difference += abs(a - b)
        size_a += abs(a)
        size_b += abs(b)
    out[0] = best
    out[1] = difference / (max(size_a, size_b) + 1.0e-9)
    out[2] = best_shift
    out[3] = size_a / (size_b + 1.0e-9)
    out[4] = difference / (size_b + 1.0e-9)


@inner
def best_correlation(
    wave: NDArray[np.float64], mean: NDArray[np.float32], low: int, high: int, most: int
) -> float:
    """Give the best correlation of a part of a beat, moved by up to ``most``, with a template's."""
    n = high - low
    best = -1.0
    for shift in range(-most, most + 1):
        a = b = aa = bb = ab = 0.0
        for i in range(low, high):
            x, y = wave[i + shift], np.float64(mean[i - LOW])
            a += x
            b += y
            aa += x * x
            bb += y * y
            ab += x * y
        spread = (aa - a * a / n) * (bb - b * b / n)
        best = max(best, (ab - a * b / n) / np.sqrt(spread + 1.0e-12))
    return float(best)


@inner
def qrs_correlation(wave: NDArray[np.float64], mean: NDArray[np.float32]) -> float:
    """Give the best correlation of a beat's QRS with a template's: no T wave, no neighbours."""
    return float(best_correlation(wave, mean, QRS_LOW, QRS_HIGH, SHIFT))


@inner
def name_form(state: Any, place: int, wave: NDArray[np.float64], p: Rules) -> None:
    """Give a new template the form of the one whose QRS is most like its beat, or a new one.

    Beats of one focus differ in what lies around their QRS: the next beat of a run, a P wave. Or R
    was put on another turn of theirs, so that they are alike when moved further.
    """
    alike, as_long = p.same_qrs, p.same_beat
    form = moved = -1
    for k in range(N_TEMPLATES):
        if k != place and state.count[k] > 0:
            c = qrs_correlation(wave, state.mean[k])
            if c >= alike:
                alike = c
                form = state.form[k]
            c = best_correlation(wave, state.mean[k], LONG_LOW, LONG_HIGH, LONG_SHIFT)
            if c >= as_long:
                as_long = c
                moved = state.form[k]
    form = moved if form < 0 else form
    if form < 0:
        form = state.n_forms
        state.n_forms = (form + 1) % MOST_FORMS
    state.form[place] = form


@inner
def start_distance(wave: NDArray[np.float64], mean: NDArray[np.float32]) -> float:
    """Tell how far the beginning of a beat, R - 70 to R + 20 ms, is from a template's; 0 is equal.

    The level before the beat is taken off, and the beat may be moved by 20 ms.
    """
    best = np.inf
    for shift in range(-2, 3):
        base_a = 0.0
        base_b = 0.0
        for i in range(START_LOW - 3, START_LOW):
            base_a += wave[i + shift] / 3.0
            base_b += mean[i - LOW] / 3.0
        difference = 0.0
        size = 0.0
        for i in range(START_LOW, START_HIGH):
            difference += abs((wave[i + shift] - base_a) - (mean[i - LOW] - base_b))
            size += abs(mean[i - LOW] - base_b)
        best = min(best, difference / (size + 1.0e-9))
    return float(best)


@inner
def qrs_width_ms(wave: NDArray[np.float64], shift: int) -> float:
    """Give the time in which the middle 80 % of the slope's energy lies, in ms."""
    total = 0.0
    for i in range(WIDTH_LOW, WIDTH_HIGH):
        total += (wave[i + 1 + shift] - wave[i + shift]) ** 2
    if total <= 0.0:
        return 0.0
    below = 0.0
    start = 0.0
    for i in range(WIDTH_LOW, WIDTH_HIGH):
        step = (wave[i + 1 + shift] - wave[i + shift]) ** 2
        if below < 0.1 * total <= below + step:
            start = i + (0.1 * total - below) / step
        if below < 0.9 * total <= below + step:
            return float(10.0 * (i + (0.9 * total - below) / step - start))
        below += step
    return 0.0


@inner
def find_dominant(state: Any, p: Rules) -> int:
    """Give the template with the most recent beats, or a narrower one that is not much rarer."""
    top = -1
    now = state.dominant
    for k in range(N_TEMPLATES):
        # A form of V takes over when it has lasted, but never as fast and wide as tachycardia.
        calm = state.pace_ms[k] > p.sustained_rr_ms
        calm = calm or state.width[k] < state.width[now] + p.form_wide_ms
        lasting = calm and state.recent[k] >= p.overwhelming * HISTORY
        fair = lasting or state.odd[k] <= p.odd_share
        if fair and state.count[k] > 0 and (top < 0 or state.recent[k] > state.recent[top]):
            top = k
    if top < 0:
        return int(now)
    settled = state.count[now] >= p.settled and state.recent[top] < p.settled
    if settled and state.odd[now] <= p.odd_share:
        return int(now)
    best = top
    for k in range(N_TEMPLATES):
        often = state.recent[k] >= p.dominant_share * state.recent[top]
        if (
            k != best
            and often
            and state.odd[k] <= p.odd_share
            and state.width[k] < state.width[best] - p.wide_ms
        ):
            best = k
    return best


@inner
def assign(state: Any, wave: NDArray[np.float64], p: Rules, out: NDArray[np.float64]) -> int:
    """Put a beat into the template it fits, or begin one in place of the longest unused."""
    best = -1
    best_distance = 10.0
    best_shift: Any = np.int64(0)
    for k in range(N_TEMPLATES):
        if state.count[k] == 0:
            continue
        fit(wave, state.mean[k], out)
        if out[0] >= p.fit_correlation and out[1] <= p.fit_distance and out[1] < best_distance:
            best = k
            best_distance = out[1]
            best_shift = int(out[2])
    if best < 0:
        for k in range(N_TEMPLATES):
            if state.count[k] == 0:
                best = k
                break
            if k == state.dominant:
                continue
            rarer = best < 0 or state.recent[k] < state.recent[best]
            if rarer or (
                state.recent[k] == state.recent[best] and state.used[k] < state.used[best]
            ):
                best = k
        for i in range(min(state.n_beats, HISTORY)):
            if state.history[i] == best:
                state.history[i] = -1
        state.recent[best] = 0
        state.count[best] = 0
        state.early[best] = 0.0
        state.pace_ms[best] = 0.0
        state.odd[best] = 0.0
        name_form(state, best, wave, p)
    count = state.count[best] + 1
    state.count[best] = count
    gain = 1.0 / min(count, 16)
    for i in range(PART):
        x = wave[LOW + best_shift + i]
        state.mean[best, i] += gain * (x - state.mean[best, i])
    width = qrs_width_ms(wave, best_shift)
    state.width[best] = (
        width if count == 1 else state.width[best] + gain * (width - state.width[best])
    )
    at = state.n_beats % HISTORY
    if state.n_beats >= HISTORY and state.history[at] >= 0:
        state.recent[state.history[at]] -= 1
    state.history[at] = best
    state.recent[best] += 1
    state.used[best] = state.n_beats
    return best


@inner
def doubt(state: Any, p: Rules) -> float:
    """Give how much speaks for noise in the newest beat, 0 to 4.

    What the second lacks in quality, and of late the share of beats whose form was never seen
    before, which counts up to three times as much if the beat is far larger than the dominant
    form. None of them looks at intervals, and beats of one focus are soon known.
    """
    larger = min(max((state.features[3] - p.plain_ratio) / p.larger_ratio, 0.0), 1.0)
    return float(state.flaw + state.unseen * (1.0 + 2.0 * larger))


@inner
def is_fusion(state: Any, wave: NDArray[np.float64], p: Fusion, work: NDArray[np.float64]) -> bool:
    """Tell whether the newest beat is a sum of the dominant form and of the commonest wide V."""
    f = state.features
    if f[0] > p.unlike or not p.earliest < f[4] < p.latest:
        return False
    best = -1
    for k in range(N_TEMPLATES):
        wide = state.width[k] >= state.width[state.dominant] + p.v_wide_ms
        ventricular = state.count[k] >= 4 and state.odd[k] > p.v_share and k != state.dominant
        if wide and ventricular and (best < 0 or state.recent[k] > state.recent[best]):
            best = k
    if best < 0:
        return False
    fit_sum(wave, LOW, state.mean[state.dominant], state.mean[best], work)
    return bool(work[0] < p.left and work[1] > p.least_dominant and p.least_v < work[2] < p.most_v)


@inner
def is_odd_in_af(state: Any, p: Rules) -> bool:
    """Tell whether the newest beat is early and of a kind that an aberrant beat in AF is not.

    That one begins as the dominant form does (Gouaux & Ashman 1947). Where hardly any form comes
    back it is more likely noise, and what is clearly narrower is no V beat.
    """
    f = state.features
    unlike = f[0] < p.af_unlike and f[2] > -p.wide_ms
    early = f[4] < p.af_early and f[7] > p.af_unlike_start
    return bool(early and state.unseen < p.mostly_seen and (unlike or f[3] > p.af_larger))


@inner
def is_turned(state: Any, p: Rules) -> bool:
    """Tell whether the newest beat is wider than a settled dominant form, and its reverse."""
    f = state.features
    reverse = f[0] < p.turned_correlation and f[7] > p.turned_start
    settled = state.count[state.dominant] >= p.settled
    return bool(reverse and settled and f[2] > p.as_wide_ms and f[3] < p.rare_ratio)


@inner
def judge(state: Any, wave: NDArray[np.float64], p: Rules, work: NDArray[np.float64]) -> None:
    """Name the newest beat from its features: the first rule that fits."""
    f = state.features
    c, d, wide, ratio, early, fits, noise = f[0], f[1], f[2], f[3], f[4], f[5], f[6]
    start = f[7]
    k = state.template
    af = fits < 1.0 - p.irregular_share
    is_early = early < p.early
    shape_early = f[8]
    profile_wide = state.width[k] - state.width[state.dominant]
    is_v_form = state.count[k] >= p.form_beats and state.odd[k] > p.odd_share
    mostly_v = is_v_form and state.odd[k] > p.mostly_odd
    turned_in_af = af and c < p.odd_correlation and wide > -p.wide_ms
    label = N
    rule = UNMATCHED
    if state.n_beats < 4:
        label, rule = N, FIRST_BEATS
    elif k == state.dominant or (c >= p.fit_correlation and d <= p.fit_distance):
        rule = DOMINANT
    elif noise > p.noise_share:
        label, rule = Q, NOISE
    elif (
        state.count[k] >= p.form_beats
        and shape_early < p.form_early
        and (state.odd[k] <= p.odd_share or fits < p.steady)
        and c > p.form_correlation
        and profile_wide < p.form_wide_ms
        and ratio < p.form_ratio
    ):
        rule = REGULAR_FORM
    elif c >= p.near_correlation and d <= p.near_distance and (wide < p.as_wide_ms or not is_early):
        rule = NEAR_DOMINANT
    elif start < p.same_start and not is_v_form:
        rule = SAME_START
    elif af and is_odd_in_af(state, p):
        label, rule = V, EARLY_IN_AF
    elif wide < p.as_wide_ms and f[10] >= (
        p.dominant_qrs_early if early < p.very_early else p.dominant_qrs
    ):
        # In fast rhythms T waves and neighbours lie in the window: the QRS tells who conducts it.
        rule = DOMINANT_QRS
    elif (
        (early < p.aberrant_early and start < p.aberrant_start and not mostly_v)
        or (af and c > p.af_correlation and ratio < p.af_ratio)
        or (af and start < p.af_start and wide < p.very_wide_ms)
        or (af and state.count[k] <= 2 and ratio < p.af_rare_ratio)
    ):
        rule = ABERRANT
    elif (
        state.alike >= p.sustained
        and profile_wide < p.form_wide_ms
        and f[9] > p.sustained_rr_ms
        and p.sustained_early < early < p.late
    ):
        rule = SUSTAINED
    elif is_v_form:
        label, rule = V, ODD_TEMPLATE
    elif not af and is_turned(state, p):
        label, rule = V, TURNED
    elif (
        not af
        and early < p.early_v
        and d > (p.early_distance if early < p.slightly_early else p.slightly_early_distance)
    ):
        label, rule = V, EARLY_ODD
    elif (
        not af
        and p.early_v < early < p.on_time_late
        and (
            (start < p.on_time_start and wide < p.on_time_wide_ms and ratio < p.form_ratio)
            or (state.count[k] <= 2 and ratio < p.rare_ratio)
        )
    ):
        rule = ON_TIME
    elif (d > p.odd_distance and (wide > p.wide_ms or turned_in_af)) or (
        wide > p.very_wide_ms and c < p.near_correlation
    ):
        label, rule = V, WIDE_ODD
    # A focus gives beats that are alike; in AF, where aberrant beats differ, this is not asked.
    if rule in (EARLY_ODD, WIDE_ODD, TURNED) and not af and state.unseen > p.unseen_share:
        label, rule = Q, NEVER_TWICE
    ours = rule in (FIRST_BEATS, DOMINANT, NEAR_DOMINANT, DOMINANT_QRS)
    # Noise does not come again forty times: what fits such a form is a beat, whatever is around it.
    known = state.count[k] >= p.settled
    doubted = not ours and not known and label != Q
    if doubted and doubt(state, p) > (p.doubt_v if label == V else p.doubt):
        label, rule = Q, DOUBTFUL
    if label != Q and not af and k != state.dominant and is_fusion(state, wave, p.fusion, work):
        label, rule = F, FUSION
    # The interval after a ventricular beat is its pause, and in AF every second one is short.
    judged = rule != FIRST_BEATS and state.label_before != V and not af
    if label == N and judged and is_premature(state, f[11], f[9], f[12], p.premature):
        label, rule = S, EARLY
    state.label = label
    state.rule = rule


@inner
def classify(
    state: Any, wave: NDArray[np.float64], rr_ms: float, noise_mv: float, p: Rules,
    work: NDArray[np.float64],
) -> None:  # fmt: skip
    """Take the next beat: update templates and the model of intervals, and name it."""
    before = state.template
    had = state.has_beat != 0
    k = assign(state, wave, p, work)
    state.alike = state.alike + 1 if had and k == before else 1
    state.template = k
    state.dominant = find_dominant(state, p)
    dominant = state.dominant
    expected = median_of_few(state.rr_ms, state.n_rr)
    f = state.features
    f[12] = f[9] if had else np.nan
    f[9] = rr_ms
    early = rr_ms / expected if rr_ms > 0.0 and expected > 0.0 else 1.0
    fit(wave, state.mean[dominant], work)
    f[0] = work[0]
    f[1] = work[4]
    f[3] = work[3]
    f[2] = qrs_width_ms(wave, int(work[2])) - state.width[dominant]
    f[4] = early
    n_fit = 0
    n = min(state.n_fits, N_FIT)
    for i in range(n):
        n_fit += state.fits[i]
    f[5] = n_fit / n if n >= LEAST_FITS else 1.0
    size = 0.0
    for i in range(WIDTH_LOW, WIDTH_HIGH):
        size = max(size, abs(wave[i]))
    f[6] = noise_mv / (size + 1.0e-9)
    f[7] = start_distance(wave, state.mean[dominant])
    f[8] = state.early[k]
    f[11] = rr_ms / pace_ms(state)
    f[10] = 1.0 if k == dominant else qrs_correlation(wave, state.mean[dominant])
    state.unseen += ((1.0 if state.count[k] == 1 else 0.0) - state.unseen) / UNSEEN_BEATS
    state.label_before = state.label
    judge(state, wave, p, work)
    gain = 1.0 / min(state.count[k], 16)
    state.early[k] += gain * ((1.0 if early < p.early else 0.0) - state.early[k])
    state.odd[k] += gain * ((1.0 if state.label == V else 0.0) - state.odd[k])
    if rr_ms > 0.0:
        before_ms = state.pace_ms[k] if state.pace_ms[k] > 0.0 else rr_ms
        state.pace_ms[k] = before_ms + gain * (rr_ms - before_ms)
    state.n_beats += 1


@inner
def learn_interval(state: Any, p: Rules) -> None:
    """Put the newest interval into the pace; into the model beside no V or Q."""
    f = state.features
    rr_ms = f[9]
    label = state.label
    alike = label == N and state.label_before not in (S, V, Q)
    learn_calm(state, rr_ms, alike and rr_ms > 0.0, f[5] < 1.0 - p.irregular_share, p.premature)
    state.in_run = label == S or (label == Q and state.in_run != 0)
    beside = state.label in (V, Q) or state.label_before in (V, Q)
    if not rr_ms > 0.0 or beside:
        return
    expected = median_of_few(state.rr_ms, state.n_rr)
    if state.n_rr > 0:
        last = state.rr_ms[state.n_rr - 1]
        near = (
            abs(rr_ms - expected) <= p.regular * expected or abs(rr_ms - last) <= p.regular * last
        )
        state.fits[state.n_fits % N_FIT] = 1 if near else 0
        state.n_fits += 1
    if state.n_rr == N_RR:
        for i in range(N_RR - 1):
            state.rr_ms[i] = state.rr_ms[i + 1]
        state.n_rr -= 1
    state.rr_ms[state.n_rr] = rr_ms
    state.n_rr += 1


@inner
def revise_early(state: Any, rr_next_ms: float, p: Prematurity) -> bool:
    """Look once more at whether the newest beat, which is not V, is early."""
    f = state.features
    alone = state.in_run == 0 and state.label_before != V
    if state.label == S and alone and keeps_pace(f[11], f[9], rr_next_ms, p):
        state.label, state.rule = N, SAME_PACE
    elif state.label == N and alone and has_pause(f[11], f[9], f[12], rr_next_ms, p):
        state.label, state.rule = S, EARLY_PAUSE
    else:
        return False
    return True


@inner
def revise_pause(state: Any, rr_next_ms: float, p: Rules) -> bool:
    """Look at whether the pause after the newest beat, which is not V, is that of a V beat.

    A beat on time has none, if it is the sinus node's; after a couplet the pause comes second. An
    early beat of the atria resets the sinus node, so that its pause does not make up for it.
    """
    f = state.features
    k = state.template
    own = f[0] < p.odd_correlation and f[2] > -p.as_wide_ms and f[7] > p.aberrant_start
    on_time = p.early < f[4] < p.on_time_late and state.rule in (ON_TIME, UNMATCHED, SUSTAINED)
    pause = f[4] * rr_next_ms / f[9]
    longer = pause > p.pause and rr_next_ms > p.premature.pause * f[9]
    steady = state.n_fits >= LEAST_FITS and f[5] >= p.steady
    steady = steady and state.count[state.dominant] >= p.settled
    apart = f[0] < p.fit_correlation and f[1] > p.early_distance and f[7] >= p.same_start
    made_up = f[4] < p.very_early and abs(f[4] + pause - 2.0) < p.compensated
    if state.label == N and on_time and own and longer and steady and state.unseen < p.mostly_seen:
        state.rule = LATE_PAUSE
    elif state.label == S and apart and made_up:
        state.rule = COMPENSATED
    else:
        return False
    state.label = V
    state.odd[k] += 1.0 / min(state.count[k], 16)
    return True


@inner
def revise(state: Any, rr_next_ms: float, p: Rules) -> bool:
    """Look at the newest beat again with the interval after it; tell whether its label changed."""
    f = state.features
    k = state.template
    together = f[4] * (1.0 + rr_next_ms / f[9])
    regular = f[5] >= 1.0 - p.irregular_share
    if (
        state.label == V
        and regular
        and f[4] < p.early
        and together <= p.late
        and f[3] < p.extra_ratio
    ):
        state.label = Q
        state.rule = EXTRA
        return True
    if not regular:
        return False
    if state.label != V:
        if revise_pause(state, rr_next_ms, p):
            return True
        return bool(revise_early(state, rr_next_ms, p.premature))
    on_time = p.early_v < f[4] < p.late and abs(rr_next_ms / f[9] - 1.0) <= p.regular
    known = state.count[k] >= p.no_pause_beats
    plain = (
        on_time
        and not (known and f[2] >= p.on_time_wide_ms)
        and f[8] <= p.form_early
        and f[3] <= p.on_time_ratio
        and not is_turned(state, p)
    )
    # An early ventricular beat is wide or leaves a pause.
    hardly_early = p.slightly_early < f[4] <= p.early_v and state.rule == EARLY_ODD
    narrow = f[2] < p.wide_ms and f[4] * rr_next_ms / f[9] < p.pause
    if not plain and not (hardly_early and narrow):
        return False
    state.label = N
    state.rule = NO_PAUSE
    if plain:  # what is only hardly early says nothing of its form
        state.odd[k] -= 1.0 / min(state.count[k], 16)
    return True


@inner
def count_beat(state: Any, change: int) -> None:
    """Count the newest beat by its label, or take it back, where it was counted first."""
    if state.label == V:
        state.total_v += change
    piece = state.beat_piece % N_PIECES
    state.pieces[2, piece] += change
    if state.label in (V, S):
        kind = 0 if state.label == V else 1
        state.bins[kind, state.beat_bin] += change
        state.pieces[kind, piece] += change


@inner
def turn_hour(state: Any, t: int) -> None:
    """Empty the pieces of the hour that have begun."""
    piece = t // PIECE_NS
    for back in range(min(piece - state.piece, N_PIECES)):
        state.pieces[:, (piece - back) % N_PIECES] = 0
    state.piece = max(piece, state.piece)


@inner
def write_counts(counts: Rows, n: int, slot: int, state: Any) -> None:
    """Write V and S beats of the last minute and hour as row ``n``."""
    counts.slots[n] = slot
    counts.t_ns[n] = state.next_ns
    row = counts.values[n]
    row[:] = 0.0
    beats = 0
    for k in range(N_BINS):
        row[0] += state.bins[0, k]
        row[4] += state.bins[1, k]
    for k in range(N_PIECES):
        row[2] += state.pieces[0, k]
        row[5] += state.pieces[1, k]
        beats += state.pieces[2, k]
    row[1] = state.total_v
    row[3] = 100.0 * row[2] / beats
    row[6] = 100.0 * row[5] / beats


@inner
def write_label(labels: Rows, n: int, slot: int, t: int, state: Any, revised: float) -> None:
    """Write the newest beat as row ``n``."""
    labels.slots[n] = slot
    labels.t_ns[n] = t
    row = labels.values[n]
    row[0] = t - state.r_ns
    row[1] = state.label
    row[2] = state.rule
    row[3] = revised
    row[4] = state.features[9]
    row[5] = state.form[state.template]


@entry
def classify_beats(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    p: Rules,
    work: NDArray[np.float64],
    records: NDArray[Any],
    labels: Rows,
    counts: Rows,
    filled: NDArray[np.int64],
) -> None:
    """Label every beat of ``beat_windows``; ``filled`` gets the number of rows of both outputs.

    Source 0 holds ``beat_windows``, 1 ``ecg_quality``.
    ``labels`` holds ``lag_ns, label, rule, revised, rr_ms, form``, at most two rows per record;
    ``counts`` holds the V beats of the last minute, in all, of the last hour and their share of
    its beats in percent, then the S beats of minute and hour and their share, at every whole 5 s
    for a minute after the newest record.
    """
    n: Any = np.int64(0)  # not the constant 0, which is a type of its own to compile
    n_counts = 0
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            limit = until_ns[r] if i == end else t_ns[i] - 1
            while state.running != 0 and state.next_ns <= limit:
                if state.next_ns - state.last_input_ns > MINUTE_NS:
                    state.running = 0
                    state.bins[:] = 0
                    break
                turn_hour(state, state.next_ns)
                write_counts(counts, n_counts, slot, state)
                n_counts += 1
                state.next_ns += BIN_NS
                state.bin = (state.bin + 1) % N_BINS
                state.bins[:, state.bin] = 0
            if i == end:
                break
            t = t_ns[i]
            if source[i] == QUALITY:
                state.flaw, state.flaw_ns = 1.0 - values[i, 0], t
                continue
            if t - state.flaw_ns > FRESH_NS:
                state.flaw = 0.0
            state.last_input_ns = t
            if state.running == 0:
                state.running = 1
                state.next_ns = -(-t // BIN_NS) * BIN_NS
            rr = values[i, 1]
            if state.has_beat != 0:
                if rr > 0.0:
                    count_beat(state, np.int64(-1))
                    if revise(state, rr, p):
                        write_label(labels, n, slot, t, state, 1.0)
                        n += 1
                    count_beat(state, np.int64(1))
                learn_interval(state, p)
            classify(state, values[i, 4:], rr, values[i, 3], p, work)
            state.has_beat = 1
            state.r_ns = t - np.int64(values[i, 0])
            turn_hour(state, t)
            state.beat_bin = state.bin
            state.beat_piece = state.piece
            count_beat(state, np.int64(1))
            write_label(labels, n, slot, t, state, 0.0)
            n += 1
    filled[0] = n
    filled[1] = n_counts
