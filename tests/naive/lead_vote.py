"""The vote of several leads, written down sample by sample; the twin of `kernels.lead_vote`."""

from __future__ import annotations

import math


class Lead:
    """What is known of a lead, and how much it has to say."""

    def __init__(self, fs_hz):
        self.average_n = max(round(0.1 * fs_hz), 1)
        self.fs_hz = fs_hz
        self.average = self.held = self.level = self.usual = 0.0
        self.worth, self.weight = 1.0, 1.0  # slope of a beat, and its weight in the mean

    def hear(self, slope, most):
        self.average += (slope - self.average) / self.average_n
        self.held = max(self.held * (1 - 1 / (0.3 * self.fs_hz)), self.average)
        self.level += (min(slope, most) - self.level) / self.fs_hz

    def learn(self, n_beats, largest):
        held = self.held
        if n_beats > 2:
            held = min(held, 2 * max(self.usual, largest / 4))
        has_beat = min(held / max(self.usual / 4, 1e-3), 1.0)
        self.usual += (held - self.usual) * max(1 / 16, 1 / n_beats) * has_beat

    def judge(self, largest):
        self.worth = max(self.usual, largest / 4)
        quality = self.worth / max(self.level, 1e-3)
        if quality > 8:
            quality = 4 * (8 / quality) ** 2
        quality = min(quality, 4)
        self.weight = max(quality, 1e-3) ** 4


def vote(slopes, fs_hz, step_n, beats):
    """Give the weighted mean, as slopes of the lead with the largest beats.

    `slopes` are lists by lead, with None where it is not there; `beats` holds the steps before
    which a beat was accepted.
    """
    leads = [Lead(fs_hz) for _ in slopes]
    n_beats, largest, said = 0, 0.0, []
    for i, now in enumerate(zip(*slopes, strict=True)):
        if i % step_n == 0:
            if i // step_n in beats:
                n_beats += 1
                for lead in leads:
                    lead.learn(n_beats, largest)
                largest = max(lead.usual for lead in leads)
            if n_beats >= 8 and largest > 0:
                for lead in leads:
                    lead.judge(largest)
        known = n_beats >= 8
        there = [(lead, slope) for lead, slope in zip(leads, now, strict=True) if slope is not None]
        for lead, slope in there:
            lead.hear(slope, 6 * max(lead.usual, largest / 4) if known else math.inf)
        if not there:
            said.append(0.0)
        elif known and largest > 0:
            votes = sum(lead.weight * slope / lead.worth for lead, slope in there)
            said.append(largest * votes / sum(lead.weight for lead, _ in there))
        else:
            said.append(sum(slope for _, slope in there) / len(there))
    return said
