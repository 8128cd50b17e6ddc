"""A minute in the life of a few people, drawn with simple shapes: input for tests of everything.

Not believable to a cardiologist, but it makes every processor say something: normal and premature
wide beats, runs of them, a pause, an asystole, fibrillation, a lead that falls off, noise, a device
that falls silent, a strap beside the ECG, a strap or a finger of a heart without a rhythm, a wrist
device, a pulse at the finger, an accelerometer, what other devices measure, marks and profiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from device_bridges.pacing import pack_all
from processors.records import NS_PER_S, Block, Chunk, Control

LENGTH_S = 90.0
SCALE_MV = 0.005


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is sent, in order of time; chunks are whole signals, to be cut at will."""

    chunks: tuple[Chunk, ...]
    controls: tuple[Control, ...]

    def only(self, participant: str) -> Scene:
        return Scene(
            tuple(chunk for chunk in self.chunks if chunk.participant == participant),
            tuple(control for control in self.controls if control.participant == participant),
        )


def beats_of(kind: str, random: np.random.Generator) -> list[tuple[float, str]]:
    """Give (time in s, shape) of the beats of one kind of person."""
    t, found = 0.6, []
    step = {"fast": 0.38, "slow": 1.7}.get(kind, 0.8)
    k = 0
    while t < LENGTH_S - 0.5:
        shape = "n"
        rr = step * (1 + 0.02 * random.standard_normal())
        if kind == "ventricular" and (k % 8 == 5 or 40 <= k < 46 or (60 <= k < 80 and k % 2)):
            shape = "v"
            rr_before = 0.4 if 40 <= k < 46 else 0.55
            t = found[-1][0] + rr_before
            rr = 1.05 if not 40 <= k < 45 else 0.4
        found.append((t, shape))
        if kind == "pausing" and k in {20, 21, 22}:
            rr = 3.6
        if kind == "pausing" and k == 40:
            rr = 7.0
        t += rr
        k += 1
    return found


def ecg_of(kind: str, fs_hz: float, seed: int) -> NDArray[np.int16]:
    """Draw the ECG of a kind of person: int16 ``[n, 1]`` in steps of `SCALE_MV`."""
    random = np.random.default_rng(seed)
    t_s = np.arange(int(LENGTH_S * fs_hz)) / fs_hz
    mv = 0.05 * np.sin(2 * np.pi * 0.3 * t_s) + 0.01 * random.standard_normal(len(t_s))
    waves = {
        "n": ((-0.16, 0.025, 0.12), (0.0, 0.011, 1.1), (0.03, 0.012, -0.25), (0.27, 0.05, 0.3)),
        "v": ((0.0, 0.045, 1.4), (0.09, 0.05, -0.7), (0.33, 0.07, -0.35)),
    }
    for beat_s, shape in beats_of(kind, random):
        for centre, width, height in waves[shape]:
            near = slice(
                max(int((beat_s + centre - 5 * width) * fs_hz), 0),
                int((beat_s + centre + 5 * width) * fs_hz) + 1,
            )
            mv[near] += height * np.exp(-0.5 * ((t_s[near] - beat_s - centre) / width) ** 2)
    if kind == "noisy":
        noisy = (t_s > 20) & (t_s < 45)
        mv[noisy] += 0.8 * random.standard_normal(int(noisy.sum()))
        waves_s = t_s[(t_s > 47) & (t_s < 60)]  # the heart fibrillates
        mv[(t_s > 47) & (t_s < 60)] = sum(
            0.3 * np.sin(2 * np.pi * hz * waves_s + hz) for hz in (3.3, 4.1, 5.3)
        )
        mv[t_s > 60] = 9.9  # the lead falls off and the input runs to its rail
    return np.round(mv / SCALE_MV).clip(-2000, 2000).astype(np.int16)[:, None]


def scene(seed: int = 1) -> Scene:
    """Give the scene; one seed gives one scene."""
    kinds = ("calm", "ventricular", "pausing", "noisy", "fast", "slow")
    chunks, controls = [], []
    for k, kind in enumerate(kinds):
        fs_hz = (250.0, 360.0, 125.0)[k % 3]
        chunks.append(
            Chunk(kind, "patch", "ecg", 0, ecg_of(kind, fs_hz, seed + k), fs_hz, scale=SCALE_MV)
        )
        controls.append(Control(kind, 0, "profile", {"age_years": 30.0 + 5 * k}))
    chunks += [_wrist("calm", 72.0), _strap("strapped", seed), _wrist("strapped", 75.0)]
    # The strap of somebody whose ECG falls silent half way.
    quiet = Chunk(
        "quiet", "patch", "ecg", 0, ecg_of("calm", 250.0, seed + 9), 250.0, scale=SCALE_MV
    )
    chunks += [replace(quiet, samples=quiet.samples[: 250 * 40]), _strap("quiet", seed + 1)]
    chunks.append(_strap("irregular", seed, 330.0, 560.0))
    chunks += [_finger("calm", 0.8, 100.0, seed), _finger("ventricular", 0.7, 25.0, seed)]
    chunks.append(_finger("fingered", 0.34, 100.0, seed, 0.46))
    chunks += [_runner("fast", 72.0, 52.0, seed), _runner("ventricular", 30.0, 25.0, seed)]
    fast = {"age_years": 50.0, "heart_rate_rest": 60.0, "event": 1.0}
    chunks += [_values("slow", "spo2", 92.0, 6.0), _values("quiet", "spo2", 87.0, 5.0)]
    chunks += [_values("quiet", "respiration", 28.0, 8.0), _values("noisy", "respiration", 9, 4)]
    chunks += [
        _values("quiet", "pm2_5", 60.0, 40.0, 6.0),
        _values("quiet", "pm10", 90.0, 20.0, 6.0),
    ]
    chunks += [_values("quiet", "glucose", 150, 120, 3.0), _values("slow", "glucose", 80, 30, 7.0)]
    chunks += [_values("quiet", "body_temperature", 38.2, 2.0), *_visits("quiet"), *_visits("slow")]
    controls.append(Control("fast", 5 * NS_PER_S, "profile", fast))
    own = {"rate_high": 118.0, "rate_very_high": 150.0, "spo2_low": 91.0, "glucose_low": 75.0}
    controls.append(Control("fast", 20 * NS_PER_S, "limits", own))
    controls.append(Control("noisy", 61 * NS_PER_S, "lead", {"off": 1.0}))
    controls.append(Control("calm", 30 * NS_PER_S, "battery", {"percent": 9.0}))
    return Scene(tuple(chunks), tuple(controls))


def _wrist(participant: str, rate: float) -> Chunk:
    t_ns = np.arange(1, int(LENGTH_S), dtype=np.int64) * NS_PER_S
    samples = (rate + np.arange(len(t_ns)) % 3).astype(np.float32)[:, None]
    return Chunk(participant, "wrist", "heart_rate", NS_PER_S, samples, t_ns=t_ns)


def _strap(participant: str, seed: int, shortest_ms: float = 0, longest_ms: float = 0) -> Chunk:
    """Draw the intervals of a steady heart with a gap, or of one without any rhythm."""
    random = np.random.default_rng(seed)
    if longest_ms:
        rr_ms = np.rint(random.uniform(shortest_ms, longest_ms, int(1000 * LENGTH_S / longest_ms)))
    else:
        rr_ms = np.rint(800 + 30 * random.standard_normal(int(LENGTH_S / 0.9)))
        rr_ms[30] = 4200
    t_ns = (np.cumsum(rr_ms) * 1e6).astype(np.int64)
    return Chunk(
        participant, "strap", "rr", int(t_ns[0]), rr_ms.astype(np.float32)[:, None], t_ns=t_ns
    )


def _finger(
    participant: str, interval_s: float, fs_hz: float, seed: int, longest_s: float = 0.0
) -> Chunk:
    """Draw a PPG of even intervals, or of any up to the longest; it is flat for the last 20 s."""
    random = np.random.default_rng(seed)
    t_s = np.arange(int(LENGTH_S * fs_hz)) / fs_hz
    lengths_s = np.random.default_rng(seed).uniform(
        interval_s, max(longest_s, interval_s), int(LENGTH_S / interval_s) + 1
    )
    begin_s = np.concatenate([[0.0], np.cumsum(lengths_s)])
    pulsing_s = np.minimum(t_s, LENGTH_S - 20.0)
    phase_s = pulsing_s - begin_s[np.searchsorted(begin_s, pulsing_s, side="right") - 1]
    counts = 4000.0 * np.exp(-0.5 * ((phase_s - 0.2) / 0.08) ** 2)
    counts += 50_000.0 + 10.0 * random.standard_normal(len(t_s))
    return Chunk(participant, "ring", "ppg", 0, np.rint(counts).astype(np.int32)[:, None], fs_hz)


def _runner(participant: str, stop_s: float, fs_hz: float, seed: int) -> Chunk:
    """Draw the acceleration of somebody who runs with 170 steps/min and then stands."""
    random = np.random.default_rng(seed)
    t_s = np.arange(int(LENGTH_S * fs_hz)) / fs_hz
    m_s2 = 0.1 * random.standard_normal((len(t_s), 3)) + (0.5, 9.7, 1.0)
    m_s2[:, 1] += np.where(t_s < stop_s, 6.0 * np.sin(2 * np.pi * 170 / 60 * t_s), 0.0)
    steps = np.rint(m_s2 / 0.01).astype(np.int16)
    return Chunk(participant, "watch", "acceleration", 0, steps, fs_hz, scale=0.01)


def _values(
    participant: str, signal: str, middle: float, swing: float, step_s: float = 1.0
) -> Chunk:
    """Draw values that swing around a middle every 40 s, one in `step_s`."""
    t_ns = (np.arange(step_s, LENGTH_S, step_s) * NS_PER_S).astype(np.int64)
    samples = np.rint(10 * (middle - swing * np.sin(t_ns / 6.4e9))).astype(np.int16)[:, None]
    return Chunk(participant, "worn", signal, int(t_ns[0]), samples, scale=0.1, t_ns=t_ns)


def _visits(participant: str) -> list[Chunk]:
    """Give what is measured now and then: temperature, and a blood pressure that gets very high."""
    celsius = np.array([36.8, 38.6, 37.2], np.float32)[:, None]
    pressure = np.array([[120, 80], [190, 110], [185, 105], [140, 90], [85, 50], [80, 50]])
    found = []
    for signal, values in (("body_temperature", celsius), ("blood_pressure", pressure)):
        t_ns = np.linspace(7.5, LENGTH_S - 9.0, len(values)).astype(np.int64) * NS_PER_S
        samples = values.astype(np.float32)
        found.append(
            Chunk(participant, "cuff", signal, int(t_ns[0]), samples, variant="spot", t_ns=t_ns)
        )
    return found


def cut(chunk: Chunk, from_ns: int, to_ns: int) -> Chunk | None:
    """Give the part of a chunk in ``[from_ns, to_ns)``; None where there is nothing."""
    if chunk.t_ns is not None:
        first, last = np.searchsorted(chunk.t_ns, [from_ns, to_ns])
    else:
        times = chunk.t0_ns + np.rint(np.arange(len(chunk.samples)) * (NS_PER_S / chunk.fs_hz))
        first, last = np.searchsorted(times, [from_ns, to_ns])
    if first == last:
        return None
    start_ns = chunk.t_ns[first] if chunk.t_ns is not None else times[first]
    return replace(
        chunk,
        t0_ns=int(start_ns),
        seq=chunk.seq + int(first),
        samples=chunk.samples[first:last],
        t_ns=None if chunk.t_ns is None else chunk.t_ns[first:last],
    )


def steps(scene: Scene, bounds_ns: Sequence[int]) -> Iterator[tuple[int, list[Block | Control]]]:
    """Give what is sent between consecutive bounds: (end, rows)."""
    for from_ns, to_ns in pairwise(bounds_ns):
        rows: list[Block | Control] = [c for c in scene.controls if from_ns <= c.t_ns < to_ns]
        pieces = [piece for c in scene.chunks if (piece := cut(c, from_ns, to_ns))]
        yield to_ns, [*rows, *pack_all(pieces)]


def even_bounds(step_ms: float, length_s: float = LENGTH_S) -> list[int]:
    step_ns = round(step_ms * 1e6)
    return list(range(0, round(length_s * NS_PER_S) + step_ns, step_ns))
