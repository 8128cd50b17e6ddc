"""How well the score of the ECG tells noise from signal: area under the ROC curve."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.said import Said

STREAM = "ecg_quality"
SETTLING_S = 2.0  # s: the first seconds have little to compare with
FAIR = 0.5  # CLINICAL 3.10: below, beats and heart rate are not to be used

Floats = NDArray[np.float64]


def area(clean: Floats, noisy: Floats) -> float:
    """Give the chance that a noisy piece scores lower than a clean one; ties count half.

    >>> area(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    if not len(clean) or not len(noisy):
        return float("nan")
    ordered = np.sort(clean)
    above = len(clean) - np.searchsorted(ordered, noisy, side="right")
    level = np.searchsorted(ordered, noisy, side="right") - np.searchsorted(ordered, noisy)
    return float(np.mean(above + 0.5 * level) / len(clean))


def scores(said: Said) -> tuple[Floats, Floats]:
    """Give the ends of the seconds, samples of the record, and the score of each."""
    rows = said.streams.get(STREAM)
    if rows is None:
        return np.zeros(0), np.zeros(0)
    return rows["t"], rows["score"]


def mean_score(said: Said, fs_hz: float) -> float:
    """Give the mean score of a recording without its first seconds."""
    at, score = scores(said)
    kept = score[at > SETTLING_S * fs_hz]
    return float(np.mean(kept)) if len(kept) else float("nan")


def read_classes(folder: Path) -> dict[str, str]:
    """Read the class of each recording (REFERENCE.csv of cinc2017); none without the file."""
    path = folder / "REFERENCE.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="ascii") as lines:
        return {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1}
