"""Pulses of many PPGs at once, causal and sample by sample (CLINICAL 3.11, Elgendi 2013).

Path: mean of neighbours down to 64 Hz or less, band-pass 0.5-8 Hz, what is below zero cut off,
square, trailing averages of 111 ms and 667 ms. Where the short one is above the long one plus 0.02
of the running mean for 111 ms, a pulse is; its systolic peak is the highest local maximum of the
low-passed signal there, placed by a parabola, and it is told once the short average has come down.

Differs from Elgendi et al. (2013), PLOS ONE 8:e76585:

* Averages are trailing instead of centred, the filter runs forward only, the mean is a running one.
* A touch or a step counts for 30 times the mean at most in it, and does not blind for long.
* The peak is looked for in the signal without the high-pass, which moves it forward in time.
* Refractory time 250 ms instead of the 300 ms of CLINICAL 3.11, which would halve rates above 200.
* A pulse needs a share of the usual amplitude, so that neither dicrotic waves nor the noise of a
  lost pulse count; after some seconds without one any amplitude will do.
* Each pulse has a quality: likeness to a template of the last ones, and to their amplitude and
  intervals. The rate is read from pulses of some quality only.

Time is counted in samples since the slot's start; `anchor` ties it to nanoseconds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.filters import BUTTERWORTH_Q, delay_s, highpass, lowpass, prime_highpass
from processors.kernels.sample_clock import WITHIN_NS, time_ns

LOWEST_FS_HZ, HIGHEST_FS_HZ = 16.0, 2000.0  # rows outside are passed over
WORK_HZ = 64.0  # neighbours are averaged down to this rate or less
RING = 48  # of the band-passed signal at that rate: 0.75 s
SHAPE = 12  # points of the template ...
SHAPE_FROM_S, SHAPE_TO_S = -0.30, 0.12  # default: ... from before the peak to after it
KEPT = 8  # intervals that the rate is read from
LARGEST = 1e12  # beyond any converter: missing, like NaN
TINY = 1e-30  # CLINICAL 3.1: a filter state below it is zero
SECOND_NS = 1_000_000_000


class PulseRules(NamedTuple):
    """Constants of the detector, compiled in."""

    low_hz: float = 0.5  # Hz, Elgendi 2013
    high_hz: float = 8.0  # Hz, Elgendi 2013
    short_s: float = 0.111  # s, Elgendi 2013: also the least width
    long_s: float = 0.667  # s, Elgendi 2013
    offset: float = 0.02  # 1, Elgendi 2013: of the mean of the squares
    mean_s: float = 4.0  # s, default: over which that mean runs
    burst: float = 30.0  # 1, default: what is more times the mean is no more to it ...
    floor: float = 0.01  # 1, default: ... but for this share of the long average
    haste: float = 4.0  # 1, default: so much faster it falls where it alone is the threshold
    refractory_s: float = 0.25  # s, default: 240/min
    hold_s: float = 0.1  # s, CLINICAL 3.1: a shorter loss is bridged with the last value
    blind_s: float = 0.5  # s, CLINICAL 3.1: nothing is detected that long after a loss
    least_depth: float = 1e-6  # 1, default: of the level: less is rounding
    least_share: float = 0.3  # 1, default: of the usual amplitude
    relearn_s: float = 4.0  # s, default: so long without a pulse any amplitude will do
    reach_s: float = 0.15  # s, default: a peak may lie so long before its block
    longest_s: float = 3.0  # s, default: a longer interval is none
    alike: float = 0.86  # 1, CLINICAL 3.11: template correlation of a good pulse ...
    good: float = 0.8  # 1, CLINICAL 3.10: ... and the score of "good"
    least_quality: float = 0.3  # 1, default: below, a pulse does not count for the rate
    blank_s: float = 4.0  # s, default: without a pulse for so long the rate is blank


RULES = PulseRules()

PULSE_STATE = np.dtype(
    [
        # the run: rate, next expected seq, samples since the start, and which of them is when
        ("fs_hz", "f8"), ("seq", "i8"), ("pos", "i8"), ("anchor", "i8"), ("anchor_ns", "i8"),
        ("second_pos", "f8"), ("second_ns", "i8"),
        # b0, a1, a2 of the high-pass and of the low-pass, at the working rate
        ("design", "f8", (2, 3)), ("z", "f8", (4,)), ("delay_n", "f8"),
        ("count", "i8"), ("part", "f8"), ("last", "f8"),
        ("mean", "f8"), ("short_sum", "f8"), ("long_sum", "f8"), ("trace", "f4", (RING,)),
        # the low-passed signal: two values before, least since the last pulse, newest maximum
        ("u1", "f8"), ("u2", "f8"), ("foot", "f8"),
        ("top", "f8"), ("top_at", "f8"),
        # the block: since when, its highest maximum
        ("block_at", "i8"), ("peak", "f8"), ("peak_at", "f8"),
        ("pulse_pos", "f8"), ("good_pos", "f8"), ("usual", "f8"),
        ("rr_ms", "f4", (KEPT,)), ("template", "f4", (SHAPE,)),
        ("quality", "f4"),
        ("n_rr", "i4"), ("n_shapes", "i4"), ("missing", "i4"),
        ("thin", "i2"), ("part_n", "i2"), ("at", "i2"), ("short_n", "i1"), ("long_n", "i1"),
        ("in_block", "i1"), ("in_gap", "i1"), ("has_pulse", "i1"), ("has_good", "i1"),
    ],
    align=True,
)  # fmt: skip


class PulseOutputs(NamedTuple):
    """Arrays that `find_pulses` fills; `counts` holds how many pulses and seconds there are.

    Attributes
    ----------
    pulse_slots, pulse_ns, pulses
        int32, int64 ``[n]``, float64 ``[n, 4]``: columns of the stream `pulses`.
    rate_slots, rate_ns, rates
        int32, int64 ``[m]``, float64 ``[m, 2]``: columns of the feature `pulse_rate`.
    counts
        int64 ``[2]``.
    """

    pulse_slots: NDArray[np.int32]
    pulse_ns: NDArray[np.int64]
    pulses: NDArray[np.float64]
    rate_slots: NDArray[np.int32]
    rate_ns: NDArray[np.int64]
    rates: NDArray[np.float64]
    counts: NDArray[np.int64]


@entry
def find_pulses(
    values: NDArray[np.float32], offsets: NDArray[np.int64], slots: NDArray[np.int32],
    fs_hz: NDArray[np.float64], t0_ns: NDArray[np.int64], seq: NDArray[np.int64],
    column: int,
    state: NDArray[Any], blank: NDArray[Any], shape: NDArray[np.float64], out: PulseOutputs,
) -> int:  # fmt: skip
    """Walk the rows of a waveform batch and fill `out` with pulses and rates.

    Parameters
    ----------
    values, offsets, slots, fs_hz, t0_ns, seq
        As in `processors.records.Batch`; NaN and values beyond +-1e12 are missing.
    column
        The column to use.
    state, blank, shape
        `PULSE_STATE` by slot; one zero record; float64 ``[SHAPE]`` to work with.
    out
        Arrays to fill, with `counts` zero.

    Returns
    -------
    int
        1 when an array of `out` was too short (what did not fit is lost), else 0.
    """
    for r in range(len(slots)):
        lo, hi, fs, k = offsets[r], offsets[r + 1], fs_hz[r], slots[r]
        if hi == lo or not LOWEST_FS_HZ <= fs <= HIGHEST_FS_HZ:
            continue
        s = state[k]
        if s.fs_hz != fs or seq[r] < s.seq:
            state[k] = blank[0]
            _start(s, fs, seq[r], t0_ns[r])
        lost = seq[r] - s.seq
        hold_n = np.int64(RULES.hold_s * fs + 1e-9)
        if lost > hold_n:
            s.missing, s.in_gap = hold_n + 1, 1
            s.pos += lost
        elif lost > 0:
            # Not the constant -1, which is a type of its own and would be compiled once more.
            _run(s, k, values, lo, lo + lost, np.int64(-1), hold_n, shape, out)
        if abs(time_ns(s, np.float64(s.pos)) - t0_ns[r]) > WITHIN_NS:
            s.anchor, s.anchor_ns = s.pos, t0_ns[r]
        if lost > hold_n or abs(s.second_ns - t0_ns[r]) > SECOND_NS:
            s.second_ns = -(-t0_ns[r] // SECOND_NS) * SECOND_NS
        _place_second(s)
        _run(s, k, values, lo, hi, column, hold_n, shape, out)
        s.seq = seq[r] + hi - lo
    short = out.counts[0] >= len(out.pulses) or out.counts[1] >= len(out.rates)
    return 1 if short else 0


@inner
def _start(s: Any, fs: float, seq: int, t0_ns: int) -> None:
    """Set up a zero record for this rate."""
    s.fs_hz, s.seq, s.anchor_ns = fs, seq, t0_ns
    s.thin = max(np.int64(math.ceil(fs / WORK_HZ - 1e-9)), 1)
    rate = fs / s.thin
    d = s.design
    d[0, 0], d[0, 1], d[0, 2] = highpass(rate, RULES.low_hz, BUTTERWORTH_Q)
    d[1, 0], d[1, 1], d[1, 2] = lowpass(rate, RULES.high_hz, BUTTERWORTH_Q)
    s.delay_n = delay_s(rate, RULES.high_hz, BUTTERWORTH_Q, 1.5) * rate
    s.short_n = max(np.int64(np.rint(RULES.short_s * rate)), 2)
    s.long_n = np.int64(np.rint(RULES.long_s * rate))
    s.in_gap = 1
    s.second_ns = -(-t0_ns // SECOND_NS) * SECOND_NS


@inner
def _place_second(s: Any) -> None:
    """Say at which position the next whole second is that is told."""
    s.second_pos = s.anchor + (s.second_ns - s.anchor_ns) * 1e-9 * s.fs_hz


@inner
def _run(
    s: Any, k: int, values: NDArray[np.float32], lo: int, hi: int, column: int, hold_n: int,
    shape: NDArray[np.float64], out: PulseOutputs,
) -> None:  # fmt: skip
    """Take samples `lo` to `hi` of a column; column -1 is as many missing ones."""
    trace, thin, short_n, long_n = (
        s.trace,
        np.int64(s.thin),
        np.int64(s.short_n),
        np.int64(s.long_n),
    )
    hb, ha1, ha2 = s.design[0, 0], s.design[0, 1], s.design[0, 2]
    lb, la1, la2 = s.design[1, 0], s.design[1, 1], s.design[1, 2]
    rate = s.fs_hz / thin
    per_thin, per_short, per_long = 1.0 / thin, 1.0 / short_n, 1.0 / long_n
    ease, reach_n = 1.0 / (RULES.mean_s * rate), RULES.reach_s * rate
    z1, z2, z3, z4 = s.z[0], s.z[1], s.z[2], s.z[3]
    short_sum, long_sum, mean = s.short_sum, s.long_sum, s.mean
    u1, u2, foot, in_block = s.u1, s.u2, s.foot, s.in_block != 0
    part, part_n, at, count, pos = s.part, np.int64(s.part_n), np.int64(s.at), s.count, s.pos
    missing, last, in_gap, second_pos = np.int64(s.missing), s.last, s.in_gap != 0, s.second_pos
    for i in range(lo, hi):
        x = np.float64(values[i, column]) if column >= 0 else np.nan
        if pos > second_pos:
            while pos > s.second_pos:
                _tell_rate(s, k, out)
            second_pos = s.second_pos
        pos += 1
        if -LARGEST <= x <= LARGEST:
            if in_gap:
                _prime(s)
                in_gap = in_block = False
                part, part_n, at, count = 0.0, np.int64(0), np.int64(0), np.int64(0)
                z1, z2 = prime_highpass(hb, x)
                z3 = z4 = short_sum = long_sum = mean = 0.0
                u1 = u2 = foot = x
            missing, last = np.int64(0), x
        else:
            missing = min(missing + 1, np.int64(1 << 30))
            if in_gap or missing > hold_n:
                in_gap = True
                continue
            x = last
        part += x
        part_n += 1
        if part_n < thin:
            continue
        x = part * per_thin
        part, part_n = 0.0, np.int64(0)
        # The high-pass goes first; what it took away, added again, gives the low-passed signal.
        y = hb * x + z1
        z1 = -2.0 * hb * x - ha1 * y + z2
        z2 = hb * x - ha2 * y
        w = lb * y + z3
        z3 = 2.0 * lb * y - la1 * w + z4
        z4 = lb * y - la2 * w
        u = w + (x - y)
        # Kept with its sign, for the template; squares are taken of what is above zero.
        before_short = trace[at - short_n if at >= short_n else at - short_n + RING]
        before_long = trace[at - long_n if at >= long_n else at - long_n + RING]
        kept = np.float32(w)
        trace[at] = kept
        new = _square(kept)
        short_sum += new - _square(before_short)
        long_sum += new - _square(before_long)
        at += 1
        if at == RING:
            at = np.int64(0)
            # Summed anew now and then, so that roundings cannot gather; nothing denormal stays.
            if abs(z1) + abs(z2) + abs(z3) + abs(z4) < TINY:
                z1 = z2 = z3 = z4 = 0.0
            short_sum = long_sum = 0.0
            for j in range(1, long_n + 1):
                long_sum += _square(trace[RING - j])
                if j == short_n:
                    short_sum = long_sum
        count += 1
        long_mean = long_sum * per_long
        pace = RULES.haste * ease if RULES.offset * mean > long_mean else ease
        most = RULES.burst * mean + RULES.floor * long_mean
        mean += (min(new, most) - mean) * max(pace, 1.0 / count)
        if u1 >= u2 and u1 > u:
            bend = u2 - 2.0 * u1 + u
            shift = 0.5 * (u2 - u) / bend
            s.top, s.top_at = u1, count - 2 + min(max(shift, -0.5), 0.5)
            if in_block and u1 > s.peak:
                s.peak, s.peak_at = s.top, s.top_at
        if not in_block:
            foot = min(foot, u)
        u2, u1 = u1, u
        above = short_sum * per_short > long_mean + RULES.offset * mean
        if above and not in_block:
            in_block = True
            s.block_at = count
            s.peak, s.peak_at = -np.inf, -1.0
            if count - 1 - s.top_at <= reach_n:
                s.peak, s.peak_at = s.top, s.top_at
        elif in_block and not above:
            in_block = False
            s.count, s.at, s.pos, s.foot = count, at, pos, foot
            if count - s.block_at >= RULES.short_s * rate - 0.5 and s.peak_at >= 0.0:
                _judge(s, k, shape, out)
            foot = u
    s.z[0], s.z[1], s.z[2], s.z[3] = z1, z2, z3, z4
    s.short_sum, s.long_sum, s.mean = short_sum, long_sum, mean
    s.u1, s.u2, s.foot, s.in_block = u1, u2, foot, in_block
    s.part, s.part_n, s.at, s.count, s.pos = part, part_n, at, count, pos
    s.missing, s.last, s.in_gap = missing, last, in_gap


@inner
def _square(value: np.float32) -> float:
    """Square what is above zero."""
    above = max(np.float64(value), 0.0)
    return above * above


@inner
def _prime(s: Any) -> None:
    """Begin anew; what is known of pulses stays, but no interval runs on."""
    s.has_pulse = 0
    for i in range(RING):
        s.trace[i] = 0.0
    s.top, s.top_at = -np.inf, -1e9


@inner
def _judge(s: Any, k: int, shape: NDArray[np.float64], out: PulseOutputs) -> None:
    """Take the peak of a block that has ended: a pulse, or not."""
    rate, c = s.fs_hz / s.thin, s.count - 1
    if c < RULES.blind_s * rate:
        return
    # The middle of the averaged samples, less the delay of the low-pass.
    origin = s.pos - s.count * s.thin
    pos = origin + (s.peak_at - s.delay_n) * s.thin + 0.5 * (s.thin - 1)
    amplitude = s.peak - s.foot
    since_s = (pos - s.pulse_pos) / s.fs_hz
    if s.has_pulse and since_s < RULES.refractory_s:
        return
    if not amplitude > RULES.least_depth * abs(s.peak):
        return
    fresh = s.has_pulse and since_s < RULES.relearn_s
    if fresh and amplitude < RULES.least_share * s.usual:
        return
    alike = _compare(s, c, shape)
    if alike < RULES.alike:
        quality = RULES.good * (max(alike, 0.0) / RULES.alike) ** 2
    else:
        quality = RULES.good + (1.0 - RULES.good) * (alike - RULES.alike) / (1.0 - RULES.alike)
    if s.usual > 0.0:
        quality *= min(1.0, 2.0 * min(amplitude / s.usual, s.usual / amplitude))
    rr_ms = np.nan
    if s.has_pulse and since_s <= RULES.longest_s:
        rr_ms = 1000.0 * since_s
    s.usual += (min(amplitude, 2.0 * s.usual) - s.usual) / 8.0 if s.usual > 0.0 else amplitude
    s.pulse_pos, s.has_pulse = pos, 1
    if quality >= RULES.least_quality:
        s.good_pos, s.has_good = pos, 1
        if rr_ms > 0.0:
            s.rr_ms[s.n_rr % KEPT] = rr_ms
            s.n_rr += 1
    s.quality += (quality - s.quality) / 4.0
    j = out.counts[0]
    if j < len(out.pulses):
        out.counts[0] = j + 1
        now_ns = time_ns(s, np.float64(s.pos - 1))
        out.pulse_slots[j], out.pulse_ns[j] = k, now_ns
        p = out.pulses[j]
        p[0], p[1], p[2], p[3] = now_ns - time_ns(s, pos), rr_ms, amplitude, quality


@inner
def _compare(s: Any, c: int, shape: NDArray[np.float64]) -> float:
    """Give the correlation of the newest pulse with the template, and let it learn."""
    rate = s.fs_hz / s.thin
    mean = 0.0
    for i in range(SHAPE):
        u = s.peak_at + (SHAPE_FROM_S + (SHAPE_TO_S - SHAPE_FROM_S) * i / (SHAPE - 1)) * rate
        u = min(max(u, c - RING + 2.0, 0.0), c - 1.0)
        left = np.int64(math.floor(u))
        # `at` is already one beyond the value c
        a = (s.at - 1 - (c - left)) % RING
        b = a + 1 if a + 1 < RING else 0
        shape[i] = s.trace[a] + (u - left) * (s.trace[b] - s.trace[a])
        mean += shape[i] / SHAPE
    size = own = cross = 0.0
    for i in range(SHAPE):
        shape[i] -= mean
        size += shape[i] * shape[i]
        own += np.float64(s.template[i]) ** 2
        cross += shape[i] * s.template[i]
    if not size > 0.0:
        return 0.0
    alike = cross / math.sqrt(size * own) if own > 0.0 else 0.0
    share = max(1.0 / 8.0, 1.0 / (s.n_shapes + 1.0))
    s.n_shapes = min(s.n_shapes + 1, 8)
    for i in range(SHAPE):
        s.template[i] += (shape[i] / math.sqrt(size) - s.template[i]) * share
    return alike


@inner
def _tell_rate(s: Any, k: int, out: PulseOutputs) -> None:
    """Write the rate of the whole second that has passed."""
    j = out.counts[1]
    if j < len(out.rates):
        out.counts[1] = j + 1
        out.rate_slots[j], out.rate_ns[j] = k, s.second_ns
        out.rates[j, 0] = out.rates[j, 1] = np.nan
        n = min(s.n_rr, KEPT)
        if s.has_good and n > 0 and s.second_pos - s.good_pos <= RULES.blank_s * s.fs_hz:
            total, least, most = 0.0, np.inf, 0.0
            for i in range(n):
                rr = np.float64(s.rr_ms[i])
                total += rr
                least, most = min(least, rr), max(most, rr)
            if n >= 4:
                total, n = total - least - most, n - 2
            out.rates[j, 0] = 60_000.0 * n / total
            out.rates[j, 1] = s.quality
    s.second_ns += SECOND_NS
    _place_second(s)
