"""Heart-rate recovery, the slow way: at every second the whole past is read again."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

S = 1_000_000_000
RR, DEVICE, MOVEMENT, QUALITY, PROFILE, MARK_SET = range(6)
IDLE, EFFORT, RECOVERY, REFRACTORY = range(4)
MARK, MOTION, HR = 1, 2, 3
DONE, RE_EFFORT, SIGNAL, RHYTHM, LOCK, LITTLE, REPLACED = range(1, 8)


def median(values):
    ordered, n = sorted(values), len(values)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]) if n else 0.0


def steps(m_s2):
    """Movement in 16ths of an octave."""
    return int(min(16 * math.log2(max(m_s2, 0.02) / 0.02), 254)) + 1


def nearest_decay(t, x):
    """The time constant (NaN: censored) and R2 of the exponential that is nearest to rates."""

    def left(tau):
        fall = np.exp(-t / tau)
        return np.sum((x - np.polyval(np.polyfit(fall, x, 1), fall)) ** 2)

    taus, factor = 10.0 * 1.15 ** np.arange(25), 1.15
    best, least = 10.0, math.inf
    for _ in range(3):
        for tau in taus:
            if left(tau) < least:
                best, least = tau, left(tau)
        start, factor = best / factor, factor ** (1 / 12)
        taus = start * factor ** np.arange(25)
    fall, _ = np.polyfit(np.exp(-t / best), x, 1)
    r2 = 1 - least / np.sum((x - x.mean()) ** 2)
    sure = fall > 0 and r2 >= 0.75 and math.exp(-120 / best) < 0.37
    return (best if sure else math.nan), r2


class Person:
    """What is known of one person, by the second."""

    def __init__(self) -> None:
        self.profile = {"age": 45.0, "max": 0.0, "rest": 0.0, "posture": None, "beta": False}
        self.counts = {}  # valid rates by bins of 4 /min
        self.before = []  # whether the counting events were delayed
        self.clear()

    def clear(self):
        self.next = None  # the second to be judged
        self.input = None
        self.intervals = []  # (R, rr)
        self.source = 0
        self.device, self.movement, self.cadence = {}, {}, {}
        self.bad, self.beats, self.locked = set(), {}, set()
        self.marks = []
        self.rates, self.levels, self.tens = {}, {}, {}  # valid rates, their medians of 5 and 10 s
        self.last_beat = None
        self.state, self.base, self.crossed = IDLE, 0.0, False
        self.below = self.low = self.gap = 0
        self.stood = False
        self.event = None

    # ---- what comes in

    def take(self, t, source, v):
        second = -(-t // S)
        if source == PROFILE:
            for name, number in (("age", v[0]), ("max", v[1]), ("rest", v[2])):
                if number > 0:
                    self.profile[name] = float(np.float32(number))
            if 0 <= v[4] <= 2:
                self.profile["posture"] = int(v[4])
            if v[5] >= 0:
                self.profile["beta"] = v[5] != 0
            return
        if source in (RR, DEVICE):
            self.input = t
            if self.next is None:
                self.next = second
        if self.next is None:
            return
        if source == RR and v[4]:
            usual = [rr for _, rr in self.intervals[-5:]]
            premature = v[3] in (2, 3, 4) or (len(usual) == 5 and v[1] < 0.8 * median(usual))
            self.intervals.append((t - int(v[0]), float(np.float32(v[1]))))
            self.source = v[2]
            self.beats.setdefault(second, []).append(premature)
        elif source == DEVICE and v[0] > 0:
            self.device[second] = math.floor(v[0] / 0.01 + 0.5) * 0.01
        elif source == MOVEMENT and v[0] >= 0:
            self.movement[second] = steps(v[0])
            self.cadence[second] = int(v[1] + 0.5) if v[1] > 0 else 0
        elif source == QUALITY and v[0] < 0.5:
            self.bad.add(second)
        elif source == MARK_SET and v[0] == 1:
            self.marks.append(t)

    # ---- the rate

    def rate_at(self, k):
        near = [(abs((r - k * S) * 1e-9 - 0.5e-3 * rr), rr) for r, rr in self.intervals[-16:]]
        near = sorted((one for one in near if one[0] <= 4), key=lambda one: one[0])[:5]
        good = not (self.source == 0 and k in self.bad)
        if len(near) >= 3 and near[0][0] <= 1.5 and good:
            return 60_000 / median([rr for _, rr in near])
        return next((self.device[j] for j in (k, k - 1, k - 2) if j in self.device), 0.0)

    def keep_rate(self, k):
        rate = self.rate_at(k)
        kept = math.floor(rate / 0.01 + 0.5)
        last = max(self.rates, default=None)
        valid = 30 <= rate <= 230
        if valid and last is not None and k - last < 20:
            change = abs(kept - round(self.rates[last] * 100)) * 0.01
            valid = change <= 12 * (k - last)
        if not valid:
            self.gap += 1
            return
        self.gap = 0
        self.rates[k] = kept * 0.01
        steps_per_min = self.cadence.get(k, 0)
        beats_gone = not self.intervals or k * S - self.intervals[-1][0] > 4 * S
        if beats_gone and steps_per_min and abs(rate - steps_per_min) <= 3:
            self.locked.add(k)
        cell = min(int((rate - 30) / 4), 49)
        self.counts[cell] = self.counts.get(cell, 0) + 1

    def values(self, first, last):
        return [self.rates[k] for k in range(first, last + 1) if k in self.rates]

    def level(self, k):
        """H: the median of the valid rates of five seconds."""
        if k not in self.levels:
            self.levels[k] = median(self.values(k - 4, k))
        return self.levels[k]

    def usual(self, first, last):
        found = self.values(first, last)
        return median(found) if 2 * len(found) > last - first else 0.0

    def base_before(self, k):
        """The median of what the medians of ten seconds were 300 to 180 s before, if most are."""
        tens = [10 * (k // 10 - j) for j in range(18, 30)]
        known = [self.tens[j] * 0.01 for j in tens if self.tens.get(j)]
        return median(known) if len(known) > 6 else 0.0

    def peak(self, k):
        """P: the highest median of ten seconds, kept in hundredths, of the last minute."""
        self.tens[k] = math.floor(self.usual(k - 9, k) / 0.01 + 0.5)
        return max(self.tens.get(j, 0) for j in range(k - 59, k + 1)) * 0.01

    # ---- the person

    def hr_max(self):
        own = self.profile["max"]
        return own or (164 if self.profile["beta"] else 208) - 0.7 * self.profile["age"]

    def hr_rest(self):
        if self.profile["rest"]:
            return self.profile["rest"]
        left = 0.05 * sum(self.counts.values())
        for cell in sorted(self.counts):
            if self.counts[cell] >= left:
                return 30 + 4 * (cell + left / self.counts[cell])
            left -= self.counts[cell]
        return 0.0

    def threshold(self):
        rest, most = self.hr_rest(), self.hr_max()
        return max(0.7 * most, rest + 0.4 * (most - rest)) if rest else 0.7 * most

    def in_effort(self, k, high):
        if not self.crossed or high - (self.base or self.hr_rest()) < 25:
            return False
        return sum(self.level(j) >= self.threshold() for j in range(k - 89, k + 1)) >= 60

    # ---- stops

    def usual_movement(self, last):
        known = [self.movement[k] for k in range(last - 119, last + 1) if k in self.movement]
        return int(median(known)) if len(known) >= 30 else 0

    def still_seconds(self, k):
        """The seconds of the last ten with less than a quarter of the usual movement."""
        usual = self.usual_movement(k - 10)
        if usual < steps(0.5):
            return []
        return [j for j in range(k - 9, k + 1) if 0 < self.movement.get(j, 0) < usual - 32]

    def falls(self, k, peak):
        line = [self.level(j) for j in range(k - 14, k + 1)]
        if min(line) == 0 or max(line) > peak - 1:
            return False
        pairs = combinations(range(15), 2)
        slope = median([(line[j] - line[i]) / (j - i) for i, j in pairs])
        before = [x for j in range(k - 124, k - 14) if (x := self.level(j)) > peak - 12]
        if not before:
            return False
        scatter = 1.4826 * median(np.abs(np.array(before) - median(before)))
        return line[-1] <= peak - 4 - 3 * scatter and slope <= -0.1 - 0.05 * scatter

    def break_of(self, k, peak):
        found = k
        while found > k - 60 and self.level(found) < peak - 2:
            found -= 1
        found, least = found - 2, math.inf
        known = [j for j in range(k - 75, k + 1) if j in self.rates]
        x = np.array([self.rates[j] for j in known])
        for corner in range(k - 67, k - 5):
            t = np.maximum(np.array(known) - corner, 0.0)
            slope, height = np.polyfit(t, x, 1)
            left = np.sum((x - height - slope * t) ** 2)
            if slope < 0 and left < least:
                found, least = corner, left
        return found * S

    def refine(self, k):
        """Date the stop anew: a level and an exponential fall, now that more of it is known."""
        first = self.event["t0"] // S
        known = np.array([j for j in range(first - 45, k + 1) if j in self.rates])
        x = np.array([self.rates[j] for j in known])
        found, least = first, math.inf
        for tau in (20.0, 40.0, 80.0, 200.0):
            for corner in range(first - 15, min(first + 15, k - 20) + 1):
                fall = 1 - np.exp(-np.maximum(known - corner, 0) / tau)
                drop, height = np.polyfit(fall, x, 1)
                left = np.sum((x - height - drop * fall) ** 2)
                if drop < 0 and left < least:
                    found, least = corner, left
        self.event["t0"] = found * S
        self.event["hr_peak"] = self.usual(found - 10, found)

    # ---- a second

    def judge(self, k):
        self.keep_rate(k)
        level, most, peak = self.level(k), self.hr_max(), self.peak(k)
        if level < self.threshold():
            self.below += 1
            self.crossed = self.crossed and self.below <= 900
        else:
            self.below = 0
            if not self.crossed:
                self.crossed, self.base = True, self.base_before(k)
        source, t0 = self.stop(k, level, peak)
        if self.state == IDLE or (source and self.state != EFFORT):
            high = peak if source else level
            if high < self.threshold() or not self.in_effort(k, high):
                source = 0
            elif self.state == IDLE:
                self.state, self.low = EFFORT, 0
        found, reason = None, 0
        if self.state == RECOVERY:
            reason = REPLACED if source else self.what_ends(k, level, most)
        elif self.state == EFFORT:
            self.low = self.low + 1 if level < 0.6 * most else 0
            if self.low >= 60:
                self.state = IDLE
        elif self.state == REFRACTORY and k >= self.event["until"]:
            self.state = IDLE
        going_on = self.state == RECOVERY and not reason
        if going_on and self.event["source"] == HR and k == self.event["found"] + 45:
            self.refine(k)
        if reason:
            e = self.event
            graded = e["has60"] and not (reason == RE_EFFORT and self.is_small())
            if e["source"] == HR and reason == RE_EFFORT and not graded:
                self.state, self.low = EFFORT, 0
            else:
                self.state, e["until"] = REFRACTORY, k + 180
                e["ended"] = DONE if graded else reason
            if graded:
                found = self.grade(k, most)
        if source:
            self.start(k, t0, source, peak)
        return found, self.feature(k, level, most)

    def stop(self, k, level, peak):
        source, t0 = 0, 0
        event = self.event or {"source": HR}
        told = self.state == RECOVERY or (self.state == REFRACTORY and event["ended"] == DONE)
        surely = event["source"] != HR and told
        still = self.still_seconds(k)
        due = [t for t in self.marks if t <= k * S]
        if due:
            source, t0 = MARK, due[0]
            self.marks = [t for t in self.marks if t > k * S]
        elif len(still) >= 8 and not self.stood:
            source, t0 = MOTION, (still[0] - 1) * S
        elif self.state == EFFORT and 0 < level <= peak - 4 and self.falls(k, peak):
            source, t0 = HR, self.break_of(k, peak)
        self.stood = len(still) >= 8
        return (0, 0) if surely or self.state == IDLE else (source, t0)

    def start(self, k, t0, source, peak):
        first = -(-t0 // S)
        self.state = RECOVERY
        levels = [self.level(j) for j in range(first, k + 1) if self.level(j)]
        self.event = {
            "t0": t0, "found": k, "source": source, "peak": peak, "has60": False, "ended": 0,
            "high": 0, "moving": 0, "nadir": min(levels, default=1000.0),
            "movement": self.usual_movement(first - 1), "hr_peak": self.usual(first - 10, first),
        }  # fmt: skip

    def what_ends(self, k, level, most):
        e = self.event
        since = (k * S - e["t0"]) / S
        if level:
            e["nadir"] = min(e["nadir"], level)
            swing = e["source"] == HR and level >= e["peak"] - 4
            e["high"] = e["high"] + 1 if swing or level > e["nadir"] + 8 else 0
        moving = self.movement.get(k, 0) > e["movement"] - 16 and e["movement"] >= steps(0.5)
        e["moving"] = e["moving"] + 1 if moving else 0
        if e["high"] >= 10 or e["moving"] >= 10:
            return RE_EFFORT
        if self.gap > 8:
            return SIGNAL
        if not e["has60"] and since >= 67:
            reason = self.what_forbids(most)
            if reason:
                return reason
            e["has60"] = True
        return DONE if since >= (157 if self.is_small() else 127) else 0

    def is_small(self):
        """A fall that the heart rate alone told, and may be a swing of an effort that goes on."""
        return self.event["source"] == HR and self.event["peak"] - self.event["nadir"] <= 18

    def is_complete(self, now):
        return now * S - self.event["t0"] >= 127 * S

    def seconds(self, low, high):
        """The seconds of a time after t0."""
        t0 = self.event["t0"]
        return range(-(-(t0 + low * S) // S), (t0 + high * S) // S + 1)

    def known(self, low, high):
        return [k for k in self.seconds(low, high) if k in self.rates]

    def what_forbids(self, most):
        if len(self.known(0, 60)) < 0.8 * len(self.seconds(0, 60)):
            return SIGNAL
        if len(self.known(57, 63)) < 4 or len(self.known(-10, 0)) < 4:
            return SIGNAL
        first = self.event["t0"] // S - 10
        beats = [b for k in range(first, first + 76) for b in self.beats.get(k, [])]
        if sum(beats) > 0.1 * len(beats):
            return RHYTHM
        marks = "".join("x" if k in self.locked else " " for k in range(first, first + 76))
        if max(map(len, marks.split(" "))) > 10:
            return LOCK
        return LITTLE if self.event["peak"] < 0.6 * most else 0

    # ---- a verdict

    def curve(self, now):
        """A level, a corner and a fall through all rates around the stop, each way it can be.

        Gives the rates at the marks, two standard errors of the drop, and the corner.
        """
        e, t0 = self.event, self.event["t0"]
        last = min((now * S - t0) / S, 128)
        if not self.is_complete(now):
            last = max(last - 20, 67)
        seconds = range(t0 // S - 60, t0 // S + 129)
        pairs = [((k * S - t0) / S, self.rates[k]) for k in seconds if k in self.rates]
        pairs = [(t, x) for t, x in pairs if t <= last]
        if e["source"] == HR:
            corners = range(-15, min(int(last - (120 if self.is_complete(now) else 67)), 15) + 1)
        else:
            corners = range(13) if self.by_device() else [0]
        behind = 4.0 if e["source"] != HR and self.by_device() else math.inf
        # Outliers are far from the median of eleven; before the effort it is far below.
        around = [pairs[abs(i)][1] for i in range(-5, 0)] + [x for _, x in pairs]
        around += [pairs[-2 - i][1] for i in range(5)]
        off = [abs(x - median(around[i : i + 11])) for i, (_, x) in enumerate(pairs)]
        at_stop = median([x for t, x in pairs if -10 <= t <= 0])
        begin = max((t for t, x in pairs if t <= 0 and x < at_stop - 12), default=-math.inf)
        far = max(3.0, 4.5 * median(off))
        pairs = [one for one, d in zip(pairs, off, strict=True) if d <= far and one[0] > begin]
        t, x = np.array(pairs).T
        middle = x.mean()
        x = x - middle
        taus = [10 * 1.2**k for k in range(20)] + [600, 2000]
        ways = [(c, tau) for c in corners for tau in taus]

        def shape(since, tau):
            return np.array([
                np.ones_like(since), 1 - np.exp(-np.minimum(since, 0) / 40),
                1 - np.exp(np.minimum(since, 0) / 15),
                np.exp(-np.maximum(since, 0) / tau) - 1,
            ])  # fmt: skip

        def fit(c, tau, variance):
            rows = shape(t - c, tau)
            weighed = rows @ rows.T + np.diag([0, variance / 9, variance / 2.25, variance / 500**2])
            found = np.linalg.solve(weighed, rows @ x)
            return weighed, found, np.sum(x**2) - found @ (rows @ x)

        best = min(ways, key=lambda way: fit(*way, 0.05)[2])
        _, found, left = fit(*best, 0.05)
        rest = x - found @ shape(t - best[0], best[1])
        inertia = min(max(np.sum(rest[1:] * rest[:-1]) / np.sum(rest**2), 0), 0.8)
        variance = max(left / (len(x) - 4), 0.05) * (1 + inertia) / (1 - inertia)
        fits = [fit(*way, variance) for way in ways]
        likely = np.array([
            -left / (2 * variance) - 0.5 * math.log(np.linalg.det(weighed)) - c / behind
            - 0.5 * (math.log(tau / 63) / 0.6) ** 2
            for (c, tau), (weighed, _, left) in zip(ways, fits, strict=True)
        ])  # fmt: skip
        weight = np.exp(likely - likely.max()) / np.sum(np.exp(likely - likely.max()))
        corner = sum(w * c for w, (c, _) in zip(weight, ways, strict=True))
        each = list(zip(weight, ways, fits, strict=True))
        off = x - sum(w * (f[1] @ shape(t - c, tau)) for w, (c, tau), f in each if w > 1e-3)

        def mark(at, half):
            at_once = np.array(float(at))
            told = middle + sum(w * (f[1] @ shape(at_once, tau)) for w, (_, tau), f in each)
            near = off[np.abs(t - corner - at) <= half]
            mean = near.mean() if len(near) else 0.0
            return told + (mean * max(1 - 4 * variance / len(near) / mean**2, 0) if mean else 0)

        drops, errors = [], []
        for _, (_, tau), (weighed, found, _) in each:
            drop = shape(np.array(-5.0), tau) - shape(np.array(60.0), tau)
            drops.append(drop @ found)
            errors.append(drop @ np.linalg.solve(weighed, drop) * variance)
        drops = np.array(drops)
        spread = weight @ (np.array(errors) + (drops - weight @ drops) ** 2)
        so_far = 0.0
        for c in corners:
            so_far += sum(w for w, way in zip(weight, ways, strict=True) if way[0] == c)
            if so_far >= 0.5:
                break
        return mark(-5, 5), mark(60, 13), mark(120, 13), 2 * math.sqrt(spread), c

    def by_device(self):
        return not self.intervals or self.intervals[-1][0] < self.event["t0"]

    def time_constant(self, now):
        known = [k for k in self.known(0, 120) if k <= now]
        t = np.array([(k * S - self.event["t0"]) / S for k in known])
        x = np.array([self.rates[k] for k in known])
        return nearest_decay(t, x)

    def grade(self, k, most):
        e, complete = self.event, self.is_complete(k)
        by_device = self.by_device()
        hr_peak, hr60, hr120, error, corner = self.curve(k)
        if e["source"] == HR:
            e["t0"] += corner * S
        if not complete or len(self.known(115, 125)) < 4:
            hr120 = math.nan
        around30 = [self.rates[j] for j in self.known(27, 33)]
        tau, r2 = self.time_constant(k) if complete else (math.nan, math.nan)
        share = e["peak"] / most
        grade = 1 if share >= 0.85 else 2 if share >= 0.7 else 3
        posture = self.profile["posture"]
        cutoff = 18.0 if posture in (1, 2) else 12.0
        delayed, sure = hr_peak - hr60 <= cutoff, e["source"] != HR
        of_3, alarm = math.nan, False
        if sure and grade < 3:
            self.before = [*self.before, delayed][-3:]
            of_3 = sum(self.before)
            alarm = delayed and (hr_peak - hr120 <= 22 or of_3 >= 2)
        numbers = {
            "t0_lag_s": ((k + 3) * S - e["t0"]) / S, "t0_source": e["source"],
            "hr_peak": hr_peak, "percent_hr_max": 100 * share,
            "hr30": median(around30) if len(around30) >= 4 else math.nan,
            "hr60": hr60, "hr120": hr120, "hrr60": hr_peak - hr60, "hrr120": hr_peak - hr120,
            "cutoff60": cutoff, "grade": grade, "delayed": delayed, "confirmed": sure,
            "valid_percent": 100 * len(self.known(0, 60)) / len(self.seconds(0, 60)),
            "posture": math.nan if posture is None else posture,
            "tau_s": tau, "r2": r2, "delayed_of_3": of_3,
            "hrr60_error": math.hypot(error, 1.2 if by_device else 0.6), "near_cutoff": 0.0,
            "device_lag_s": corner if sure and by_device else math.nan,
        }  # fmt: skip
        numbers["near_cutoff"] = abs(hr_peak - hr60 - cutoff) <= numbers["hrr60_error"]
        return e["t0"], (k + 3) * S, alarm, [float(number) for number in numbers.values()]

    def feature(self, k, level, most):
        if self.state == IDLE or (self.state != RECOVERY and k % 5):
            return None
        percent = 100 * level / most if level else math.nan
        since = drop = math.nan
        if self.state == RECOVERY:
            since = (k * S - self.event["t0"]) / S
            if level and self.event["hr_peak"]:
                drop = self.event["hr_peak"] - level
        ended = self.event["ended"] if self.state == REFRACTORY else 0
        return (k + 3) * S, self.state, percent, since, drop, ended


def follow(records, until_ns):
    """Give findings (t0, known, alarm, evidence) and features (known, values) of one person."""
    person, findings, features = Person(), [], []

    def pass_time(limit):
        while person.next is not None and (person.next + 3) * S <= limit:
            if person.next * S - person.input > 330 * S:
                person.clear()
                return
            found, feature = person.judge(person.next)
            person.next += 1
            if found:
                findings.append(found)
            if feature:
                features.append(feature)

    for t, source, v in records:
        pass_time(t - 1)
        person.take(t, source, v)
    pass_time(until_ns)
    return findings, features
