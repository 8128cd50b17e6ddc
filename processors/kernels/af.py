"""Atrial fibrillation from the irregularity of RR intervals: entropy of words, and medians."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.finding import OFFSET, ONSET, put

N_LONG, N_SHORT = 127, 31  # words of the two windows
N_MEDIANS = 8
N_NEAR = 4  # medians whose spread is the evidence of one interval
UNIT = 64.0  # steps of evidence in one unit of the log likelihood ratio
FLOOR, CEILING = -1.7, 1.2  # 1, default: the ratios found beside the onsets of afdb level off here
N_PAIRS = 64  # intervals of the running means of a pattern, default
N_RECENT = 64  # newest usable intervals that are kept, default
TENTHS = 1e-4  # s; they are kept in tenths of a ms
LEAST_SPREAD = 50.0  # tenths of a ms, default: no rhythm is more regular
LEAST_CHANCE = 0.01  # 1, default: an interval far from all others is no proof of a pattern
BEFORE = 0.1  # repetitions expected before any were seen, default
N_BACK = 64  # beats: as far as a time may be claimed back
N_USED = 128  # newest intervals of which a share must be usable
N_SPANS = 12  # pieces of the day that the burden is counted over
SPAN_NS = 7_200_000_000_000
STEP_NS = 60_000_000_000
WIDTH = 5  # columns of a row of state
NORMAL, VENTRICULAR, UNKNOWN = 1.0, 3.0, 5.0  # of the column `label` of rr_intervals
PULSES = 1  # source of a record
ONE = 1 << 32  # sums of c log2 c are whole multiples of 1/ONE: nothing drifts
C_LOG_C = np.rint(
    np.arange(N_LONG + 1) * np.log2(np.maximum(np.arange(N_LONG + 1), 1)) * ONE
).astype(np.int64)

AF_STATE = np.dtype(
    [
        ("symbols", np.uint8, (N_LONG + 2,)),  # newest last, 0 is none; three in a row are a word
        ("back_us", np.uint32, (N_BACK,)),  # ring of R times, the low 32 bits
        ("evidence", np.int8, (N_BACK,)),  # of each of them, see `evidence_of`
        ("recent", np.uint16, (N_RECENT,)),  # tenths of a ms, newest last
        ("median_s", np.float64, (N_MEDIANS,)),
        ("mean_s", np.float64),  # the three running averages of Petrenas
        ("turbulence", np.float64),
        ("bigeminy", np.float64),
        ("score", np.float64),
        # Running means: of short intervals, and of those that a long one follows; of squared
        # deviations from the mean interval, and of the products of two in a row.
        ("early", np.float64),
        ("answered", np.float64),
        ("variance_s2", np.float64),
        ("covariance_s2", np.float64),
        # Running means over irregular intervals: how many of the recent ones have gone on in the
        # same way, and how many would by chance.
        ("repeats", np.float64),
        ("chance", np.float64),
        ("used", np.uint64, (2,)),  # the newest intervals, one bit each: usable
        ("long_sum", np.int64),
        ("short_sum", np.int64),
        ("next_ns", np.int64),  # the next whole minute, with running
        ("newest_ns", np.int64),
        ("rr_ns", np.int64),  # when the newest of rr_intervals became known, with has_rr
        ("held_ns", np.int64),  # when the rhythm was last judged to be AF, with had
        ("held_beat_ns", np.int64),  # and the beat it was judged at
        ("beat_ns", np.int64),  # newest R, with n_beats
        ("onset_ns", np.int64),
        ("end_ns", np.int64),  # where the last episode ended, with had
        ("span", np.int64),  # number of the newest piece of the day
        ("af_ms", np.int32, (N_SPANS,)),
        ("known_ms", np.int32, (N_SPANS,)),
        ("n_used", np.int16),  # of the bits of used
        ("n_usable", np.int16),  # usable intervals in all, up to N_RECENT
        ("n_words", np.uint8),
        ("long_kinds", np.uint8),
        ("short_kinds", np.uint8),
        ("n_beats", np.uint8),
        ("back_head", np.uint8),
        ("after_v", np.uint8),  # the newest beat is V, or Q
        ("active", np.uint8),
        ("had", np.uint8),
        ("judged", np.uint8),
        ("running", np.uint8),
        ("has_rr", np.uint8),
        ("good_pulse", np.uint8),  # the newest pulse was one
        ("source", np.uint8),  # of the newest interval
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.detectors.af.Params`, in kernel units."""

    alpha: float
    close_s: float
    bigeminy: float
    changing: float
    weight_short: float
    weight_fast: float
    enter: float
    again: float
    leave: float
    again_ns: int
    usable: float
    certain: float
    steepness: float
    hold_ns: int
    idle_ns: int
    fresh_ns: int
    least_quality: float
    short: float
    answered: float
    alternating: float
    irregular: float
    same: int
    repeating: float
    correlated: float
    shortened: float
    least_couplings: int
    coupled: float
    scatter: float


@inner
def entropy(kinds: int, total: int, n: int) -> float:
    """Give Zhou's entropy of a full window of ``n`` words, from kinds and the sum of c log2 c.

    SE = -k / (N log2 N) * sum p log2 p, with p = c / N (Zhou 2015, equation 5).
    """
    bits = np.log2(float(n))
    return float(kinds / (n * bits) * (bits - total / (float(ONE) * n)))


@inner
def turn_window(
    symbols: NDArray[np.uint8], first: int, new: int, total: int, kinds: int
) -> tuple[int, int]:
    """Let the oldest word of a window, at ``first``, leave, and one that ends in ``new`` enter.

    Gives the sum of c log2 c over the kinds of words, and the number of kinds.
    """
    a, b, c = symbols[first], symbols[first + 1], symbols[first + 2]
    x, y, z = symbols[N_LONG], symbols[N_LONG + 1], np.uint8(new)
    n_old = 0
    n_new = 0
    for k in range(first, N_LONG):
        n_old += (symbols[k] == a) & (symbols[k + 1] == b) & (symbols[k + 2] == c)
        n_new += (symbols[k] == x) & (symbols[k + 1] == y) & (symbols[k + 2] == z)
    if a != 0:
        total += C_LOG_C[n_old - 1] - C_LOG_C[n_old]
        kinds -= n_old == 1
        n_new -= (a == x) & (b == y) & (c == z)
    return total + C_LOG_C[n_new + 1] - C_LOG_C[n_new], kinds + (n_new == 0)


@inner
def put_symbol(state: Any, symbol: int) -> None:
    """Take the symbol of one interval; from the third on each ends a word."""
    symbols = state.symbols
    if symbols[N_LONG] != 0:
        total, kinds = turn_window(symbols, 0, symbol, state.long_sum, int(state.long_kinds))
        state.long_sum = total
        state.long_kinds = kinds
        first = N_LONG - N_SHORT
        total, kinds = turn_window(symbols, first, symbol, state.short_sum, int(state.short_kinds))
        state.short_sum = total
        state.short_kinds = kinds
        state.n_words = min(np.int64(state.n_words) + 1, N_LONG)
    for k in range(N_LONG + 1):
        symbols[k] = symbols[k + 1]
    symbols[N_LONG + 1] = symbol


@inner
def put_answer(state: Any, before_s: float, x: float, p: Limits) -> None:
    """Learn how an interval follows the one before it, from both against the mean so far."""
    before, now = before_s - state.mean_s, x - state.mean_s
    state.variance_s2 += (now * now - state.variance_s2) / N_PAIRS
    state.covariance_s2 += (before * now - state.covariance_s2) / N_PAIRS
    early = before_s < p.short * state.mean_s
    state.early += ((1.0 if early else 0.0) - state.early) / N_PAIRS
    state.answered += ((1.0 if early and now >= 0.0 else 0.0) - state.answered) / N_PAIRS


@inner
def put_repeats(state: Any, tenths: int, p: Limits) -> None:
    """Learn whether an irregular interval goes on as recent ones did, more often than by chance.

    Chance is a bell of their mean and spread.
    """
    recent = state.recent
    last = N_RECENT - 1
    before = np.int32(recent[last])
    now = np.int32(tenths)
    mean, spread = state.mean_s / TENTHS, max(np.sqrt(state.variance_s2) / TENTHS, LEAST_SPREAD)
    if abs(now - before) <= p.irregular * mean:
        return
    same = np.int32(p.same)
    n_alike = np.int32(0)
    n_same = np.int32(0)
    for k in range(last):
        alike = abs(np.int32(recent[k]) - before) < 2 * same
        n_alike += alike
        n_same += alike & (abs(np.int32(recent[k + 1]) - now) < same)
    z = (now - mean) / spread
    share = 2.0 * same * np.exp(-0.5 * z * z) / (spread * np.sqrt(2.0 * np.pi))
    state.repeats += (n_same - state.repeats) / N_PAIRS
    state.chance += (n_alike * max(share, LEAST_CHANCE) - state.chance) / N_PAIRS


@inner
def is_answered(state: Any, p: Limits) -> bool:
    """Tell whether early beats and their pauses make the rhythm irregular.

    The sinus answers an early beat: short intervals are followed by long ones, so that deviations
    of intervals in a row are of opposite sign. Fibrillation has no such memory.
    """
    opposite = state.covariance_s2 < p.alternating * state.variance_s2
    return bool(opposite and state.answered > p.answered * state.early)


@inner
def is_repeated(state: Any, p: Limits) -> bool:
    """Tell whether irregular intervals go on as before, in runs of short and of long ones.

    Flutter repeats itself as well, but there a short interval and a long one take turns.
    """
    runs = state.covariance_s2 > p.correlated * state.variance_s2
    return bool(runs and state.repeats > p.repeating * (state.chance + BEFORE))


@inner
def is_coupled(state: Any, p: Limits) -> bool:
    """Tell whether beats come early by one and the same interval, as those of a focus do.

    Among abruptly short intervals pairs of one length must be ``coupled`` times as common as among
    all.
    """
    first = N_RECENT - np.int64(state.n_usable)
    n_early: Any = 0
    n_pairs: Any = 0
    near: Any = 0
    near_early: Any = 0
    for k in range(first + 1, N_RECENT):
        x = np.int64(state.recent[k])
        early = x < p.shortened * state.recent[k - 1]
        for j in range(first, k):
            is_near = abs(np.int64(state.recent[j]) - x) * TENTHS < p.close_s
            near += is_near
            if early and is_near and j > first:
                near_early += state.recent[j] < p.shortened * state.recent[j - 1]
        n_pairs += k - first
        n_early += early
    early_pairs = n_early * (n_early - 1) // 2
    few = n_early < p.least_couplings
    return bool(not few and near_early * n_pairs > p.coupled * near * early_pairs)


@inner
def is_scattered(state: Any, p: Limits) -> bool:
    """Tell whether intervals differ more than any rhythm lets them: beats that are noise."""
    most_s = p.scatter * state.mean_s
    return bool(state.variance_s2 > most_s * most_s)


@inner
def is_other(state: Any, p: Limits) -> bool:
    """Tell whether something else than fibrillation makes the rhythm irregular."""
    return bool(
        is_scattered(state, p)
        or is_answered(state, p)
        or is_repeated(state, p)
        or is_coupled(state, p)
    )


@inner
def put_interval(state: Any, rr_ms: float, p: Limits) -> None:
    """Take one usable interval into the words and the running averages."""
    rate = 60_000.0 / rr_ms
    put_symbol(state, 63 if rate >= 315.0 else int(rate / 5.0))
    tenths = int(min(max(np.rint(10.0 * rr_ms), 1.0), 65535.0))
    x = TENTHS * tenths
    recent, newest = state.recent, N_RECENT - 1
    if state.n_usable == 0:
        state.mean_s = x
        for k in range(N_MEDIANS):
            recent[newest - k] = tenths
            state.median_s[k] = x
    if state.n_usable == N_RECENT:
        put_repeats(state, tenths, p)
    last = N_MEDIANS - 1
    a, b = int(recent[newest - 1]), int(recent[newest])
    middle = TENTHS * max(min(a, b), min(max(a, b), tenths))
    for k in range(newest):
        recent[k] = recent[k + 1]
    recent[newest] = tenths
    for k in range(last):
        state.median_s[k] = state.median_s[k + 1]
    state.median_s[last] = middle
    n_far = 0
    sum_rr = 0.0
    sum_median = 0.0
    for k in range(N_MEDIANS):
        sum_rr += TENTHS * recent[newest - k]
        sum_median += state.median_s[k]
        for j in range(k):
            n_far += abs(state.median_s[k] - state.median_s[j]) >= p.close_s
    ratio = sum_median / sum_rr - 1.0
    put_answer(state, TENTHS * b, x, p)
    state.mean_s += p.alpha * (x - state.mean_s)
    state.turbulence += p.alpha * (2.0 * n_far / (N_MEDIANS * last) - state.turbulence)
    state.bigeminy += p.alpha * (ratio * ratio - state.bigeminy)
    state.n_usable = min(state.n_usable + 1, N_RECENT)


@inner
def fast_measure(state: Any, p: Limits) -> float:
    """Give Petrenas's O: irregularity over the mean interval, or the test for bigeminy."""
    small = state.bigeminy < p.bigeminy
    return float(state.bigeminy if small else state.turbulence / state.mean_s)


@inner
def evidence_of(state: Any, p: Limits) -> int:
    """Weigh the newest medians: above 0 they speak for AF, below for a rhythm that is regular.

    The log likelihood ratio of the spread of medians grows with its logarithm, and is 0 where they
    differ by ``changing`` of the mean interval. A single early beat moves no median.
    """
    low, high = np.inf, 0.0
    for k in range(N_MEDIANS - N_NEAR, N_MEDIANS):
        low = min(low, state.median_s[k])
        high = max(high, state.median_s[k])
    share = (high - low) / (p.changing * state.mean_s)
    return int(np.rint(UNIT * np.log(min(max(share, np.exp(FLOOR)), np.exp(CEILING)))))


@inner
def change_ns(state: Any, sign: int) -> int:
    """Give the R time, at most 63 beats back, since when AF (1) or its absence (-1) is likeliest.

    That is where the evidence since then adds up to most: the likelihood ratio of a change there.
    """
    head = np.int64(state.back_head)
    back: Any = 0
    most: Any = 0
    total: Any = 0
    for k in range(1, np.int64(state.n_beats)):
        total += sign * np.int64(state.evidence[(head - k) % N_BACK])
        if total > most:
            most = total
            back = k
    newest = np.int64(state.back_us[(head - 1) % N_BACK])
    age_us = (newest - np.int64(state.back_us[(head - 1 - back) % N_BACK])) % ONE
    return int(state.beat_ns - 1000 * age_us)


@inner
def turn_span(state: Any, t: int) -> None:
    """Empty the pieces of the day that have begun since the newest beat."""
    span = t // SPAN_NS
    passed = min(span - state.span, N_SPANS)
    for back in range(passed):
        state.af_ms[(span - back) % N_SPANS] = 0
        state.known_ms[(span - back) % N_SPANS] = 0
    state.span = max(span, state.span)


@inner
def burden_percent(state: Any) -> float:
    """Give the share of AF in the time that could be judged in the last day; NaN for none."""
    af = 0
    known = 0
    for k in range(N_SPANS):
        af += state.af_ms[k]
        known += state.known_ms[k]
    return min(max(100.0 * af / known, 0.0), 100.0)


@inner
def confidence(state: Any, p: Limits) -> float:
    """Map the score to a probability of AF."""
    return float(1.0 / (1.0 + np.exp(-p.steepness * (state.score - p.certain))))


@inner
def report(
    state: Any, slot: int, kind: int, at: int, t: int, p: Limits, out: NDArray[Any], n: int
) -> int:
    """Write an onset or an end with its evidence."""
    rate = 60.0 / state.mean_s
    return int(
        put(out, n, 0, slot, kind, state.onset_ns, at, t, 0, rate, rate, confidence(state, p),
            burden_percent(state), 100.0 * state.n_used / N_USED)
    )  # fmt: skip


@inner
def judge(state: Any, slot: int, t: int, ms: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Decide the rhythm at the newest beat, ``ms`` after the one before; report a change of it."""
    beat = state.beat_ns
    piece = state.span % N_SPANS
    state.known_ms[piece] += ms
    recent = state.had != 0 and beat - state.held_beat_ns <= p.again_ns
    if state.active == 0:
        if state.score >= (p.again if recent else p.enter) and not is_other(state, p):
            onset = change_ns(state, 1)
            if state.had != 0:  # into no earlier episode
                onset = max(onset, state.end_ns)
            state.onset_ns = onset
            state.active = 1
            state.had = 1
            state.af_ms[piece] += (beat - onset) // 1_000_000
            n = report(state, slot, ONSET, onset, t, p, out, n)
    elif state.score < p.leave:
        end = change_ns(state, -1)
        state.end_ns = max(end, state.onset_ns + 1)
        state.active = 0
        state.af_ms[piece] -= (beat - end) // 1_000_000 - ms
        n = report(state, slot, OFFSET, state.end_ns, t, p, out, n)
    else:
        state.af_ms[piece] += ms
    if state.active != 0:
        state.held_ns = t
        state.held_beat_ns = beat
    return n


@inner
def take(
    state: Any,
    slot: int,
    t: int,
    lag: float,
    rr: float,
    label: float,
    valid: bool,
    p: Limits,
    out: NDArray[Any],
    n: int,
) -> int:
    """Take one interval and the beat that ends it."""
    masked = label in (VENTRICULAR, UNKNOWN)
    usable = valid and not masked and state.after_v == 0
    beat = t - np.int64(lag)
    # Beats of another device may lie before those already known.
    state.beat_ns = beat if state.n_beats == 0 else max(beat, state.beat_ns)
    state.after_v = 1 if masked else 0
    head = np.int64(state.back_head)
    state.back_us[head] = np.uint32((state.beat_ns // 1000) % ONE)
    state.evidence[head] = 0  # of what cannot be used, and until it is known
    state.back_head = (state.back_head + 1) % N_BACK
    state.n_beats = min(state.n_beats + 1, N_BACK)
    carry = state.used[0] >> np.uint64(63)
    state.n_used += np.int64(usable) - np.int64(state.used[1] >> np.uint64(63))
    state.used[0] = (state.used[0] << np.uint64(1)) | np.uint64(usable)
    state.used[1] = (state.used[1] << np.uint64(1)) | carry
    if usable:
        put_interval(state, rr, p)
        if state.n_usable >= N_MEDIANS:
            # The spread of these medians lies around the interval two beats ago.
            state.evidence[(head - N_NEAR // 2) % N_BACK] = evidence_of(state, p)
        if state.n_words == N_LONG:
            state.score = (
                entropy(state.long_kinds, state.long_sum, N_LONG)
                + p.weight_short * entropy(state.short_kinds, state.short_sum, N_SHORT)
                + p.weight_fast * min(fast_measure(state, p), 1.0)
            )
    state.judged = state.n_words == N_LONG and state.n_used >= p.usable * N_USED
    if usable and state.judged != 0:
        n = judge(state, slot, t, int(np.rint(rr)), p, out, n)
    return n


@inner
def forget_rhythm(state: Any) -> None:
    """Begin to learn anew, after a time without beats; what has been found is kept."""
    for k in range(N_LONG + 2):
        state.symbols[k] = 0
    state.n_words = state.long_kinds = state.short_kinds = 0
    state.long_sum = state.short_sum = 0
    state.n_usable = state.n_used = state.n_beats = state.back_head = 0
    state.used[0] = state.used[1] = np.uint64(0)
    state.turbulence = state.bigeminy = 0.0
    state.early = state.answered = state.variance_s2 = state.covariance_s2 = 0.0
    state.repeats = state.chance = 0.0
    state.judged = state.after_v = 0


@entry
def watch_fibrillation(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    p: Limits,
    records: NDArray[Any],
    out: NDArray[Any],
    out_slot: NDArray[np.int32],
    out_t: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> tuple[int, int]:
    """Write findings (dtype `FINDING`) and a row of state a minute; give the number of each.

    Source 0 holds ``rr_intervals``, source 1 ``pulses``, heard only for want of
    the others. There are at most two findings per record and one per row.
    """
    n: Any = np.int64(0)
    n_rows = 0
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            limit = until_ns[r] if i == end else t_ns[i] - 1
            while True:
                lost_ns = state.held_ns + p.hold_ns
                lost = state.active != 0 and lost_ns <= limit
                minute = state.running != 0 and state.next_ns <= limit
                if lost and not (minute and state.next_ns < lost_ns):
                    # Nothing is known any more: it ends where it was last known.
                    state.active = 0
                    state.end_ns = max(state.held_beat_ns, state.onset_ns + 1)
                    n = report(state, slot, OFFSET, state.end_ns, lost_ns, p, out, n)
                    continue
                if not minute:
                    break
                if state.next_ns - state.newest_ns > p.idle_ns:
                    state.running = 0
                    continue
                out_slot[n_rows] = slot
                out_t[n_rows] = state.next_ns
                turn_span(state, state.next_ns)
                judged = state.judged != 0
                out_values[n_rows, 0] = float(state.active) if judged else np.nan
                out_values[n_rows, 1] = confidence(state, p) if judged else np.nan
                out_values[n_rows, 2] = burden_percent(state)
                out_values[n_rows, 3] = 100.0 * state.n_used / N_USED
                out_values[n_rows, 4] = state.source
                n_rows += 1
                state.next_ns += STEP_NS
            if i == end:
                break
            t = t_ns[i]
            label, valid = values[i, 3], values[i, 4] != 0.0
            if source[i] == PULSES:
                good = values[i, 3] >= p.least_quality
                # Both pulses of an interval must be good; after a gap it is NaN.
                label, valid = NORMAL, good and state.good_pulse != 0 and values[i, 1] > 0.0
                state.good_pulse = good
                if state.has_rr != 0 and t - state.rr_ns <= p.fresh_ns:
                    continue
            else:
                state.rr_ns = t
                state.has_rr = 1
            state.source = source[i]
            if state.n_beats > 0 and t - state.newest_ns > p.hold_ns:
                forget_rhythm(state)
            state.newest_ns = t
            if state.running == 0:
                state.running = 1
                state.next_ns = -(-t // STEP_NS) * STEP_NS
            turn_span(state, t)
            n = take(state, slot, t, values[i, 0], values[i, 1], label, valid, p, out, n)
    return int(n), n_rows
