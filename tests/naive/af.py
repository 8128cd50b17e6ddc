"""Atrial fibrillation, the slow way: every beat looks at lists of all intervals before it."""

from __future__ import annotations

import itertools
import math
from collections import Counter

NS = 1_000_000_000
MINUTE, HOLD = 60 * NS, 300 * NS


def symbol(rr_ms):
    rate = 60_000 / rr_ms
    return 63 if rate >= 315 else math.floor(rate / 5)


def entropy(words):
    """SE of Zhou 2015: -k / (N log2 N) * sum p log2 p."""
    n, counts = len(words), Counter(words)
    return -len(counts) / (n * math.log2(n)) * sum(
        c / n * math.log2(c / n) for c in counts.values()
    )  # fmt: skip


def median_of_3(values):
    return sorted(values)[1]


def share_near(tenths):
    """Give the share of pairs that are less than 30 ms apart."""
    pairs = list(itertools.combinations(tenths, 2))
    return sum(abs(a - b) * 1e-4 < 0.03 for a, b in pairs) / len(pairs)


class Irregularity:
    """The intervals that count, and what follows from them."""

    def __init__(self) -> None:
        self.rr, self.medians = [], []
        self.mean = self.turbulence = self.bigeminy = 0.0
        self.early = self.answered = self.variance = self.covariance = 0.0
        self.repeats = self.chance = 0.0
        self.words = []

    def take(self, rr_ms):
        tenths = min(max(round(10 * rr_ms), 1), 65535)
        x = 1e-4 * tenths
        if not self.rr:
            self.rr, self.medians, self.mean = [x] * 8, [x] * 8, x
            self.kept = []  # tenths of a ms
            self.symbols = []
        self.symbols.append(symbol(rr_ms))
        if len(self.symbols) >= 3:
            self.words.append(tuple(self.symbols[-3:]))
        before, now = self.rr[-1] - self.mean, x - self.mean
        if len(self.kept) >= 64:
            self.compare(self.kept[-64:], tenths)
        self.kept.append(tenths)
        early = self.rr[-1] < 0.85 * self.mean
        self.variance += (now * now - self.variance) / 64
        self.covariance += (before * now - self.covariance) / 64
        self.early += (early - self.early) / 64
        self.answered += ((early and now >= 0) - self.answered) / 64
        self.medians.append(median_of_3([*self.rr[-2:], x]))
        self.rr.append(x)
        last = self.medians[-8:]
        far = sum(abs(last[k] - last[j]) >= 0.03 for k in range(8) for j in range(k))
        self.mean += 0.05 * (x - self.mean)
        self.turbulence += 0.05 * (2 * far / 56 - self.turbulence)
        self.bigeminy += 0.05 * ((sum(last) / sum(self.rr[-8:]) - 1) ** 2 - self.bigeminy)

    def compare(self, recent, new):
        mean, newest = self.mean / 1e-4, recent[-1]
        if abs(new - newest) <= 0.1 * mean:
            return
        alike = [after for one, after in itertools.pairwise(recent) if abs(one - newest) < 400]
        spread = max(math.sqrt(self.variance) / 1e-4, 50)
        share = 400 * math.exp(-0.5 * ((new - mean) / spread) ** 2) / (spread * math.sqrt(math.tau))
        self.repeats += (sum(abs(after - new) < 200 for after in alike) - self.repeats) / 64
        self.chance += (len(alike) * max(share, 0.01) - self.chance) / 64

    def answers(self):
        return self.answered > 0.65 * self.early and self.covariance < -0.1 * self.variance

    def repeated(self):
        runs = self.covariance > 0.1 * self.variance
        return runs and self.repeats > 1.35 * (self.chance + 0.1)

    def coupled(self):
        recent = self.kept[-64:]
        early = [b for a, b in itertools.pairwise(recent) if b < 0.8 * a]
        return len(early) >= 8 and share_near(early) > 3 * share_near(recent)

    def other(self):
        scattered = self.variance > (0.5 * self.mean) ** 2
        return scattered or self.answers() or self.repeated() or self.coupled()

    def fast(self):
        return self.bigeminy if self.bigeminy < 2e-4 else self.turbulence / self.mean

    def evidence(self):
        near = self.medians[-4:]
        return round(64 * min(max(math.log(max((max(near) - min(near)) / (0.07 * self.mean),
                                               1e-9)), -1.7), 1.2))  # fmt: skip

    def score(self):
        long, short = self.words[-127:], self.words[-31:]
        return entropy(long) + 0.4 * entropy(short) + 0.3 * min(self.fast(), 1)


class Story:
    """What is known at a moment."""

    def __init__(self) -> None:
        self.findings, self.rows = [], []
        self.begin_anew()
        self.onset = self.end = self.held = None  # held: (known, beat) of the newest beat in AF
        self.newest = self.minute = None
        self.spans = {}  # piece of the day: [ms of AF, ms judged]
        self.score = 0.0

    def begin_anew(self):
        self.irregularity, self.beats, self.used = Irregularity(), [], []
        self.evidence = []  # of each beat
        self.label, self.judged = 0, False

    def confidence(self):
        return 1 / (1 + math.exp(-10.8 * (self.score - 1.23)))

    def burden(self, t):
        recent = [v for span, v in self.spans.items() if span > t // (7200 * NS) - 12]
        af, known = sum(v[0] for v in recent), sum(v[1] for v in recent)
        return min(max(100 * af / known, 0), 100) if known else math.nan

    def usable(self):
        return 100 * sum(self.used[-128:]) / 128

    def say(self, state, at, t):
        self.findings.append(
            (self.onset, at, t, state, 60 / self.irregularity.mean, self.confidence(),
             self.burden(self.span_t), self.usable())
        )  # fmt: skip

    def pass_time(self, limit):
        while True:
            due = []
            if self.onset is not None:
                due.append((self.held[0] + HOLD, 0))
            if self.minute is not None:
                due.append((self.minute, 1))
            due = [d for d in due if d[0] <= limit]
            if not due:
                return
            t, what = min(due)
            if what == 0:
                self.end = max(self.held[1], self.onset + 1)
                self.say(1, self.end, t)
                self.onset = None
            elif t - self.newest > MINUTE:
                self.minute = None
            else:
                self.span_t = t
                state = float(self.onset is not None) if self.judged else math.nan
                sure = self.confidence() if self.judged else math.nan
                self.rows.append((t, state, sure, self.burden(t), self.usable(),
                                  self.source))  # fmt: skip
                self.minute += MINUTE

    def interval(self, t, source, lag, rr, label, valid):
        self.source = float(source)
        if self.newest is not None and t - self.newest > HOLD:
            self.begin_anew()
        self.newest = self.span_t = t
        if self.minute is None:
            self.minute = -(-t // MINUTE) * MINUTE
        beat = max([t - int(lag), *self.beats[-1:]])
        self.beats.append(beat)
        usable = valid != 0 and not {3, 5} & {label, self.label}
        self.evidence.append(0)
        self.used.append(usable)
        self.label = label
        if usable:
            self.irregularity.take(rr)
            if len(self.irregularity.symbols) >= 8:
                self.evidence[-3:-2] = [self.irregularity.evidence()]
        known = len(self.irregularity.words) >= 127
        if known:
            self.score = self.irregularity.score()
        self.judged = known and self.usable() >= 70
        if self.judged and usable:
            self.judge(t, beat, round(rr))

    def change(self, beat, sign):
        """Give the beat since when the evidence for (1) or against AF (-1) adds up to most."""
        n = min(len(self.beats), 64)
        sums = [sign * sum(self.evidence[len(self.evidence) - back :]) for back in range(n)]
        back = sums.index(max(sums))
        # The clock of 64 beats counts whole microseconds.
        return beat - (beat // 1000 - self.beats[-1 - back] // 1000) * 1000

    def judge(self, t, beat, ms):
        span = self.spans.setdefault(t // (7200 * NS), [0, 0])
        span[1] += ms
        recent = self.held is not None and beat - self.held[1] <= HOLD
        if self.onset is None:
            if self.score < (1.2 if recent else 1.36) or self.irregularity.other():
                return
            self.onset = self.change(beat, 1)
            if self.end is not None:
                self.onset = max(self.onset, self.end)
            span[0] += (beat - self.onset) // 1_000_000
            self.say(0, self.onset, t)
        elif self.score < 1.15:
            end = self.change(beat, -1)
            self.end = max(end, self.onset + 1)
            span[0] -= (beat - end) // 1_000_000 - ms
            self.say(1, self.end, t)
            self.onset = None
            return
        else:
            span[0] += ms
        self.held = (t, beat)


def rhythm(records, until_ns):
    """Give findings (onset, at, t, state, rate, confidence, burden, usable) and rows by minute."""
    story = Story()
    for i, (t, source, values) in enumerate(records):
        story.pass_time(t - 1)
        lag, rr = values[:2]
        if source == 0:
            story.interval(t, source, lag, rr, *values[3:5])
        elif not any(s == 0 and t - u <= 10 * NS for u, s, _ in records[:i]):
            before = [v[3] >= 0.8 for _, s, v in records[:i] if s == 1]
            good = values[3] >= 0.8 and before[-1:] == [True]
            story.interval(t, source, lag, rr, 1, good and not math.isnan(rr))
    story.pass_time(until_ns)
    return story.findings, story.rows
