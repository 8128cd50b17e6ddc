"""Any number of made-up participants with ECG, PPG and heart rate, deterministic from a seed.

All people are computed together, a step at a time, from tables. Everything follows from the seed
and the time since the start: steps of any length give the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_bridges.generator.people import people
from device_bridges.generator.rhythm import DEPTH, Hearts, Story
from device_bridges.generator.waveforms import BODIES, PHASES, Shapes, ecg_shapes, ppg_shapes
from device_bridges.pacing import STEP_NS, Step
from processors.records import NS_PER_MS, NS_PER_S, Block, Control
from registry.participants import Participant

DEVICE = "generator"
ECG_SCALE_MV = 0.0003  # mV per count: rails at 9.8 mV
PPG_SCALE = 0.001
_RAIL = 32767
_NOISE = 1 << 16
_WAVE = 1 << 12
# Steps are made in windows no longer than this: DEPTH beats cover it even at 180/min.
_WINDOW_NS = 500 * NS_PER_MS

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Waves:
    """Sine waves by a 32-bit phase: one frequency, phase and height per person."""

    step: NDArray[np.int64]
    phase: NDArray[np.int64]
    height: Floats32

    def at(self, first: int, n: int, table: Floats32) -> Floats32:
        """Give samples ``first`` to ``first + n`` of all: float32 ``[people, n]``."""
        angle = self.phase[:, None] + self.step[:, None] * np.arange(first, first + n)
        wave: Floats32 = table[(angle >> 20) & (_WAVE - 1)] * self.height[:, None]
        return wave


class GeneratorBridge:
    """Participants P-0001, P-0002... who all begin at `base_ns`.

    Parameters
    ----------
    n
        How many.
    base_ns
        Device time of the start.

    Attributes
    ----------
    participants
        Who they are; put them into a `Registry`.
    """

    def __init__(self, n: int, *, seed: int = 1, base_ns: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.participants: tuple[Participant, ...] = people(n, seed)
        self.base_ns = base_ns
        self._ids = np.array([one.id for one in self.participants], object)
        self._hearts = Hearts(n, rng)
        self._ecg = ecg_shapes(rng)
        self._ppg = ppg_shapes(rng)
        self._body = rng.integers(0, BODIES, n)
        self._gain = rng.uniform(0.8, 1.15, n).astype(np.float32)
        noise = rng.standard_normal(_NOISE).astype(np.float32)
        self._noise = np.concatenate([noise, noise[:4096]])
        self._noise_at = rng.integers(0, _NOISE, n)
        self._noise_mv = rng.uniform(0.006, 0.02, n).astype(np.float32)
        self._sine = np.sin(2 * np.pi * np.arange(_WAVE) / _WAVE).astype(np.float32)
        breath = self._hearts.breath_hz
        self._breath = _waves(breath / self._ecg.fs_hz, rng.uniform(0.02, 0.09, n), rng)
        self._sway = _waves(
            rng.uniform(0.03, 0.08, n) / self._ecg.fs_hz, rng.uniform(0.02, 0.12, n), rng
        )
        self._swell = _waves(breath / self._ppg.fs_hz, rng.uniform(0.05, 0.15, n), rng)
        fine = np.where(self._hearts.story == Story.FIBRILLATION, 0.05, 0.0)
        self._fine = _waves(rng.uniform(5.0, 7.0, n) / self._ecg.fs_hz, fine, rng)

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        """Give (until_ns, blocks) step by step without end; ECG, PPG, then heart rate.

        Hearts only go on: take the steps of a bridge once.
        """
        at_ns = 0
        while True:
            until_ns = at_ns + step_ns
            blocks: list[Block] = []
            while at_ns < until_ns:
                to_ns = min(at_ns + _WINDOW_NS, until_ns)
                blocks.extend(self._window(at_ns, to_ns))
                at_ns = to_ns
            yield self.base_ns + until_ns, blocks

    def controls(self, from_ns: int, to_ns: int) -> list[Control]:
        """Give the lead flags that devices send in ``[from_ns, to_ns)`` of device time."""
        hearts = self._hearts
        found = []
        for row in hearts.rows_of(Story.LEAD_OFF):
            first_s, every_s, lasts_s = (
                hearts.first_s[row],
                hearts.every_s[row],
                hearts.lasts_s[row],
            )
            episode = max(
                int(((from_ns - self.base_ns) / NS_PER_S - first_s - lasts_s) // every_s), 0
            )
            while (on_s := first_s + episode * every_s) * NS_PER_S + self.base_ns < to_ns:
                for t_s, off in ((on_s, 1.0), (on_s + lasts_s, 0.0)):
                    t_ns = self.base_ns + round(t_s * NS_PER_S)
                    if from_ns <= t_ns < to_ns:
                        found.append(Control(str(self._ids[row]), t_ns, "lead", {"off": off}))
                episode += 1
        return sorted(found, key=lambda control: control.t_ns)

    def _window(self, from_ns: int, to_ns: int) -> Iterator[Block]:
        self._hearts.draw_until(to_ns / NS_PER_S + self._ecg.lead_in_s)
        ecg = _grid(from_ns, to_ns, self._ecg.fs_hz)
        ppg = _grid(from_ns, to_ns, self._ppg.fs_hz)
        if len(ecg):
            counts = np.rint(self._ecg_mv(ecg) / ECG_SCALE_MV).astype(np.int16)
            self._unplug(ecg, counts)
            yield from self._block("ecg", ecg, counts, ECG_SCALE_MV)
        if len(ppg):
            counts = np.rint(self._ppg_height(ppg) / PPG_SCALE).astype(np.int16)
            yield from self._block("ppg", ppg, counts, PPG_SCALE)
        seconds = np.arange(-(-from_ns // NS_PER_S), -(-to_ns // NS_PER_S))
        for second in seconds:
            yield from self._heart_rate(int(second))

    def _ecg_mv(self, i: range) -> Floats32:
        first, n = i.start, len(i)
        mv = self._beats(self._ecg, i, None)
        mv *= self._gain[:, None]
        mv += self._breath.at(first, n, self._sine)
        mv += self._sway.at(first, n, self._sine)
        rows = self._hearts.rows_of(Story.FIBRILLATION)
        if rows.size:
            mv[rows] += self._fine.at(first, n, self._sine)[rows]
        start = (self._noise_at + first) % _NOISE
        mv += self._noise[start[:, None] + np.arange(n)] * self._noise_mv[:, None]
        return mv

    def _ppg_height(self, i: range) -> Floats32:
        height = self._beats(self._ppg, i, self._hearts.fill)
        height *= 1 + self._swell.at(i.start, len(i), self._sine)
        return height

    def _beats(self, shapes: Shapes, i: range, sizes: Floats32 | None) -> Floats32:
        """Add the shapes of all beats that reach into samples i: float32 ``[people, n]``."""
        hearts = self._hearts
        total = np.zeros((hearts.n, len(i)), np.float32)
        flat = shapes.values.reshape(-1)
        steps = np.arange(len(i))
        for k in range(DEPTH):
            # Where the shape begins, in quarters of a sample: its R lies between samples.
            begins_s = hearts.r_s[:, k] - shapes.lead_in_s
            near = (begins_s * shapes.fs_hz < i.stop) & (
                (begins_s + shapes.span_s) * shapes.fs_hz > i.start - 1
            )
            rows = np.flatnonzero(near)
            if not rows.size:
                continue
            quarter = np.floor(begins_s[rows] * (shapes.fs_hz * PHASES)).astype(np.int64)
            table = (
                self._body[rows] * len(shapes.values[0]) + hearts.kind[rows, k]
            ) * PHASES + quarter % PHASES
            inside = np.clip(i.start - quarter[:, None] // PHASES + steps, 0, shapes.n - 1)
            part = flat[table[:, None] * shapes.n + inside]
            if sizes is not None:
                part *= sizes[rows, k, None]
            total[rows] += part
        return total

    def _unplug(self, i: range, counts: NDArray[np.int16]) -> None:
        """Put the rail where an electrode is off."""
        rows = self._hearts.rows_of(Story.LEAD_OFF)
        off = self._hearts.in_episode(rows[:, None], np.array(i) / self._ecg.fs_hz)
        counts[rows] = np.where(off, _RAIL, counts[rows])

    def _heart_rate(self, second: int) -> Iterator[Block]:
        """Give everybody's rate over the last three RR, as a device tells it once a second."""
        hearts = self._hearts
        known = (hearts.r_s <= second).sum(axis=1)
        newest, oldest = known - 1, known - 4
        rows = np.flatnonzero(oldest >= 0)
        span_s = hearts.r_s[rows, newest[rows]] - hearts.r_s[rows, oldest[rows]]
        plausible = np.isfinite(span_s)
        off = hearts.in_episode(rows, np.array(float(second))) & (
            hearts.story[rows] == Story.LEAD_OFF
        )
        rows, span_s = rows[plausible & ~off], span_s[plausible & ~off]
        silent = self._silent(rows, np.array([float(second)]))[:, 0]
        rows, span_s = rows[~silent], span_s[~silent]
        if rows.size:
            t_ns = np.full(len(rows), self.base_ns + second * NS_PER_S, np.int64)
            rate = np.rint(180.0 / span_s).astype(np.int16)[:, None]
            lengths = np.ones(len(rows), np.int64)
            yield self._pack(
                "heart_rate",
                rows,
                (0.0, 1.0),
                t_ns,
                np.full(len(rows), second),
                lengths,
                rate,
                t_ns,
            )

    def _block(
        self, signal: str, i: range, counts: NDArray[np.int16], scale: float
    ) -> Iterator[Block]:
        """Give one row per person who is heard; the silent lose the samples of their silence."""
        fs_hz = float(self._ecg.fs_hz if signal == "ecg" else self._ppg.fs_hz)
        rows = np.arange(len(counts))
        quiet = self._hearts.rows_of(Story.SILENCE)
        mute = self._silent(quiet, np.array(i) / fs_hz)
        if not mute.any():
            lengths = np.full(len(rows), len(i), np.int64)
            samples, seq = counts.reshape(-1, 1), np.full(len(rows), i.start, np.int64)
        else:
            heard = np.ones(counts.shape, bool)
            heard[quiet] = ~mute
            rows = np.flatnonzero(heard.any(axis=1))
            lengths = heard[rows].sum(axis=1)
            samples, seq = counts[heard][:, None], i.start + heard[rows].argmax(axis=1)
        if len(rows):
            t0_ns = self.base_ns + np.rint(seq * (NS_PER_S / fs_hz)).astype(np.int64)
            yield self._pack(signal, rows, (fs_hz, scale), t0_ns, seq, lengths, samples, None)

    def _silent(self, rows: NDArray[np.intp], t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell whose device is silent at which of these times: bool ``[rows, times]``."""
        story = (self._hearts.story[rows] == Story.SILENCE)[:, None]
        silent: NDArray[np.bool_] = story & self._hearts.in_episode(rows[:, None], t_s)
        return silent

    def _pack(
        self,
        signal: str,
        rows: NDArray[np.intp],
        rate_and_scale: tuple[float, float],
        t0_ns: NDArray[np.int64],
        seq: NDArray[np.int64],
        lengths: NDArray[np.int64],
        samples: NDArray[np.int16],
        t_ns: NDArray[np.int64] | None,
    ) -> Block:
        fs_hz, scale = rate_and_scale
        return Block(
            signal=signal,
            participants=tuple(self._ids[rows]),
            devices=(DEVICE,) * len(rows),
            fs_hz=np.full(len(rows), fs_hz),
            scale=np.full(len(rows), scale),
            offset=np.zeros(len(rows)),
            t0_ns=t0_ns,
            seq=seq.astype(np.int64),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            samples=samples,
            t_ns=t_ns,
        )


def _waves(
    cycles: NDArray[np.float64], height: NDArray[np.float64], rng: np.random.Generator
) -> _Waves:
    """Make waves of so many cycles a sample, with random phases."""
    step = np.rint(cycles * (1 << 32)).astype(np.int64)
    return _Waves(step, rng.integers(0, 1 << 32, len(cycles)), height.astype(np.float32))


def _grid(from_ns: int, to_ns: int, fs_hz: int) -> range:
    """Give the indices of the samples in a window: sample i lies at i / fs_hz (whole ns here)."""
    return range(-(-from_ns * fs_hz // NS_PER_S), -(-to_ns * fs_hz // NS_PER_S))
