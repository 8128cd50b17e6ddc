"""When hearts beat: sinus rhythm and its swings, ectopic beats, arrhythmias; one step per beat.

A step draws the beat after the newest one from what is known at the newest one: the body in that
second, the script, and random numbers by the number of the beat. So neither how time is cut nor
who else is computed matters. Constants carry their sources; "measured" are figures of the public
recordings named, "default" are ours.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float64, int64, njit, uint64
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.draw import bits, gauss, uniform

# Ranks of what a script asks of a heart: the most dangerous wins where several overlap.
ASYSTOLE, VF, PAUSE, RUN, SVT, AF = 0, 1, 2, 3, 4, 5
BIGEMINY, TRIGEMINY, COUPLET, PVC, PVCS, PACS = 6, 7, 8, 9, 10, 11
NOTHING = 12

# As in `tables`, but own numbers, because compiled kernels are kept; a test compares them.
N, S, V, F = 1, 2, 3, 4
NORMAL, NO_P, ATRIAL, VENTRICULAR_A, VENTRICULAR_B, FUSION = 0, 1, 2, 3, 4, 5

# Streams of random numbers.
TRAIT, FIRST, JITTER, SWING, COUPLED, CHANCE, FOCUS, LATE = 500, 501, 502, 503, 508, 509, 510, 511
IRREGULAR, TICK, RETURN, ATRIAL_COUPLED, ATRIAL_CHANCE = 512, 513, 514, 515, 516

SLOWEST_PER_MIN = 15.0  # /min, default: what a body asks for is not believed below
# Swings fall with the share of the heart-rate reserve in use, by half at this share. Measured in
# gudb: high-frequency SD 2.7 % of RR sitting, 1.3 % walking (86/min), 0.5 % jogging (130/min).
HALF_CALM = 0.3
JITTER_SHARE = 0.005  # share of RR, default: RMSSD is 10 ms jogging in gudb, sampling included
LOW_HZ, LOW_SPAN_HZ = 0.085, 0.025  # Hz, Task Force 1996, Circulation 93:1043: LF is around 0.1 Hz
LOW_DAMPING_S = 15.0  # s, default: the 0.1 Hz wave loses its phase within a few periods
LOW_PART = 0.6  # of the SD of all swings; measured in gudb sitting, nsrdb: LF and VLF power alike
SLOW_PART = 0.462  # each of three: 0.6^2 + 3 * 0.462^2 = 1
SLOW_S_0, SLOW_S_1, SLOW_S_2 = 5.0, 20.0, 90.0  # s, default: together near 1/f of 2 to 30 mHz
MOST_SWING = 0.4  # share of RR, default

COUPLING, COUPLING_SPAN, COUPLING_SD = 0.55, 0.15, 0.02  # share of RR, default
COUPLING_LEAST_S = 0.3  # s, default: later than the T wave of the beat before at any rate
COUPLING_MOST = 0.92  # share of RR: always premature
SECOND_FOCUS = 0.06  # share of RR that the second focus comes later, default
FUSION_CHANCE = 0.03  # of random ventricular beats, default
FUSION_COUPLING, FUSION_SPAN = 0.88, 0.04  # share of RR: late enough to meet the sinus beat
BLOCKED = 0.75  # share of RR after a ventricular beat in which a sinus beat is not conducted
RUN_SD = 0.015  # share of RR, default
# Measured in normal rhythm of afdb: premature RR 0.52 to 0.86 of those around, SD of one person
# 0.06 to 0.11, and three of four are followed by an RR of more than 1.12.
ATRIAL_COUPLING, ATRIAL_SPAN, ATRIAL_SD = 0.6, 0.2, 0.06  # share of RR
ATRIAL_RETURN = 1.15  # share of RR after a reset of the sinus node...
# Two sinus beats or more between two: 3 and 6 % of those of 08219 and 06995 have one between.
ATRIAL_APART = 2
ATRIAL_BOTH = 1.95  # ... with the premature one, share of RR: less than compensatory, default
SVT_SD = 0.006  # share of RR, default

# AF, measured in 146 stretches of 5 min of afdb: CV 0.15 to 0.27, median 0.22, skewness 0.8, 1st
# percentile 0.65 of the mean, hardly any serial correlation: a floor and a gamma distribution.
AF_FLOOR = 0.55  # share of the mean RR
AF_FLOOR_S, AF_FLOOR_MOST = 0.25, 0.85  # s, share of the mean: refractory time of the AV node
AF_CV, AF_CV_SPAN = 0.16, 0.1
AF_SWING = 0.06  # share of RR, SD of slow changes: lag-1 correlation 0.08
AF_RATE, AF_RATE_SPAN = 70.0, 60.0  # /min, default: where the script does not say
AF_OVER_SINUS = 1.1  # default: of a rate not in the script, and no slower than the sinus rate

VF_RETURN_S, VF_RETURN_SPAN_S = 0.4, 0.8  # s, default: from the end of fibrillation to a beat

MEMORY_S = 30.0  # s, default: QT follows RR with memory (Malik 2008, Heart Rhythm 5: minutes)
QT_NOW = 0.3  # default: share of the last RR, beside the memory
QT_LEAST, QT_MOST = 0.6, 1.25  # default: rates of 170 down to 38
QT_OF_RR_S = 0.42  # s, QT at 60/min; the last RR bounds the next QT

# Who somebody is and where the rhythm stands.
HEART = np.dtype(
    [
        ("seed", np.uint64),
        ("rate_rest", np.float64),  # /min
        ("reserve", np.float64),  # /min, maximum less rest
        ("respiratory_share", np.float64),
        ("slow_share", np.float64),
        ("breath_rest", np.float64),  # /min
        ("coupling", np.float64),  # of ventricular beats, share of RR
        ("atrial_coupling", np.float64),
        ("low_rad", np.float64),  # rad/s of the 0.1 Hz wave
        ("af_rate", np.float64),  # /min
        ("af_order", np.float64),  # of the gamma distribution
        ("r_s", np.float64),  # newest beat
        ("mean_rr_s", np.float64),  # that QT and filling have adapted to
        ("sinus_s", np.float64),  # next sinus beat; -inf: to be drawn from the newest beat
        ("sinus_rr_s", np.float64),  # newest interval of the sinus node
        ("swing_s", np.float64),  # time of the swings below, each of SD 1
        ("swing", np.float64),  # their sum, SD 1
        ("low_x", np.float64),
        ("low_y", np.float64),
        ("slow_0", np.float64),
        ("slow_1", np.float64),
        ("slow_2", np.float64),
        ("run_start_s", np.float64),
        ("run_rr_s", np.float64),
        ("n_drawn", np.int64),  # sinus intervals drawn
        ("head", np.int64),  # row of the script before which all is over
        ("run", np.int32),  # event of the run
        ("run_made", np.int32),  # ventricular beats made of it
        ("run_left", np.int32),  # and still to make
        ("since_v", np.int32),  # beats since the last ventricular one
        ("atrial", np.int32),  # beats until one may be premature; ATRIAL_APART: the newest was
        ("atrial_rr_s", np.float64),  # its interval
    ],
    align=True,
)

# An event of the heart.
SCRIPT = np.dtype(
    [
        ("rank", np.int32),
        ("event", np.int32),  # row of the plan's events
        ("start_s", np.float64),
        ("end_s", np.float64),  # of what happens once: when it is given up
        ("a", np.float64),
        ("b", np.float64),
        ("made", np.int64),  # 1: has happened
    ],
    align=True,
)

# One signature: numba would else compile these anew for each constant they are called with.
_DRAW = float64(uint64, int64, int64)
_DRIFT = float64(float64, float64, float64, float64)
_M16, _S16 = np.uint64(0xFFFF), np.uint64(16)
_S32, _S48 = np.uint64(32), np.uint64(48)
_SUM_MEAN = 4 * 65535 / 2
_SUM_SCALE = math.sqrt(3.0) / 65536.0


@njit(_DRAW, cache=True, nogil=True, error_model="numpy")
def even(seed: np.uint64, stream: int, counter: int) -> float:
    """Give a number of [0, 1), evenly distributed."""
    return float(uniform(seed, stream, counter))


@njit(_DRAW, cache=True, nogil=True, error_model="numpy")
def normal(seed: np.uint64, stream: int, counter: int) -> float:
    """Give a normally distributed number, mean 0, SD 1."""
    return float(gauss(seed, stream, counter))


@njit(_DRAW, cache=True, nogil=True, error_model="numpy")
def bell(seed: np.uint64, stream: int, counter: int) -> float:
    """Give a number of mean 0 and SD 1, the sum of four even ones: cheap, never beyond 3.5."""
    z = bits(seed, stream, counter)
    total = (z & _M16) + ((z >> _S16) & _M16) + ((z >> _S32) & _M16) + (z >> _S48)
    return (float(total) - _SUM_MEAN) * _SUM_SCALE


@njit(_DRIFT, cache=True, nogil=True, error_model="numpy")
def drift(x: float, dt_s: float, tau_s: float, push: float) -> float:
    """Give the next value of a wandering quantity of SD 1 (Ornstein-Uhlenbeck process)."""
    h = 0.5 * dt_s / tau_s
    keep = max(0.0, (1.0 - h) / (1.0 + h))  # exp(-dt / tau) nearly, and the SD stays 1 exactly
    return keep * x + math.sqrt(1.0 - keep * keep) * push


@inner
def let_swing(heart: Any, at_s: float) -> None:
    """Let the slow swings go on to a time."""
    dt_s = at_s - heart.swing_s
    if dt_s > 0.0:
        heart.swing_s = at_s
        seed, count = heart.seed, heart.n_drawn
        h = 0.5 * dt_s / LOW_DAMPING_S
        keep = max(0.0, (1.0 - h) / (1.0 + h))
        # Cayley's form of a rotation: no sine, and exact to 2 % for intervals below a second.
        angle = 0.5 * dt_s * heart.low_rad
        cosine = (1.0 - angle * angle) / (1.0 + angle * angle)
        sine = 2.0 * angle / (1.0 + angle * angle)
        push = math.sqrt(1.0 - keep * keep)
        x, y = heart.low_x, heart.low_y
        heart.low_x = keep * (cosine * x - sine * y) + push * bell(seed, SWING, count)
        heart.low_y = keep * (sine * x + cosine * y) + push * bell(seed, SWING + 1, count)
        heart.slow_0 = drift(heart.slow_0, dt_s, SLOW_S_0, bell(seed, SWING + 2, count))
        heart.slow_1 = drift(heart.slow_1, dt_s, SLOW_S_1, bell(seed, SWING + 3, count))
        heart.slow_2 = drift(heart.slow_2, dt_s, SLOW_S_2, bell(seed, SWING + 4, count))
        slow = heart.slow_0 + heart.slow_1 + heart.slow_2
        heart.swing = LOW_PART * heart.low_x + SLOW_PART * slow


@inner
def sinus_rr(heart: Any, seconds: NDArray[Any], at_s: float) -> float:
    """Draw the interval of the sinus node, s, that begins at a time.

    ``seconds`` is the ring of one person (dtype `SECOND`).
    """
    t_s = max(at_s, 0.0)
    second = np.int64(t_s)
    part = t_s - second
    body = seconds[second % len(seconds)]
    rate = body.rate + part * (seconds[(second + 1) % len(seconds)].rate - body.rate)
    rate = max(rate, SLOWEST_PER_MIN)
    strain = max(0.0, (rate - heart.rate_rest) / heart.reserve) / HALF_CALM
    calm = 1.0 / (1.0 + strain * strain)
    let_swing(heart, at_s)
    share = heart.slow_share * calm * heart.swing
    if body.breath_rate > 0.0:
        # Quick breath moves the heart less: Hirsch & Bishop 1981, Am J Physiol 241:H620.
        depth = min(1.5, heart.breath_rest / body.breath_rate)
        phase = (body.breath_phase + part * body.breath_rate / 60.0) % 1.0
        share -= heart.respiratory_share * calm * depth * math.sin(2.0 * math.pi * phase)
    share += JITTER_SHARE * bell(heart.seed, JITTER, heart.n_drawn)
    heart.n_drawn += 1
    return float(60.0 / rate * (1.0 + max(-MOST_SWING, min(MOST_SWING, share))))


@inner
def af_rr(heart: Any, rate: float, number: int) -> float:
    """Draw an interval of atrial fibrillation, s; ``rate`` NaN: what suits the person.

    The gamma distribution is Wilson and Hilferty's of 1931: a cube of a normal number.
    """
    sinus_rate = 60.0 / heart.sinus_rr_s
    mean_s = 60.0 / (rate if rate > 0.0 else max(heart.af_rate, AF_OVER_SINUS * sinus_rate))
    mean_s *= 1.0 + AF_SWING * heart.swing
    floor_s = max(AF_FLOOR * mean_s, min(AF_FLOOR_S, AF_FLOOR_MOST * mean_s))
    width = 1.0 / (9.0 * heart.af_order)
    root = 1.0 - width + math.sqrt(width) * normal(heart.seed, IRREGULAR, number)
    return float(floor_s + (mean_s - floor_s) * max(root, 0.0) ** 3)


@inner
def choose(
    heart: Any, script: NDArray[Any], stop: int, sinus_s: float, early_s: float, atrial_s: float
) -> tuple[int, int, int, int, int]:
    """Give the rows of the script in force for the next beat; -1: none.

    They are the planted pause, run, pattern or single beat that goes first; SVT; AF; random
    ventricular beats; random atrial beats.
    """
    r_s = heart.r_s
    first, svt, af, pvcs, pacs = -1, -1, -1, -1, -1
    first_rank = NOTHING
    j = heart.head
    while j < stop and script[j].start_s <= sinus_s:
        row = script[j]
        rank = row.rank
        if row.made != 0 or row.end_s <= r_s or rank < PAUSE:
            pass
        elif rank == SVT:
            svt = j
        elif rank == AF:
            af = j
        elif rank == PACS:
            if row.start_s <= atrial_s < row.end_s:
                pacs = j
        else:
            at_s = r_s if rank == PAUSE else early_s
            if row.start_s <= at_s < row.end_s:
                if rank == PVCS:
                    pvcs = j
                elif rank < first_rank:
                    first, first_rank = j, rank
        j += 1
    return first, svt, af, pvcs, pacs


@inner
def stopped(
    heart: Any, script: NDArray[Any], stop: int, at_s: float, number: int
) -> tuple[float, int]:
    """Give when a beat meant for a time comes in spite of asystole and fibrillation, and the row.

    They hold while the beat would come after their start; the row is -1 if none does.
    """
    held = -1
    j = heart.head
    while j < stop and script[j].start_s <= at_s:
        row = script[j]
        j += 1
        if row.rank > VF or row.end_s <= heart.r_s:
            continue
        equal = held >= 0 and row.end_s == script[held].end_s and row.rank < script[held].rank
        if held < 0 or row.end_s > at_s or equal:
            held = j - 1
            at_s = row.end_s
            if row.rank == VF:
                at_s += VF_RETURN_S + VF_RETURN_SPAN_S * even(heart.seed, RETURN, number)
            j = heart.head  # one that began earlier may hold that time, too
    return at_s, held


@inner
def begin(heart: Any, seconds: NDArray[Any], beat: Any) -> None:
    """Draw traits, and put beat 0 within one interval before the start.

    It is there so that its T wave and pulse are; it is no part of the truth.
    """
    seed = heart.seed
    heart.coupling = COUPLING + COUPLING_SPAN * even(seed, TRAIT, 0)
    heart.atrial_coupling = ATRIAL_COUPLING + ATRIAL_SPAN * even(seed, TRAIT, 1)
    heart.low_rad = 2.0 * math.pi * (LOW_HZ + LOW_SPAN_HZ * even(seed, TRAIT, 2))
    heart.af_rate = AF_RATE + AF_RATE_SPAN * even(seed, TRAIT, 3)
    cv = AF_CV + AF_CV_SPAN * even(seed, TRAIT, 4)
    heart.af_order = ((1.0 - AF_FLOOR) / cv) ** 2
    heart.low_x = bell(seed, FIRST, 0)
    heart.low_y = bell(seed, FIRST, 1)
    heart.slow_0 = bell(seed, FIRST, 2)
    heart.slow_1 = bell(seed, FIRST, 3)
    heart.slow_2 = bell(seed, FIRST, 4)
    heart.sinus_s = -np.inf
    heart.since_v = 2
    heart.sinus_rr_s = 60.0 / max(seconds[0].rate, SLOWEST_PER_MIN)
    heart.mean_rr_s = heart.sinus_rr_s
    heart.r_s = -heart.sinus_rr_s * even(seed, FIRST, 5)
    beat.r_s, beat.rr_s = heart.r_s, heart.sinus_rr_s
    beat.label, beat.shape, beat.event = N, NORMAL, -1
    beat.qt_scale = max(QT_LEAST, min(QT_MOST, math.sqrt(heart.mean_rr_s)))
    beat.fill = 1.0


@inner
def describe(heart: Any, beat: Any, rr_s: float) -> None:
    """Write how a beat repolarises and how much blood it moves; remember its interval."""
    counted_s = min(rr_s, 2.0)
    # Filling: less after a short interval, more after a long one. Default figures.
    more = rr_s / heart.mean_rr_s - 1.0
    fill = 1.0 + (0.6 if more > 0.0 else 1.3) * more
    fill *= min(1.0, 0.4 + 0.6 * (rr_s - 0.2) / 0.25)
    if heart.since_v == 0:  # nothing comes out above 180/min
        fill *= 0.6 * max(0.0, min(1.0, (rr_s - 1.0 / 3.0) / 0.1))
    beat.fill = max(0.0, min(1.3, fill))
    heart.mean_rr_s += (counted_s - heart.mean_rr_s) * counted_s / MEMORY_S
    # Bazett 1920, of an RR with memory: the stretch against 60/min.
    scale = math.sqrt(QT_NOW * counted_s + (1.0 - QT_NOW) * heart.mean_rr_s)
    beat.qt_scale = max(QT_LEAST, min(QT_MOST, scale, rr_s / QT_OF_RR_S))


@inner
def draw_beat(
    heart: Any, seconds: NDArray[Any], script: NDArray[Any], stop: int, number: int, beat: Any
) -> None:
    """Draw the beat after the newest one and write it; ``beat`` is of dtype `BEAT`."""
    seed, r_s = heart.seed, heart.r_s
    while heart.head < stop and (script[heart.head].made != 0 or script[heart.head].end_s <= r_s):
        heart.head += 1
    # The next sinus beat. After a ventricular one the sinus node has gone on, unseen.
    rr_s = heart.sinus_rr_s
    while heart.sinus_s < r_s + BLOCKED * rr_s:
        rr_s = sinus_rr(heart, seconds, r_s)
        if heart.sinus_s == -np.inf:
            after_s = rr_s
            if heart.atrial == ATRIAL_APART:
                after_s = min(ATRIAL_RETURN * rr_s, ATRIAL_BOTH * rr_s - heart.atrial_rr_s)
            heart.sinus_s = r_s + after_s
        else:
            heart.sinus_s += rr_s
    heart.sinus_rr_s = rr_s

    at_s, label, shape, event = heart.sinus_s, N, NORMAL, -1
    made, run_n, run_rr_s = -1, 0, 0.0
    if heart.run_left > 0:
        at_s = heart.run_start_s + heart.run_made * heart.run_rr_s
        if heart.run_left > 1:  # the last is exact, and with it the mean
            at_s += RUN_SD * heart.run_rr_s * bell(seed, TICK, number)
        label, shape, event = V, VENTRICULAR_A, heart.run
    elif heart.head < stop and script[heart.head].start_s <= heart.sinus_s:
        coupling = heart.coupling + COUPLING_SD * bell(seed, COUPLED, number)
        early_s = r_s + min(max(coupling * rr_s, COUPLING_LEAST_S), COUPLING_MOST * rr_s)
        coupling = heart.atrial_coupling + ATRIAL_SD * bell(seed, ATRIAL_COUPLED, number)
        atrial_s = r_s + min(max(coupling * rr_s, COUPLING_LEAST_S), COUPLING_MOST * rr_s)
        first, svt, af, pvcs, pacs = choose(heart, script, stop, heart.sinus_s, early_s, atrial_s)
        rested = heart.since_v > 0
        rank = script[first].rank if first >= 0 and rested else NOTHING
        if svt >= 0:  # regular, in steps from the newest beat
            tick = 1.0 + SVT_SD * bell(seed, TICK, number)
            svt_s = max(r_s + 60.0 / script[svt].a * tick, script[svt].start_s)
            if svt_s >= script[svt].end_s:
                at_s = max(at_s, script[svt].end_s)
                svt = -1
        if af >= 0:
            af_s = max(r_s + af_rr(heart, script[af].a, number), script[af].start_s)
            if af_s >= script[af].end_s:
                at_s = max(at_s, script[af].end_s)
                af = -1
        if rank == PAUSE:
            at_s, event, made = r_s + script[first].a, script[first].event, first
            if af >= 0 and at_s < script[af].end_s:
                shape = NO_P
        elif rank == RUN:
            run_n, run_rr_s = int(script[first].a), 60.0 / script[first].b
        elif svt >= 0:
            at_s, label, shape, event = svt_s, S, NO_P, script[svt].event
        elif af >= 0:
            at_s, label, shape, event = af_s, N, NO_P, script[af].event
        elif rank == COUPLET:
            run_n, run_rr_s = 2, 60.0 / script[first].a
        elif rank in (PVC, BIGEMINY) or (rank == TRIGEMINY and heart.since_v > 1):
            run_n = 1
        elif rank == NOTHING and rested:
            # The chance per beat that gives the number per minute: a ventricular beat takes the
            # place of one sinus beat, an atrial one lengthens the cycle by 1.85 RR.
            share = script[pvcs].a * rr_s / 60.0 if pvcs >= 0 else 0.0
            if share > 0.0 and even(seed, CHANCE, number) * (1.0 - share) < share:
                at_s, label, shape, event = early_s, V, VENTRICULAR_A, script[pvcs].event
                if even(seed, LATE, number) < FUSION_CHANCE:
                    late = FUSION_COUPLING + FUSION_SPAN * even(seed, FOCUS, number)
                    at_s, label, shape = r_s + late * rr_s, F, FUSION
                elif script[pvcs].b > 1.5 and even(seed, FOCUS, number) < 0.5:
                    at_s = min(at_s + SECOND_FOCUS * rr_s, r_s + COUPLING_MOST * rr_s)
                    shape = VENTRICULAR_B
            elif pacs >= 0 and heart.atrial == 0:
                share = script[pacs].a * rr_s / 60.0
                if even(seed, ATRIAL_CHANCE, number) * (1.0 - 1.85 * share) < share:
                    at_s, label, shape, event = atrial_s, S, ATRIAL, script[pacs].event
        if run_n > 0:
            at_s = r_s + run_rr_s if run_rr_s > rr_s else early_s
            label, shape, event, made = V, VENTRICULAR_A, script[first].event, first

    after_s, held = stopped(heart, script, stop, at_s, number)
    if held >= 0:
        at_s, label, shape, event, run_n, made = after_s, N, NO_P, script[held].event, 0, -1
        heart.run_left = 0
    if made >= 0 and script[made].rank != BIGEMINY and script[made].rank != TRIGEMINY:
        script[made].made = 1
    if run_n > 0:
        heart.run, heart.run_made, heart.run_left = event, 1, run_n - 1
        heart.run_start_s, heart.run_rr_s = at_s, run_rr_s
    elif heart.run_left > 0:
        heart.run_made += 1
        heart.run_left -= 1

    ventricular = label in (V, F)
    heart.since_v = 0 if ventricular else min(heart.since_v + 1, 2)
    if not ventricular:
        heart.sinus_s = -np.inf
    heart.atrial = ATRIAL_APART if shape == ATRIAL else max(heart.atrial - 1, 0)
    heart.atrial_rr_s = at_s - r_s
    heart.r_s = at_s
    beat.r_s = at_s
    beat.rr_s = at_s - r_s
    beat.label, beat.shape, beat.event = label, shape, event
    describe(heart, beat, at_s - r_s)


@entry
def draw_beats(
    seconds: NDArray[Any],
    script: NDArray[Any],
    offsets: NDArray[np.int64],
    until_s: float,
    keep_log: bool,
    hearts: NDArray[Any],
    newest: NDArray[np.int64],
    newest_s: NDArray[np.float64],
    beats: NDArray[Any],
    log: NDArray[Any],
    n_log: int,
) -> int:
    """Draw beats until everybody's newest is at or after a time, or the log is full.

    Rows ``offsets[k] : offsets[k + 1]`` of the script belong to person k. Gives the number of rows
    of the log that are written; if all are, call again with more.
    """
    n_kept = beats.shape[1]
    for k in range(len(hearts)):
        if newest_s[k] >= until_s:
            continue
        heart = hearts[k]
        if newest[k] < 0:
            begin(heart, seconds[k], beats[k, 0])
            newest[k] = 0
        while heart.r_s < until_s and not (keep_log and n_log == len(log)):
            newest[k] += 1
            beat = beats[k, newest[k] % n_kept]
            draw_beat(heart, seconds[k], script, offsets[k + 1], newest[k], beat)
            if keep_log:
                row = log[n_log]
                row.slot, row.event = k, beat.event
                row.r_s, row.rr_s = beat.r_s, beat.rr_s
                row.label, row.shape = beat.label, beat.shape
                n_log += 1
        newest_s[k] = heart.r_s
    return n_log
