"""QRS detection of one lead, one sample at a time, as it is described; no rings, no deadlines.

Filters come from scipy, levels are plain lists and the past is looked up in whole arrays. Losses
and rails are not modelled: the signal is there from the first to the last sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import signal

from processors.kernels.qrs import RULES, SLOPE_MV_S


@dataclass
class Candidate:
    at: int
    peak: float
    slope: float
    r: float
    mv: float
    step: bool = False


@dataclass
class Beat(Candidate):
    late: bool = False
    first: bool = False


class Last8:
    """The last eight numbers; what is taken back leaves its place to the next."""

    def __init__(self):
        self.numbers, self.count = [0.0] * 8, 0

    def add(self, number):
        self.numbers[self.count % 8] = number
        self.count += 1

    def take_back(self):
        self.count -= 1

    def middle(self):
        return float(np.median(self.numbers[: self.count])) if self.count else 0.0


def _settled(design, x):
    """Filter from the steady state of the first sample."""
    return signal.sosfilt(design, x, zi=signal.sosfilt_zi(design) * x[0])[0]


def detect(x, fs_hz):
    """Give what is said, in order: ``(sample of emission, r, withdrawn, mv, late, first)``."""
    x = np.asarray(x, np.float32).astype(float)
    return _Detector(x, fs_hz).run()


class _Detector:
    def __init__(self, x, fs):
        self.fs, self.n = fs, len(x)
        monitor = [
            signal.butter(2, 0.5, "high", fs=fs, output="sos"),
            signal.butter(2, 40.0, fs=fs, output="sos"),
        ]
        band = [
            signal.butter(2, RULES.low_hz, "high", fs=fs, output="sos"),
            signal.butter(4, RULES.high_hz, fs=fs, output="sos"),
        ]
        self.trace = _settled(monitor[1], _settled(monitor[0], x))
        self.sums = signal.lfilter([1], [1, 1 / (RULES.forget_s * fs) - 1], self.trace)
        y = _settled(band[1], _settled(band[0], x))
        steps = np.rint(np.abs(np.diff(y, prepend=0.0)) * fs / SLOPE_MV_S)
        self.slope = steps * SLOPE_MV_S
        self.width = round(RULES.average_s * fs)
        summed = np.convolve(steps, np.ones(self.width))[: len(x)]
        self.average = summed * SLOPE_MV_S / self.width
        self.hold = round(RULES.hold_s * fs)
        self.delay = self.width / 2 + sum(_delay(design, 12.0, fs) for design in band)
        self.trace_delay = _delay(monitor[1], 1e-3, fs)
        self.beats, self.kept, self.said = [], [], []
        self.peaks, self.noises, self.rrs = Last8(), Last8(), Last8()
        self.qrs = self.noise = 0.0
        self.threshold = self.guard = self.cap = math.inf
        self.learn_at = RULES.learn_s * fs
        self.search_at = self.relearn_at = math.inf
        self.seen = (0, 0.0)
        self.level, self.usual, self.upright = 0.0, 0.0, 0

    def run(self):
        tracking, waiting, peak, at, before = False, False, 0.0, 0, 0.0
        for c in range(self.n):
            m = self.average[c]
            counted = min(m, RULES.burst * self.level + RULES.floor)
            self.level += (counted - self.level) / (RULES.level_s * self.fs)
            if not tracking:
                if m > before:
                    tracking, waiting, peak, at = True, False, m, c
            elif m > peak:
                waiting, peak, at = False, m, c
                if m > self.guard:
                    if c - self.beats[-1].at < RULES.refractory_s * self.fs:
                        self.kept = [*self.kept, replace(self.beats[-1])][-16:]
                        self.withdraw(c)
                    self.guard = math.inf
            elif c - at >= self.hold or (
                not waiting and m < RULES.fall * peak and peak >= RULES.sure * self.threshold
            ):
                waiting = self.candidate(c, at, peak) == "step" and c - at < self.hold
                tracking = waiting
            before = m
            self.meet_deadlines(c, peak if tracking else 0.0, at)
        return self.said

    def candidate(self, c, at, peak):
        near = RULES.refractory_s * self.fs
        if at - self.seen[0] < near and peak <= self.seen[1]:
            return "nothing"
        slope = self.slope[max(at - self.width, 0) : at + 1].max()
        r, mv = self.locate(c, at)
        found = Candidate(at, peak, slope, r, mv)
        if self.is_step(c, found):
            if c - at >= self.hold and self.learn_at == math.inf:
                self.take_step(c, found)
            return "step"
        if self.learn_at < math.inf:
            if self.kept and at - self.kept[-1].at < near:
                self.kept.pop()
            self.seen = (at, peak)
            self.kept.append(found)
        else:
            self.decide(c, found, late=False)
        return "candidate"

    def is_step(self, c, one):
        if abs(one.mv) < RULES.step_size * (abs(self.beats[-1].mv) if self.beats else 0.0):
            return False
        before_s, after_s = RULES.step_s
        lo = max(int(one.r - before_s * self.fs), 0)
        hi = min(int(one.r + after_s * self.fs), c)
        # What a high-pass of second order took away are two integrals of what it left.
        w = 2 * np.pi * 0.5 / self.fs
        once = self.sums[c] - self.trace[lo : c + 1].sum() + np.cumsum(self.trace[lo : hi + 1])
        was = self.trace[lo : hi + 1] + math.sqrt(2) * w * once + w * w * np.cumsum(once)
        ways = np.diff(was)
        up, down = ways[ways > 0].sum(), -ways[ways < 0].sum()
        return min(up, down) < RULES.way_back * max(up, down)

    def take_step(self, c, one):
        near = RULES.refractory_s * self.fs
        enough = max(self.threshold, RULES.crest * self.level, RULES.lowest * self.usual)
        fit = self.fit(one.at - 2 * near, one.at, enough, step=False)
        if fit:
            self.accept_late(c, fit)
        one.step = True
        self.kept = [*self.kept, one][-16:]

    def fit(self, lo, hi, least, step):
        last = self.beats[-1].at if self.beats else -math.inf
        return [
            one
            for one in self.kept
            if one.peak >= least
            and lo <= one.at <= hi
            and one.at - last >= RULES.refractory_s * self.fs
            and one.step == step
            and not self.is_t_wave(one)
        ]

    def accept_late(self, c, fit):
        best = max(fit, key=lambda one: (one.peak, one.at))
        self.accept(c, best, late=True)
        self.guard = math.inf
        self.search_at = max(self.search_at, c + 1)

    def locate(self, c, at):
        lag = self.trace_delay
        centre = at - self.delay + lag
        lo, hi = max(int(centre - 0.08 * self.fs), 0), min(int(centre + 0.08 * self.fs), c - 1)
        base = self.trace[max(int(centre - 0.12 * self.fs), 0) : lo + 1].mean()
        t = self.trace
        tops = [
            i for i in range(lo, hi + 1) if t[i] >= t[i - 1] and t[i] >= t[i + 1] and t[i] > base
        ]
        dips = [
            i for i in range(lo, hi + 1) if t[i] <= t[i - 1] and t[i] <= t[i + 1] and t[i] < base
        ]
        top = max(tops, key=lambda i: t[i], default=None)
        dip = min(dips, key=lambda i: t[i], default=None)
        up = t[top] - base if tops else 0.0
        down = base - t[dip] if dips else 0.0
        bonus = RULES.upright_bonus
        upright = up * (bonus if self.upright > 0 else 1) >= down * (
            bonus if self.upright < 0 else 1
        )
        i = top if upright else dip
        if i is None:
            return max(at - self.delay, 0.0), 0.0
        a, b, e = t[i - 1], t[i], t[i + 1]
        bend = a - 2 * b + e
        shift = 0.5 * (a - e) / bend if bend else 0.0
        return max(i + min(max(shift, -0.5), 0.5) - lag, 0.0), up if upright else -down

    def is_t_wave(self, one):
        if not self.beats:
            return False
        since = (one.at - self.beats[-1].at) / self.fs
        share = np.interp(
            since, [RULES.t_early_s, RULES.t_late_s], [RULES.t_early_share, RULES.t_late_share]
        )
        known = self.peaks.count >= 8
        if known and abs(one.mv) >= RULES.t_size * abs(self.beats[-1].mv):
            share = RULES.t_late_share
        return since < RULES.t_late_s and one.slope < share * self.beats[-1].slope

    def decide(self, c, one, late):
        enough = max(self.threshold, RULES.crest * self.level, RULES.lowest * self.usual)
        if one.peak >= enough and not self.is_t_wave(one):
            self.accept(c, one, late)
            self.guard = one.peak
        else:
            self.noises.add(one.peak)
            self.set_levels()
            self.kept = [*self.kept, one][-16:]
        self.seen = (one.at, one.peak)

    def accept(self, c, one, late):
        self.said.append((c, one.r, False, one.mv, late, not self.beats))
        rr = one.r - self.beats[-1].r if self.beats else math.inf
        self.counted = rr <= 3.0 * self.fs
        if self.counted:
            self.rrs.add(rr)
        self.upright = 1 if one.mv >= 0 else -1
        self.beats.append(Beat(one.at, one.peak, one.slope, one.r, one.mv, late, not self.beats))
        self.peaks.add(min(one.peak, self.cap))
        self.usual += (min(one.peak, 2 * self.usual) - self.usual) / RULES.usual_beats
        self.set_levels()
        rr_mid = self.rrs.middle() or self.fs
        self.search_at = int(one.at + min(RULES.search_rr * rr_mid, 4.0 * self.fs))
        self.relearn_at = int(one.at + RULES.relearn_s * self.fs)
        self.kept = [other for other in self.kept if other.at > one.at]

    def withdraw(self, c):
        gone = self.beats.pop()
        self.said.append((c, gone.r, True, gone.mv, gone.late, gone.first))
        self.peaks.take_back()
        if self.counted:
            self.rrs.take_back()
        self.seen = (self.seen[0], 0.0)
        self.set_levels()

    def set_levels(self):
        self.qrs, self.noise = self.peaks.middle(), self.noises.middle()
        self.cap = RULES.largest * self.qrs if self.peaks.count else math.inf
        wanted = RULES.qrs_weight * self.qrs + RULES.noise_weight * self.noise
        self.threshold = max(min(wanted, RULES.highest * self.qrs), RULES.floor)

    def meet_deadlines(self, c, rising, at):
        if c >= self.learn_at:
            self.learn(c)
        elif c >= self.search_at:
            self.search_back(c, rising, at)
        elif c >= self.relearn_at:
            self.learn_at = c
            self.relearn_at = self.search_at = math.inf
            self.guard = self.threshold = math.inf
            self.learn(c)

    def learn(self, c):
        start = self.learn_at - RULES.learn_s * self.fs
        self.kept = [one for one in self.kept if one.at >= start]
        half = start + RULES.learn_s * self.fs / 2
        self.kept = [one for one in self.kept if not one.step]
        first = max((one.peak for one in self.kept if one.at < half), default=0.0)
        second = max((one.peak for one in self.kept if one.at >= half), default=0.0)
        low, high = sorted((first, second))
        needed = RULES.floor
        if self.beats:
            same = high >= RULES.lowest * self.usual
            crest = RULES.relearn_crest if same else RULES.relearn_other
            needed = max(needed, crest * self.level)
        if high < needed:
            self.learn_at += self.fs
            return
        self.learn_at = math.inf
        self.peaks, self.noises = Last8(), Last8()
        self.usual = low if low >= 0.3 * high else high
        self.peaks.add(self.usual)
        self.set_levels()
        kept, self.kept = self.kept, []
        for one in kept:
            self.decide(c, one, late=True)
        self.guard = math.inf
        self.relearn_at = int(c + RULES.doubt_s * self.fs)
        self.search_at = max(self.search_at, c + 1)

    def search_back(self, c, rising, at):
        near = RULES.refractory_s * self.fs
        if rising >= self.threshold:
            self.search_at = max(at + self.hold + 1, c + 1)
            return
        deep = max(RULES.deep_share * self.threshold, RULES.deep_noise * self.noise, RULES.floor)
        least = max(
            min(RULES.search_share * self.threshold, deep),
            RULES.crest * self.level,
            RULES.lowest * self.usual,
        )
        fit = self.fit(-math.inf, c - near, least, step=False)
        fit = fit or self.fit(-math.inf, c - near, least, step=True)
        if fit:
            self.accept_late(c, fit)
        else:
            self.search_at = int(c + max(0.25 * (self.rrs.middle() or self.fs), 1))


def _delay(design, at_hz, fs):
    """Give the group delay of sections, samples: minus the slope of the phase."""
    step = 1e-4
    _, response = signal.sosfreqz(design, [at_hz - step, at_hz + step], fs=fs)
    return -np.angle(response[1] / response[0]) / (2 * np.pi * 2 * step / fs)
