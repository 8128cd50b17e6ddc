"""Heart-rate recovery after effort: the state machine of CLINICAL 3.9, second by second.

A second is judged `GRID_LAG_S` after it has passed, when the beats after it are known: its rate is
that of the five intervals around it, so that neither a filter nor a link makes the heart seem
slower to fall. Decisions are made on H, the median of the last five seconds. What came when lies
in rings by second; a recovery that has ended is given to `recovery_verdict` with its rates.

Differs from CLINICAL 3.9, point by point:

* The base is the median of medians of 10 s, and that of the first crossing. Between intervals of
  one session it is kept, for in the 300 s before a later crossing lies the interval before; a
  quarter of an hour below the threshold ends the session.
* By the heart rate alone, a stop needs a larger drop and slope where H scatters: of 60 medians
  the highest lies above the middle, and slow swings of a steady effort fall by 4 /min too. Its t0
  is where a level and a falling line meet best, for tP lies 2 /min below the peak, which takes a
  slow recovery 10 s; 45 s later it is dated anew by a level and an exponential.
* A stop by the heart rate alone is also ended by new effort when H is back where it could not be
  told from the peak it fell from: a swing of an effort that goes on is seldom 8 /min deep. If it
  fell by no more than the larger cut-off, which a slow recovery does as well, it was none, also if
  its drop at 60 s is out, and effort goes on; so small a fall is watched half a minute longer. A
  slow recovery does not come back, so nothing is asked of the drop itself.
* A stop by the heart rate alone that new effort ends without a verdict is not followed by a
  refractory time: the real stop may come within it.
* A stop by MARK or MOTION is also heard while an event with t0 by HR runs or rests, and after one
  that was aborted, as long as the effort is there: what is not sure never hides what is.
* The drop at 60 s is out at t0 + 67 s and the verdict at t0 + 127 s (see `recovery_verdict`), and
  both `GRID_LAG_S` later.
* The rate at rest is the 5th percentile of what is known, where older days count half.
* The median movement of the effort is that of the two minutes before; CLINICAL names no length.
* Rhythm: premature beats by label, or by an interval below 0.8 of the median of the five before;
  fibrillation has more than 10 % of these. Cadence lock: rates of a device only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

SECOND_NS = 1_000_000_000
RR, DEVICE_RATE, MOVEMENT, QUALITY, PROFILE = 0, 1, 2, 3, 4  # sources; MARK is what is left
IDLE, EFFORT, RECOVERY, REFRACTORY = 0, 1, 2, 3
MARK, MOTION, HR = 1, 2, 3  # where t0 comes from
DONE, RE_EFFORT, SIGNAL, RHYTHM, CADENCE_LOCK, LITTLE_EFFORT = 1, 2, 3, 4, 5, 6  # how it ended
REPLACED = 7  # by a stop that is sure

GRID_LAG_S = 3  # s, default: an ECG beat is labelled 0.6-1.6 s after R; two more are waited for
N_RATES = 224  # seconds of rate: 60 + 158 around t0, 125 for its fall
N_CALM, CALM_S = 30, 10  # medians of 10 s: the base is that of 300 to 180 s before
N_MOVEMENT = 208  # seconds of movement: 120 before a stop that is found 75 s later, and ahead
N_BEAT_SECONDS = 96  # seconds of beats: 10 + 76 after a stop that is found 75 s later, and ahead
N_PEAKS = 60  # CLINICAL 3.9: P is the maximum of the last 60 s
N_AHEAD = 8  # seconds that may be written before they are judged, and the last two
N_BEATS = 16  # 3 s on both sides at 160/min; beyond it the nearest are there all the same
N_BINS, BIN, BIN_FROM = 50, 4.0, 30.0  # /min, of the distribution for the rest
N_WORK = 128

UNIT = 0.01  # /min, in which rates are kept
NEAREST_S, NEAR_S = 1.5, 4.0  # s, default: a rate has an interval this near, and three of these
N_FRESH = 3  # s, default: a device tells a rate every second; it stands for the two after
SHAKE, SHAKE_STEPS = 0.02, 16.0  # m/s2 of step 1, steps of movement for twice as much
QUARTER, HALF = 32, 16  # steps
N_MEDIAN_S, N_STILL_S = 120, 10  # s: of the median of movement, CLINICAL 3.9: 8 of 10 s
SLOPE_S = 15  # s, CLINICAL 3.9
DROP_PER_SCATTER, SLOPE_PER_SCATTER = 3.0, 0.05  # default: how much surer where H scatters
SCATTER_S, NEAR_PEAK = 110, 12.0  # s before the slope, /min below the peak (default)
BREAK_S = 75  # s, default: in which the begin of a fall is looked for
REFINE_S = 45  # s after a stop was found by the heart rate it is dated anew, default
REFINE_WITHIN_S, BEFORE_STOP_S = 15, 45  # s, default: so far from before; level that is looked at
REFINE_TAUS_S = (20.0, 40.0, 80.0, 200.0)  # s, CLINICAL 3.9: tau of 20 to 200 s
MARK_HALF_S = 7  # s, default: half of the seconds around a mark that its line goes through
LOCKED = 128  # bit of a second in which a device may show the steps
PREMATURE = 0.8  # of the median of five: CLINICAL 3.4, a change of more than 20 %
KEPT_SECONDS = 57_600  # s, default: 16 h of rates, then all count half
SESSION_S = 900  # s, default: below the threshold for longer, the next crossing has its own base
REST_NS = 330 * SECOND_NS  # default: so long after the newest rate the grid rests

N_FEATURE = 5
BEFORE_S = 60  # s of rates before t0 that a verdict sees
N_WINDOW = BEFORE_S + 129  # seconds

# A recovery that ended after its drop at 60 s was out: what `grade_recoveries` needs of it.
ENDED = np.dtype(
    [
        ("t0_ns", np.int64),
        ("t_ns", np.int64),
        ("first", np.int64),  # second of the first rate
        ("peak", np.float64),
        ("hr_max", np.float64),
        ("rates", np.uint16, (N_WINDOW,)),
        ("slot", np.int32),
        ("source", np.int8),
        ("posture", np.int8),
        ("complete", np.int8),
        ("device", np.int8),  # 1: rates of a device, not of beats
    ],
    align=True,
)

RECOVERY_STATE = np.dtype(
    [
        ("next", np.int64),  # the second to be judged next; with running
        ("input_ns", np.int64),  # newest rate
        ("mark_ns", np.int64),  # with marked
        ("t0_ns", np.int64),
        ("until", np.int64),  # end of the refractory time
        ("found", np.int64),  # the second in which the stop was
        ("last", np.int64),  # newest second with a valid rate; with has_last
        ("beat_ns", np.int64, (N_BEATS,)),  # R
        ("rr_ms", np.float32, (N_BEATS,)),
        ("base", np.float64),  # /min, with crossed; 0: as at rest
        ("nadir", np.float64),
        ("peak", np.float64),  # P at the stop
        ("hr_peak", np.float64),  # for the page
        ("age_years", np.float32),  # 0: not known
        ("profile_max", np.float32),
        ("profile_rest", np.float32),
        ("n_beats", np.int32),
        ("n_rest", np.int32),  # seconds in the distribution
        ("n_below", np.int32),  # seconds below the threshold, in a row
        ("n_low", np.int16),  # ... below 60 %, in a row
        ("n_gap", np.int16),  # ... without a valid rate
        ("n_high", np.int16),  # ... above the nadir and its margin
        ("n_moving", np.int16),
        ("rates", np.uint16, (N_RATES,)),  # in UNIT; 0: none
        ("peaks", np.uint16, (N_PEAKS,)),  # median of 10 s, in UNIT
        ("calm", np.uint16, (N_CALM,)),  # ... of every tenth second
        ("rest", np.uint16, (N_BINS,)),
        ("device", np.uint16, (N_AHEAD,)),
        ("cadence", np.uint8, (N_AHEAD,)),  # steps/min; 0: none
        ("bad", np.uint8, (N_AHEAD,)),
        ("movement", np.uint8, (N_MOVEMENT,)),  # in steps of a 16th of an octave; 0: not known
        ("beats", np.uint8, (N_BEAT_SECONDS,)),  # beats + 16 * premature ones, at most 7, + LOCKED
        ("effort_movement", np.int16),  # steps; 0: not known
        ("running", np.int8),
        ("has_last", np.int8),
        ("marked", np.int8),
        ("rr_source", np.int8),
        ("state", np.int8),
        ("stands", np.int8),
        ("source", np.int8),
        ("crossed", np.int8),
        ("has60", np.int8),
        ("ended", np.int8),
        ("posture", np.int8),  # plus 1; 0: not known
        ("beta_blocker", np.int8),
        ("before", np.int8, (2,)),  # of the two counting events before: 1 not delayed, 2 delayed
    ],
    align=True,
)


# The numbers of `processors.detectors.recovery.Params`; rates in /min, times in s. A record goes
# through the functions as one pointer; a tuple of so many would be taken apart for each call.
LIMITS = np.dtype(
    [
        ("effort_share", np.float64),
        ("effort_reserve", np.float64),
        ("effort_s", np.int64),
        ("effort_of_s", np.int64),
        ("rise", np.float64),
        ("leave_share", np.float64),
        ("leave_s", np.int64),
        ("grade_a", np.float64),
        ("grade_b", np.float64),
        ("grade_c", np.float64),
        ("stop_movement", np.float64),
        ("still_s", np.int64),
        ("stop_drop", np.float64),
        ("stop_slope", np.float64),
        ("re_effort_s", np.int64),
        ("re_effort_rise", np.float64),
        ("again_s", np.int64),
        ("valid_share", np.float64),
        ("gap_s", np.int64),
        ("ectopic_share", np.float64),
        ("lock_within", np.float64),
        ("lock_s", np.int64),
        ("refractory_s", np.int64),
        ("cutoff60_moving", np.float64),
        ("cutoff60_still", np.float64),
        ("cutoff120", np.float64),
        ("least_r2", np.float64),
        ("jump_per_s", np.float64),
        ("lowest", np.float64),
        ("highest", np.float64),
        ("hr_max_at_birth", np.float64),
        ("hr_max_at_birth_beta", np.float64),
        ("hr_max_per_year", np.float64),
        ("default_age", np.float64),
    ],
    align=True,
)


class Out(NamedTuple):
    """Room for what is said, and for work: nothing is allocated second by second."""

    ended: NDArray[Any]  # ENDED
    slots: NDArray[np.int32]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    n: NDArray[np.int64]  # [2], rows of ended and of features
    work: NDArray[np.float64]  # [N_WORK]


@entry
def watch_recovery(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    limits: NDArray[Any],
    records: NDArray[Any],
    out: Out,
) -> None:
    """Judge every second that has passed; write recoveries, and features of who is not idle.

    Sources are ``rr_intervals``, ``heart_rate``, ``motion``, ``ecg_quality``, ``profile`` and
    ``mark``. The grid starts with the first rate and rests `REST_NS` after the newest. There is at
    most one feature a second, and one recovery a minute.
    """
    p = limits[0]
    for r in range(len(slots)):
        s = records[slots[r]]
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            limit = until_ns[r] if i == end else t_ns[i] - 1
            while s.running != 0 and (s.next + GRID_LAG_S) * SECOND_NS <= limit:
                if s.next * SECOND_NS - s.input_ns > REST_NS:
                    _rest(s)
                    break
                _judge(s, slots[r], p, out)
                s.next += 1
            if i < end:
                _take(s, t_ns[i], source[i], values[i], out.work)


@inner
def _rest(s: Any) -> None:
    """Forget what belongs to the time, and keep what belongs to the person."""
    s.running, s.has_last, s.marked, s.state, s.crossed, s.stands = 0, 0, 0, IDLE, 0, 0
    s.n_beats = s.n_below = s.n_low = s.n_gap = 0
    s.rates[:] = 0
    s.peaks[:] = 0
    s.calm[:] = 0
    s.device[:] = 0
    s.cadence[:] = 0
    s.bad[:] = 0
    s.movement[:] = 0
    s.beats[:] = 0


@inner
def _take(s: Any, t: int, source: int, row: NDArray[np.float64], work: NDArray[np.float64]) -> None:
    """Put a record where the judgement of its second finds it."""
    if source == PROFILE:
        if row[0] > 0.0:
            s.age_years = row[0]
        if row[1] > 0.0:
            s.profile_max = row[1]
        if row[2] > 0.0:
            s.profile_rest = row[2]
        if 0.0 <= row[4] <= 2.0:
            s.posture = np.int8(row[4]) + 1
        if row[5] >= 0.0:
            s.beta_blocker = 1 if row[5] != 0.0 else 0
        return
    second = -(-t // SECOND_NS)
    if source <= DEVICE_RATE:
        s.input_ns = t
        if s.running == 0:
            s.running = 1
            s.next = second
    if s.running == 0:
        return
    ahead = 0 <= second - s.next < N_AHEAD - N_FRESH
    if source == RR:
        if row[4] == 0.0:
            return
        rr = row[1]
        premature = 2.0 <= row[3] <= 4.0
        if s.n_beats >= 5:
            n = 0
            for k in range(s.n_beats - 5, s.n_beats):
                work[n] = s.rr_ms[k % N_BEATS]
                n += 1
            premature = premature or rr < PREMATURE * _median(work, n)
        s.beat_ns[s.n_beats % N_BEATS] = t - np.int64(row[0])
        s.rr_ms[s.n_beats % N_BEATS] = rr
        s.n_beats += 1
        s.rr_source = np.int8(row[2])
        counted = s.beats[second % N_BEAT_SECONDS]
        if ahead and counted & 15 < 15 and counted & 112 < 112:
            s.beats[second % N_BEAT_SECONDS] += 17 if premature else 1
    elif source == DEVICE_RATE:
        if ahead and 0.0 < row[0] < 600.0:
            s.device[second % N_AHEAD] = np.uint16(row[0] / UNIT + 0.5)
    elif source == MOVEMENT:
        if ahead and row[0] >= 0.0:
            s.movement[second % N_MOVEMENT] = np.uint8(_shake(row[0]))
            s.cadence[second % N_AHEAD] = np.uint8(row[1] + 0.5) if 0.0 < row[1] < 255.0 else 0
    elif source == QUALITY:
        if ahead and row[0] < 0.5:  # CLINICAL 3.10: below 0.5 is bad
            s.bad[second % N_AHEAD] = 1
    elif row[0] == 1.0 and s.marked == 0:
        s.marked = 1
        s.mark_ns = t


@inner
def _shake(m_s2: float) -> int:
    """Give an amount of movement in steps of a 16th of an octave, 1 to 255."""
    steps = SHAKE_STEPS * math.log2(max(m_s2, SHAKE) / SHAKE)
    return int(min(steps, 254.0)) + 1


@inner
def _median(values: NDArray[np.float64], n: int) -> float:
    """Sort the first ``n`` values and give the middle one, or the mean of the two; n > 0."""
    for i in range(1, n):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
    return float(0.5 * (values[(n - 1) // 2] + values[n // 2]))


@inner
def _rate_at(s: Any, second: int, work: NDArray[np.float64]) -> float:
    """Give the rate of a second: of the five intervals nearest to it, else of a device; 0: none."""
    lengths, distances = work[:5], work[5:10]
    n = 0
    for k in range(max(s.n_beats - N_BEATS, 0), s.n_beats):
        rr = s.rr_ms[k % N_BEATS]
        middle_s = (s.beat_ns[k % N_BEATS] - second * SECOND_NS) * 1.0e-9 - 0.5e-3 * rr
        distance = abs(middle_s)
        if distance > NEAR_S or (n == 5 and distance >= distances[4]):
            continue
        j = min(n, 4)
        while j > 0 and distances[j - 1] > distance:
            distances[j], lengths[j] = distances[j - 1], lengths[j - 1]
            j -= 1
        distances[j], lengths[j] = distance, rr
        n = min(n + 1, 5)
    bad = s.rr_source == 0 and s.bad[second % N_AHEAD] != 0
    if n >= 3 and distances[0] <= NEAREST_S and not bad:
        return float(60_000.0 / _median(lengths, n))
    for k in range(N_FRESH):
        if s.device[(second - k) % N_AHEAD] > 0:
            return float(s.device[(second - k) % N_AHEAD] * UNIT)
    return 0.0


@inner
def _level(s: Any, second: int, work: NDArray[np.float64]) -> float:
    """Give H: the median of the valid rates of the last five seconds; 0: a gap."""
    n = 0
    for k in range(5):
        rate = s.rates[(second - k) % N_RATES]
        if rate > 0:
            work[n] = rate
            n += 1
    return _median(work, n) * UNIT if n > 0 else 0.0


@inner
def _median_rate(s: Any, first: int, last: int, work: NDArray[np.float64]) -> float:
    """Give the median of the valid rates of these seconds; 0 if less than half are."""
    n = 0
    for second in range(first, last + 1):
        rate = s.rates[second % N_RATES]
        if rate > 0:
            work[n] = rate
            n += 1
    return _median(work, n) * UNIT if 2 * n > last - first else 0.0


@inner
def _heart_rate_max(s: Any, p: Any) -> float:
    if s.profile_max > 0.0:
        return float(s.profile_max)
    age = float(s.age_years) if s.age_years > 0.0 else p.default_age
    birth = p.hr_max_at_birth_beta if s.beta_blocker != 0 else p.hr_max_at_birth
    return float(birth - p.hr_max_per_year * age)


@inner
def _heart_rate_rest(s: Any) -> float:
    """Give the profile's rate at rest, else the 5th percentile of what is known; 0: nothing is."""
    if s.profile_rest > 0.0:
        return float(s.profile_rest)
    left = 0.05 * s.n_rest
    for k in range(N_BINS):
        if s.rest[k] > 0 and s.rest[k] >= left:
            return float(BIN_FROM + BIN * (k + left / s.rest[k]))
        left -= s.rest[k]
    return 0.0


@inner
def _threshold(s: Any, hr_max: float, p: Any) -> float:
    rest = _heart_rate_rest(s)
    limit = p.effort_share * hr_max
    if rest > 0.0:
        limit = max(limit, rest + p.effort_reserve * (hr_max - rest))
    return float(limit)


@inner
def _in_effort(s: Any, level: float, threshold: float, p: Any, work: NDArray[np.float64]) -> bool:
    """Tell whether H was high for long enough and rose by enough to this level."""
    base = s.base if s.base > 0.0 else _heart_rate_rest(s)
    if s.crossed == 0 or level - base < p.rise:
        return False
    n = 0
    for k in range(p.effort_of_s):
        if _level(s, s.next - k, work) >= threshold:
            n += 1
    return bool(n >= p.effort_s)


@inner
def _judge(s: Any, slot: int, p: Any, out: Out) -> None:
    """Judge one second."""
    now = s.next
    work = out.work
    _keep_rate(s, now, p, work)
    level = _level(s, now, work)
    hr_max = _heart_rate_max(s, p)
    threshold = _threshold(s, hr_max, p)
    _note_crossing(s, now, level, threshold, work)
    peak = _note_peak(s, now, work)

    # Who has stopped, if anybody: the mark goes first, then movement, then the heart rate. What is
    # not confirmed, or came to nothing, keeps nobody from being heard.
    source, t0_ns = 0, s.mark_ns
    surely = s.source != HR and (s.state == RECOVERY or (s.state == REFRACTORY and s.ended == DONE))
    movement = _stands_still(s, p, work)
    if s.marked != 0 and s.mark_ns <= now * SECOND_NS:
        s.marked = 0
        source = MARK
    elif movement > 0 and s.stands == 0:
        source, t0_ns = MOTION, _still_since(s, movement)
    elif s.state == EFFORT and 0.0 < level <= peak - p.stop_drop and _falls(s, peak, p, work):
        source, t0_ns = HR, _break(s, peak, work)
    s.stands = 1 if movement > 0 else 0
    if surely or s.state == IDLE:
        source = 0
    if s.state == IDLE or (source != 0 and s.state != EFFORT):
        high = peak if source != 0 else level
        if high < threshold or not _in_effort(s, high, threshold, p, work):
            source = 0
        elif s.state == IDLE:
            s.state = EFFORT
            s.n_low = 0

    reason = 0
    if s.state == RECOVERY:
        reason = REPLACED if source != 0 else _what_ends(s, level, hr_max, p)
    elif s.state == EFFORT:
        s.n_low = s.n_low + 1 if level < p.leave_share * hr_max else 0
        if s.n_low >= p.leave_s:
            s.state = IDLE
    elif s.state == REFRACTORY and now >= s.until:
        s.state = IDLE
    if s.state == RECOVERY and reason == 0 and s.source == HR and now == s.found + REFINE_S:
        _refine(s, work)
    if reason != 0:
        _end(s, slot, reason, hr_max, p, out)
    if source != 0:
        _start(s, t0_ns, source, peak, work)
    _tell(s, slot, level, hr_max, out)

    # Make room for the seconds to come.
    s.movement[(now + N_AHEAD) % N_MOVEMENT] = 0
    s.beats[(now + N_AHEAD) % N_BEAT_SECONDS] = 0
    old = (now - N_FRESH + 1) % N_AHEAD
    s.device[old] = 0
    s.cadence[old] = 0
    s.bad[old] = 0


@inner
def _keep_rate(s: Any, now: int, p: Any, work: NDArray[np.float64]) -> None:
    """Keep the rate of a second if it can be true, and count it for the rest."""
    rate = _rate_at(s, now, work)
    valid = p.lowest <= rate <= p.highest
    kept = np.uint16(rate / UNIT + 0.5) if valid else np.uint16(0)
    if valid and s.has_last != 0 and now - s.last < 20:
        change = abs(float(kept) - float(s.rates[s.last % N_RATES])) * UNIT
        valid = change <= p.jump_per_s * (now - s.last)
    s.rates[now % N_RATES] = kept if valid else 0
    if not valid:
        s.n_gap = min(s.n_gap + 1, 1000)
        return
    s.last, s.has_last, s.n_gap = now, 1, 0
    steps = s.cadence[now % N_AHEAD]
    beats_gone = s.n_beats == 0 or (now * SECOND_NS - s.beat_ns[(s.n_beats - 1) % N_BEATS]) > (
        NEAR_S * SECOND_NS
    )
    if beats_gone and steps > 0 and abs(rate - steps) <= p.lock_within:
        s.beats[now % N_BEAT_SECONDS] |= LOCKED
    s.rest[min(int((rate - BIN_FROM) / BIN), N_BINS - 1)] += 1
    s.n_rest += 1
    if s.n_rest >= KEPT_SECONDS:
        s.n_rest = 0
        for k in range(N_BINS):
            s.rest[k] //= 2
            s.n_rest += s.rest[k]


@inner
def _note_crossing(
    s: Any, now: int, level: float, threshold: float, work: NDArray[np.float64]
) -> None:
    """Note the base when H first reaches the threshold."""
    if level < threshold:
        s.n_below += 1
        if s.n_below > SESSION_S:
            s.crossed = 0
        return
    s.n_below = 0
    if s.crossed == 0:
        s.crossed = 1
        # CLINICAL 3.9: median H 300 to 180 s before; of medians of 10 s here.
        n = 0
        for k in range(N_CALM - 12, N_CALM):
            calm = s.calm[(now // CALM_S - k) % N_CALM]
            if calm > 0:
                work[n] = calm
                n += 1
        s.base = _median(work, n) * UNIT if n > 6 else 0.0


@inner
def _note_peak(s: Any, now: int, work: NDArray[np.float64]) -> float:
    """Give P, the maximum of the medians of 10 s over the last 60 s."""
    newest = np.uint16(_median_rate(s, now - 9, now, work) / UNIT + 0.5)
    s.peaks[now % N_PEAKS] = newest
    if now % CALM_S == 0:
        s.calm[now // CALM_S % N_CALM] = newest
    highest = 0
    for k in range(N_PEAKS):
        highest = max(highest, s.peaks[k])
    return float(highest * UNIT)


@inner
def _falls(s: Any, peak: float, p: Any, work: NDArray[np.float64]) -> bool:
    """Tell whether H stayed below the peak for 15 s and its Theil-Sen slope says that it falls."""
    line = work[N_WORK - SLOPE_S :]
    for k in range(SLOPE_S):
        line[k] = _level(s, s.next - SLOPE_S + 1 + k, work)
        if line[k] == 0.0 or line[k] > peak - 1.0:
            return False
    n = 0
    for i in range(SLOPE_S):
        for j in range(i):
            work[n] = (line[i] - line[j]) / (i - j)
            n += 1
    slope = _median(work, n)
    if slope > p.stop_slope:
        return False
    # What H scatters: the highest of many medians lies above the middle, and any slope is unsure.
    n = 0
    for k in range(SLOPE_S, SLOPE_S + SCATTER_S):
        before = _level(s, s.next - k, work[n:])
        if before > peak - NEAR_PEAK:  # not the rise at the begin of the effort
            work[n] = before
            n += 1
    if n == 0:
        return False
    middle = _median(work, n)
    for k in range(n):
        work[k] = abs(work[k] - middle)
    scatter = 1.4826 * _median(work, n)
    low = line[SLOPE_S - 1] <= peak - p.stop_drop - DROP_PER_SCATTER * scatter
    return bool(low and slope <= p.stop_slope - SLOPE_PER_SCATTER * scatter)


@inner
def _break(s: Any, peak: float, work: NDArray[np.float64]) -> int:
    """Give when the rate began to fall, ns: where a level and a falling line meet best.

    Least squares over the last 75 s; where that finds no fall, tP: the last time with H >= P - 2.
    """
    found = s.next
    while found > s.next - N_PEAKS and _level(s, found, work) < peak - 2.0:
        found -= 1
    found -= 2  # the median of five seconds lies two behind
    least = np.inf
    for corner in range(s.next - BREAK_S + 8, s.next - 5):
        left = _left(s, s.next - BREAK_S, corner, 1.0)
        if left < least:
            least, found = left, corner
    return int(found * SECOND_NS)


@inner
def _refine(s: Any, work: NDArray[np.float64]) -> None:
    """Date a stop told by the heart rate anew, now that more of the fall is known.

    Where a level and an exponential fall meet best: least squares over the seconds from
    `BEFORE_STOP_S` before the first estimate up to now.
    """
    first = s.t0_ns // SECOND_NS
    least, found = np.inf, first
    for tau_s in REFINE_TAUS_S:
        q = math.exp(-1.0 / tau_s)
        for corner in range(first - REFINE_WITHIN_S, min(first + REFINE_WITHIN_S, s.next - 20) + 1):
            left = _left(s, first - BEFORE_STOP_S, corner, q)
            if left < least:
                least, found = left, corner
    s.t0_ns = found * SECOND_NS
    s.hr_peak = _median_rate(s, found - 10, found, work)


@inner
def _left(s: Any, begin: int, corner: int, q: float) -> float:
    """Give the squares that a level up to a corner and a fall behind it leave; infinity: no fall.

    The steps of the fall are `q` times the one before: 1 for a line, less for an exponential.
    """
    n, t, step = 0, 0.0, 1.0
    st, sx, stt, stx, sxx = 0.0, 0.0, 0.0, 0.0, 0.0
    for second in range(begin, s.next + 1):
        if second > corner:
            t += step
            step *= q
        x = s.rates[second % N_RATES] * UNIT
        if x > 0.0:
            n += 1
            st += t
            sx += x
            stt += t * t
            stx += t * x
            sxx += x * x
    spread, shared = stt - st * st / n, stx - st * sx / n
    return float(sxx - sx * sx / n - shared * shared / spread) if shared < 0.0 else math.inf


@inner
def _median_movement(s: Any, last: int, work: NDArray[np.float64]) -> int:
    """Give the median of movement over the two minutes up to a second, in steps; 0: not known."""
    n = 0
    for k in range(N_MEDIAN_S):
        steps = s.movement[(last - k) % N_MOVEMENT]
        if steps > 0:
            work[n] = steps
            n += 1
    return int(_median(work, n)) if n >= N_MEDIAN_S // 4 else 0


@inner
def _stands_still(s: Any, p: Any, work: NDArray[np.float64]) -> int:
    """Give the movement of the effort if it was below a quarter of it in 8 of the last 10 s; 0."""
    highest, before = 0, s.next - N_STILL_S
    for k in range(N_MEDIAN_S):
        highest = max(highest, s.movement[(before - k) % N_MOVEMENT])
    # No median is above the highest: most often that is the end of it.
    if highest < _shake(p.stop_movement) or _still_seconds(s, highest) < p.still_s:
        return 0
    median = _median_movement(s, before, work)
    if median < _shake(p.stop_movement) or _still_seconds(s, median) < p.still_s:
        return 0
    return int(median)


@inner
def _still_seconds(s: Any, steps: int) -> int:
    """Count the seconds of the last ten with less than a quarter of this movement."""
    n = 0
    for k in range(N_STILL_S):
        if 0 < s.movement[(s.next - k) % N_MOVEMENT] < steps - QUARTER:
            n += 1
    return n


@inner
def _still_since(s: Any, movement: int) -> int:
    """Give the begin of the first of the still seconds, ns."""
    first = s.next
    for k in range(N_STILL_S):
        if 0 < s.movement[(s.next - k) % N_MOVEMENT] < movement - QUARTER:
            first = s.next - k
    return int((first - 1) * SECOND_NS)


@inner
def _start(s: Any, t0_ns: int, source: int, peak: float, work: NDArray[np.float64]) -> None:
    """Begin a recovery."""
    first = -(-t0_ns // SECOND_NS)
    s.state, s.source, s.t0_ns, s.peak, s.has60, s.ended = RECOVERY, source, t0_ns, peak, 0, 0
    s.found = s.next
    s.hr_peak = _median_rate(s, first - 10, first, work)
    s.effort_movement = _median_movement(s, first - 1, work)
    s.n_high = s.n_moving = 0
    s.nadir = 1000.0
    for second in range(first, s.next + 1):
        level = _level(s, second, work)
        if level > 0.0:
            s.nadir = min(s.nadir, level)


@inner
def _what_ends(s: Any, level: float, hr_max: float, p: Any) -> int:
    """Take one second of a recovery; give why it ends, 0: it does not."""
    since_s = (s.next * SECOND_NS - s.t0_ns) * 1.0e-9
    if level > 0.0:
        s.nadir = min(s.nadir, level)
        # Of a stop that the rate alone tells, being back at the peak is enough: it was a swing.
        again = s.source == HR and level >= s.peak - p.stop_drop
        s.n_high = s.n_high + 1 if again or level > s.nadir + p.re_effort_rise else 0
    moving = s.movement[s.next % N_MOVEMENT] > s.effort_movement - HALF
    known = s.effort_movement >= _shake(p.stop_movement)
    s.n_moving = s.n_moving + 1 if known and moving else 0
    if s.n_high >= p.re_effort_s or s.n_moving >= p.re_effort_s:
        return RE_EFFORT
    if s.n_gap > p.gap_s:
        return SIGNAL
    if s.has60 == 0 and since_s >= 60.0 + MARK_HALF_S:
        reason = _what_forbids(s, hr_max, p)
        if reason != 0:
            return int(reason)
        s.has60 = 1
    return DONE if since_s >= 120.0 + MARK_HALF_S + (p.again_s if _is_small(s, p) else 0) else 0


@inner
def _is_small(s: Any, p: Any) -> bool:
    """Tell whether a fall that the heart rate alone told may be a swing of an effort."""
    return bool(s.source == HR and s.peak - s.nadir <= p.cutoff60_still)


@inner
def _n_valid(s: Any, from_s: int, to_s: int) -> tuple[int, int]:
    """Count the valid seconds in a time after t0, and all of them."""
    first = -(-(s.t0_ns + from_s * SECOND_NS) // SECOND_NS)
    last = (s.t0_ns + to_s * SECOND_NS) // SECOND_NS
    n = 0
    for second in range(first, last + 1):
        if s.rates[second % N_RATES] > 0:
            n += 1
    return n, int(last - first + 1)


@inner
def _what_forbids(s: Any, hr_max: float, p: Any) -> int:
    """Give why the drop at 60 s must not be judged; 0: nothing."""
    n, whole = _n_valid(s, 0, 60)
    if n < p.valid_share * whole:
        return SIGNAL
    if _n_valid(s, 57, 63)[0] < 4 or _n_valid(s, -10, 0)[0] < 4:
        return SIGNAL
    first = s.t0_ns // SECOND_NS - 10
    n_beats, n_premature, run, longest = 0, 0, 0, 0
    for second in range(first, first + 76):
        n_beats += s.beats[second % N_BEAT_SECONDS] & 15
        n_premature += (s.beats[second % N_BEAT_SECONDS] & 112) >> 4
        run = run + 1 if s.beats[second % N_BEAT_SECONDS] & LOCKED != 0 else 0
        longest = max(longest, run)
    if n_premature > p.ectopic_share * n_beats:
        return RHYTHM
    if longest > p.lock_s:
        return CADENCE_LOCK
    return LITTLE_EFFORT if s.peak < p.grade_c * hr_max else 0


@inner
def _end(s: Any, slot: int, reason: int, hr_max: float, p: Any, out: Out) -> None:
    """End a recovery; it is to be graded if the drop at 60 s is out and it was no swing."""
    graded = s.has60 != 0 and not (reason == RE_EFFORT and _is_small(s, p))
    if s.source == HR and reason == RE_EFFORT and not graded:
        s.state = EFFORT
        s.n_low = 0
        return
    s.state = REFRACTORY
    s.until = s.next + p.refractory_s
    s.ended = DONE if graded else reason
    if not graded:
        return
    row = out.ended[out.n[0]]
    row.t0_ns, row.t_ns = s.t0_ns, (s.next + GRID_LAG_S) * SECOND_NS
    row.first = s.t0_ns // SECOND_NS - BEFORE_S
    row.peak, row.hr_max = s.peak, hr_max
    row.slot, row.source, row.posture = slot, s.source, s.posture
    row.complete = 1 if s.next * SECOND_NS - s.t0_ns >= (120 + MARK_HALF_S) * SECOND_NS else 0
    row.device = 1 if s.n_beats == 0 or s.beat_ns[(s.n_beats - 1) % N_BEATS] < s.t0_ns else 0
    for k in range(N_WINDOW):
        row.rates[k] = s.rates[(row.first + k) % N_RATES] if row.first + k <= s.next else 0
    out.n[0] += 1


@inner
def _tell(s: Any, slot: int, level: float, hr_max: float, out: Out) -> None:
    """Write a feature: every second of a recovery, every fifth in effort and after."""
    if s.state == IDLE or (s.state != RECOVERY and s.next % 5 != 0):
        return
    n = out.n[1]
    o = out.values[n]
    out.slots[n], out.t_ns[n] = slot, (s.next + GRID_LAG_S) * SECOND_NS
    o[0], o[1], o[2], o[3], o[4] = s.state, np.nan, np.nan, np.nan, 0.0
    if s.state == REFRACTORY:
        o[4] = s.ended
    if level > 0.0:
        o[1] = 100.0 * level / hr_max
    if s.state == RECOVERY:
        o[2] = (s.next * SECOND_NS - s.t0_ns) * 1.0e-9
        if level > 0.0 and s.hr_peak > 0.0:
            o[3] = s.hr_peak - level
    out.n[1] += 1
