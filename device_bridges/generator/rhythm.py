"""When each person's heart beats: rate, drift, breathing, and the stories of the less healthy.

Every third person has a story; all others are in sinus rhythm. Beats are drawn one after the other
for all who need one, from random numbers that depend only on the person and the count of the beat,
so how a run is cut into steps changes nothing.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from device_bridges.generator.waveforms import NORMAL, VENTRICULAR, WITHOUT_P

DEPTH = 10  # beats kept of each person, from the oldest still drawn to the newest drawn ahead
_RANDOM = 1 << 14

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


class Story(IntEnum):
    """What a person's recording shows besides sinus rhythm."""

    SINGLES = 0
    TACHYCARDIA = 1
    PAUSE = 2
    BIGEMINY = 3
    LEAD_OFF = 4
    COUPLETS = 5
    SILENCE = 6
    SHORT_RUNS = 7
    BRADYCARDIA = 8
    FIBRILLATION = 9
    LONG_RUN = 10
    NONE = 11


# How long an episode lasts (0: one event), and from one to the next, in s.
_LASTS_S = {Story.TACHYCARDIA: 110, Story.BRADYCARDIA: 100, Story.BIGEMINY: 25,
            Story.LEAD_OFF: 25, Story.SILENCE: 20}  # fmt: skip
_EVERY_S = {Story.SINGLES: 60, Story.TACHYCARDIA: 260, Story.PAUSE: 75, Story.BIGEMINY: 70,
            Story.LEAD_OFF: 150, Story.COUPLETS: 22, Story.SILENCE: 130, Story.SHORT_RUNS: 55,
            Story.BRADYCARDIA: 260, Story.FIBRILLATION: 60, Story.LONG_RUN: 170,
            Story.NONE: 60}  # fmt: skip
_FIRST_S = (15.0, 70.0)
_FAST, _SLOW = 152.0, 35.0  # /min, above and below what alarms at rest (CLINICAL 3.7)
_PAUSE_S = 3.5
_RAMP_S = 12.0
_PREMATURE = 0.62  # coupling of a premature beat, share of the RR
_COMPENSATORY = 1.35
_RUN_RR_S = 0.40  # 150/min
_LONG_RUN_BEATS = 9


class Hearts:
    """Beats of many people, drawn ahead as far as asked.

    Attributes
    ----------
    r_s
        float64 ``[n, DEPTH]``, R times since the start in s, oldest first; -inf before the first.
    kind
        int8 ``[n, DEPTH]``, NORMAL, VENTRICULAR or WITHOUT_P.
    fill
        float32 ``[n, DEPTH]``, size of the pulse: little after a short RR.
    """

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n = n
        index = np.arange(n)
        self.story = np.where(index % 3 == 2, (index // 3) % Story.NONE, Story.NONE).astype(np.int8)
        lasts = np.array([_LASTS_S.get(story, 0) for story in Story], np.float64)
        every = np.array([_EVERY_S[story] for story in Story], np.float64)
        self.lasts_s: Floats = lasts[self.story]
        self.every_s: Floats = every[self.story] * rng.uniform(0.9, 1.1, n)
        self.first_s: Floats = rng.uniform(*_FIRST_S, n)
        self.rate: Floats = rng.uniform(58.0, 88.0, n)
        self.breath_hz: Floats = rng.uniform(0.18, 0.32, n)
        self.breath_phase: Floats = rng.uniform(0.0, 2 * np.pi, n)
        self._sinus: Floats = rng.uniform(0.01, 0.06, n)  # respiratory arrhythmia, share of the RR
        self._drift_hz: Floats = rng.uniform(1 / 240, 1 / 90, n)
        self._gauss: Floats = np.clip(rng.standard_normal(_RANDOM), -2.5, 2.5)
        self._uniform: Floats = rng.random(_RANDOM)
        self._random_at = rng.integers(0, _RANDOM, n)
        self._count = np.zeros(n, np.int64)
        self._run_left = np.zeros(n, np.int64)
        beats_as = np.where(self.story == Story.FIBRILLATION, WITHOUT_P, NORMAL).astype(np.int8)
        self._usual = beats_as
        self.r_s: Floats = np.full((n, DEPTH), -np.inf)
        self.r_s[:, -1] = rng.uniform(-1.0, 0.0, n)
        self.kind = np.repeat(beats_as[:, None], DEPTH, axis=1)
        self.fill = np.ones((n, DEPTH), np.float32)

    def draw_until(self, until_s: float) -> None:
        """Draw beats until everybody's newest lies at or after a time."""
        while (rows := np.flatnonzero(self.r_s[:, -1] < until_s)).size:
            self._draw(rows)

    def in_episode(self, rows: Rows, t_s: Floats) -> NDArray[np.bool_]:
        """Tell who is within an episode of their story at these times (broadcast with rows)."""
        into_s = t_s - self.first_s[rows]
        within: NDArray[np.bool_] = (into_s >= 0) & (
            into_s % self.every_s[rows] < self.lasts_s[rows]
        )
        return within

    def rows_of(self, story: Story) -> Rows:
        return np.flatnonzero(self.story == story)

    def _draw(self, rows: Rows) -> None:
        t_s = self.r_s[rows, -1]
        was_v = self.kind[rows, -1] == VENTRICULAR
        at = (self._random_at[rows] + self._count[rows]) % _RANDOM
        gauss, uniform = self._gauss[at], self._uniform[at]
        usual_s = self._usual_rr_s(rows, t_s, gauss, uniform)

        run_left = self._run_left[rows]
        run_left += (run_left == 0) * self._begins(rows, t_s, usual_s, was_v, uniform)
        ventricular = run_left > 0
        rr_s = np.where(
            ventricular, usual_s * _PREMATURE, np.where(was_v, usual_s * _COMPENSATORY, usual_s)
        )
        rr_s = np.where(ventricular & was_v, _RUN_RR_S * (1 + 0.03 * gauss), rr_s)
        pauses = (self.story[rows] == Story.PAUSE) & self._strikes(rows, t_s, usual_s)
        rr_s = np.where(pauses, _PAUSE_S + 0.3 * uniform, rr_s)

        self.r_s[rows, :-1] = self.r_s[rows, 1:]
        self.kind[rows, :-1] = self.kind[rows, 1:]
        self.fill[rows, :-1] = self.fill[rows, 1:]
        self.r_s[rows, -1] = t_s + rr_s
        self.kind[rows, -1] = np.where(ventricular, VENTRICULAR, self._usual[rows])
        self.fill[rows, -1] = np.clip(rr_s / usual_s, 0.3, 1.15) ** 1.5
        self._run_left[rows] = np.maximum(run_left - 1, 0)
        self._count[rows] += 1

    def _usual_rr_s(self, rows: Rows, t_s: Floats, gauss: Floats, uniform: Floats) -> Floats:
        """Give the RR that follows from rate, drift, breathing and slow or fast episodes."""
        drift = np.sin(2 * np.pi * self._drift_hz[rows] * t_s + self.breath_phase[rows])
        rate = self.rate[rows] * (1 + 0.05 * drift)
        into_s = (t_s - self.first_s[rows]) % self.every_s[rows]
        ramp = np.clip(np.minimum(into_s, self.lasts_s[rows] - into_s) / _RAMP_S, 0.0, 1.0)
        ramp *= t_s >= self.first_s[rows]
        story = self.story[rows]
        target = np.select(
            [story == Story.TACHYCARDIA, story == Story.BRADYCARDIA], [_FAST, _SLOW], rate
        )
        rate = rate + (target - rate) * ramp
        breathing = np.sin(2 * np.pi * self.breath_hz[rows] * t_s + self.breath_phase[rows])
        calm = np.clip(70.0 / rate, 0.2, 1.0)
        rr_s = 60.0 / rate * (1 + calm * (self._sinus[rows] * breathing + 0.012 * gauss))
        irregular = np.maximum(60.0 / rate * (0.55 + 0.7 * uniform), 0.34)
        return np.where(story == Story.FIBRILLATION, irregular, rr_s)

    def _begins(
        self, rows: Rows, t_s: Floats, rr_s: Floats, was_v: NDArray[np.bool_], uniform: Floats
    ) -> NDArray[np.int64]:
        """Give how many ventricular beats begin with the next beat; 0 for none."""
        story = self.story[rows]
        after_normal = ~was_v
        strikes = self._strikes(rows, t_s, rr_s) & after_normal
        episode = self.in_episode(rows, t_s) & after_normal
        begins = np.select(
            [
                (story == Story.SINGLES) & after_normal & (uniform < 0.08),
                (story == Story.BIGEMINY) & episode,
                (story == Story.COUPLETS) & strikes,
                (story == Story.SHORT_RUNS) & strikes,
                (story == Story.LONG_RUN) & strikes,
            ],
            [1, 1, 2, 3 + (uniform * 3).astype(np.int64), _LONG_RUN_BEATS],
            0,
        )
        return np.asarray(begins, np.int64)

    def _strikes(self, rows: Rows, t_s: Floats, rr_s: Floats) -> NDArray[np.bool_]:
        """Tell whose single event of the story falls between a beat and the next usual one."""
        first, every = self.first_s[rows], self.every_s[rows]
        before = np.floor((t_s - first) / every)
        after = np.floor((t_s + rr_s - first) / every)
        struck: NDArray[np.bool_] = (after > before) & (after >= 0)
        return struck
