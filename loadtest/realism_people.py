"""Simulated people to be compared with recordings: their samples and their beats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.bodies import Bodies
from device_bridges.simulator.expand import expand
from device_bridges.simulator.hearts import Hearts
from device_bridges.simulator.noise import NoiseBank, made_noise
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.scenario import load
from device_bridges.simulator.tables import F, N, S, V
from device_bridges.simulator.waves import EcgWaves, PpgWaves
from loadtest.realism_measures import ECG_HZ, Floats, template, without_wander

# Groups of the scenario by title.
SINUS, ECTOPIC, ATRIAL = "Sinus rhythm", "Ventricular premature beats", "Atrial premature beats"
FIBRILLATION, VENTRICULAR = "Atrial fibrillation", "Ventricular tachycardia, then fibrillation"
SCENARIO = Path(__file__).with_name("realism.toml")
# Where the beats of each class are taken from: group and label.
LABELS = {"N": (SINUS, N), "S": (ATRIAL, S), "V": (ECTOPIC, V), "F": (ECTOPIC, F)}
_STEPS = 5  # windows a second
_AHEAD_S = 0.5

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Played:
    """What a plan came to.

    Attributes
    ----------
    ecg, ppg
        float32 ``[n, samples]``, mV at 250 Hz, arbitrary units at 100 Hz; empty if not wanted.
    beats
        dtype `LOGGED_BEAT`.
    """

    plan: Plan
    ecg: Floats32
    ppg: Floats32
    beats: NDArray[Any]

    def group(self, title: str) -> list[int]:
        """Give the slots of a group."""
        return [k for k, one in enumerate(self.plan.participants) if one.group == title]

    def r_s(self, slot: int, label: int | None = None) -> Floats:
        """Give the times of a person's beats, s."""
        mine = self.beats[self.beats["slot"] == slot]
        if label is not None:
            mine = mine[mine["label"] == label]
        times: Floats = mine["r_s"].astype(np.float64)
        return times

    def templates(self) -> dict[str, list[Floats]]:
        """Give the templates of each class of beat, one for each person who has it."""
        found: dict[str, list[Floats]] = {label: [] for label in LABELS}
        for label, (group, number) in LABELS.items():
            for slot in self.group(group):
                mv = without_wander(self.ecg[slot])
                at = np.round(self.r_s(slot, number) * ECG_HZ).astype(int)
                beat = template(mv, at)
                if beat is not None:
                    found[label].append(beat)
        return found


def realism_plan(seed: int = 1, seconds: float | None = None) -> Plan:
    """Give the people that are compared with recordings."""
    return expand(load(SCENARIO), seed, None, seconds)


def play(plan: Plan, *, waves: bool = True, noise: NoiseBank | None = None) -> Played:
    """Play a plan from its beginning to its end, without devices and delivery."""
    bodies = Bodies(plan)
    hearts = Hearts(plan, bodies.seconds)
    slots = np.arange(plan.n, dtype=np.int32)
    drawn: list[EcgWaves | PpgWaves] = []
    if waves:
        drawn = [EcgWaves(plan, slots, noise or made_noise()), PpgWaves(plan, slots)]
    pieces: list[list[Floats32]] = [[] for _ in drawn]
    beats = []
    for w in range(round(plan.duration_s * _STEPS)):
        ahead_s = (w + 1) / _STEPS + _AHEAD_S
        bodies.until(math.ceil(ahead_s) + 1)
        hearts.until(ahead_s)
        beats.append(hearts.log())
        for one, into in zip(drawn, pieces, strict=True):
            n = one.fs_hz // _STEPS
            counts = one.samples(w * n, (w + 1) * n, hearts.beats, hearts.newest, bodies.seconds)
            into.append((counts * one.scale).astype(np.float32))
    empty = np.zeros((plan.n, 0), np.float32)
    ecg, ppg = ([np.concatenate(into, axis=1) for into in pieces]) if waves else (empty, empty)
    return Played(plan, ecg, ppg, np.concatenate(beats))
