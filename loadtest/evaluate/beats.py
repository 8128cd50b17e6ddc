"""Beats and their classes, as ANSI/AAMI EC57 counts them (CLINICAL 1.1).

Every reference beat is paired with at most one detection, at most 150 ms away; pairs and what is
left over are counted by class from 5:00 on. Within ventricular flutter nothing counts as false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.figures import Row, percent, quantile
from loadtest.evaluate.reference import CLASSES, Beats, F, N, Reference, S, V
from loadtest.evaluate.said import Said
from loadtest.evaluate.spans import Samples, Spans, within

LEARNING_S = 300.0  # not scored: EC57
MOST_APART_S = 0.15  # of a beat and its detection: EC57
NONE = 5  # index of the partner that is missing


@dataclass(frozen=True)
class BeatScore:
    """Counts of one record, or of several.

    Attributes
    ----------
    matrix
        int64 ``[6, 6]``: beats by reference class (row) and by ours (column); `NONE` is no beat.
    offset_ms
        By record: median of ours minus theirs.
    jitter_ms
        What is left of that of each pair.
    first_ms, label_ms
        From R to the first and to the last line of each of our beats.
    missed, extra, wrong
        Samples of missed beats, of false detections, and of V that are wrong either way.
    """

    matrix: NDArray[np.int64]
    offset_ms: NDArray[np.float64]
    jitter_ms: NDArray[np.float64]
    first_ms: NDArray[np.float64]
    label_ms: NDArray[np.float64]
    withdrawn: int
    missed: Samples = field(default_factory=lambda: np.zeros(0, np.int64))
    extra: Samples = field(default_factory=lambda: np.zeros(0, np.int64))
    wrong: Samples = field(default_factory=lambda: np.zeros(0, np.int64))


def paired(reference: Samples, test: Samples, most: int) -> tuple[Samples, Samples]:
    """Pair two rising series one to one; give the indices of the members.

    The earlier of the two beats at hand takes the other if it is near enough, unless that one suits
    the next beat as well or better, and the next beat has nothing nearer.

    >>> [i.tolist() for i in paired(np.array([100, 300]), np.array([103, 290, 302]), 20)]
    [[0, 1], [0, 2]]
    """
    one, other = reference.tolist(), test.tolist()
    swapped = False  # `one` is the series with the earlier beat
    i = j = 0
    pairs: list[tuple[int, int]] = []
    while i < len(one) and j < len(other):
        if other[j] < one[i] or (swapped and other[j] == one[i]):
            one, other, i, j, swapped = other, one, j, i, not swapped
        apart = other[j] - one[i]
        if apart <= most and not _suits_next(one, i, other, j):
            pairs.append((j, i) if swapped else (i, j))
            j += 1
        i += 1
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _suits_next(one: list[int], i: int, other: list[int], j: int) -> bool:
    """Tell whether the beat after `i` has a better claim on `j`."""
    if i + 1 == len(one):
        return False
    apart = abs(other[j] - one[i + 1])
    if apart > other[j] - one[i]:
        return False
    return j + 1 == len(other) or apart <= abs(other[j + 1] - one[i + 1])


def window(fs_hz: float) -> int:
    """Give how many samples two beats may be apart."""
    return int(MOST_APART_S * fs_hz + 1e-9)


def compared(
    reference: Beats, test: Beats, flutter: Spans, start: int, most: int
) -> tuple[NDArray[np.int64], Samples, Samples, Samples, Samples]:
    """Count beats by class.

    Returns
    -------
    matrix, differences, missed, extra, wrong
        Counts; ours minus theirs of each pair; samples as in `BeatScore`.
    """
    i, j = paired(reference.at, test.at, most)
    matrix = np.zeros((6, 6), np.int64)
    alone = reference.at >= start
    alone[i] = False
    extra = (test.at >= start) & ~within(flutter, test.at)
    extra[j] = False
    scored = reference.at[i] >= start
    i, j = i[scored], j[scored]
    np.add.at(matrix, (reference.kind[i], test.kind[j]), 1)
    matrix[:, NONE] += np.bincount(reference.kind[alone], minlength=6)
    matrix[NONE] += np.bincount(test.kind[extra], minlength=6)
    theirs, ours = reference.kind[i], test.kind[j]
    # V on F or Q is neither right nor wrong.
    wrong = ((theirs == V) & (ours != V)) | ((ours == V) & np.isin(theirs, (N, S)))
    return (
        matrix,
        test.at[j] - reference.at[i],
        reference.at[alone],
        test.at[extra],
        reference.at[i][wrong],
    )


def score(reference: Reference, said: Said, *, from_s: float = LEARNING_S) -> BeatScore:
    """Score the beats of one record."""
    start = round(from_s * reference.fs_hz)
    matrix, apart, missed, extra, wrong = compared(
        reference.beats, said.beats, reference.flutter_waves, start, window(reference.fs_hz)
    )
    ms = 1000.0 / reference.fs_hz
    offset = np.median(apart, keepdims=True) if len(apart) else np.zeros(0)
    scored = said.beats.at >= start
    return BeatScore(
        matrix,
        offset * ms,
        (apart - offset) * ms,
        np.multiply((said.first_told - said.beats.at)[scored], ms, dtype=np.float64),
        np.multiply((said.last_told - said.beats.at)[scored], ms, dtype=np.float64),
        int(np.sum(said.withdrawn >= start)),
        missed,
        extra,
        wrong,
    )


def summed(scores: Sequence[BeatScore]) -> BeatScore:
    """Pool the scores of records."""
    return BeatScore(
        np.sum([one.matrix for one in scores], axis=0),
        np.concatenate([one.offset_ms for one in scores]),
        np.concatenate([one.jitter_ms for one in scores]),
        np.concatenate([one.first_ms for one in scores]),
        np.concatenate([one.label_ms for one in scores]),
        sum(one.withdrawn for one in scores),
    )


def figures(score: BeatScore) -> Row:
    """Give counts and rates of beats, of V and of S.

    A V on an F or Q beat is no false one, nor an S on a Q beat; what is no beat always is.
    """
    m = score.matrix
    every = slice(0, NONE)
    return {
        "beats": int(m[:NONE].sum()),
        **_rates("qrs", m[every, every].sum(), m[every, NONE].sum(), m[NONE].sum()),
        **_rates("veb", m[V, V], m[V].sum() - m[V, V], m[[N, S, NONE], V].sum()),
        **_rates("sveb", m[S, S], m[S].sum() - m[S, S], m[[N, V, F, NONE], S].sum()),
    }


def _rates(name: str, found: int, missed: int, false: int) -> Row:
    return {
        f"{name}_tp": int(found),
        f"{name}_fn": int(missed),
        f"{name}_fp": int(false),
        f"{name}_se": percent(found, found + missed),
        f"{name}_ppv": percent(found, found + false),
    }


def timing(score: BeatScore) -> Row:
    """Give how late beats and labels are told, and how exact R is, ms."""
    row: Row = {
        "offset_ms": quantile(score.offset_ms, 0.5),
        "jitter_ms": quantile(np.abs(score.jitter_ms), 0.5),
    }
    for name, share in {"median": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}.items():
        row[f"detection_{name}_ms"] = quantile(score.first_ms, share)
        row[f"label_{name}_ms"] = quantile(score.label_ms, share)
    row["withdrawn"] = score.withdrawn
    return row


def class_rows(score: BeatScore) -> Mapping[str, Row]:
    """Give the matrix: reference classes by our classes, ``none`` for no beat."""
    names = [*CLASSES, "none"]
    return {
        name: dict(zip(names, map(int, row), strict=True))
        for name, row in zip(names, score.matrix, strict=True)
    }


def run_rows(scores: Mapping[str, tuple[Beats, Beats, int]]) -> Mapping[str, Row]:
    """Give how many couplets, short and long runs of V there are, and are found.

    Parameters
    ----------
    scores
        By record: reference beats, ours, and the first sample that counts.

    A run is found where a run of ours, at least as long as its kind asks for, overlaps it from its
    first V to its last.
    """
    rows: dict[str, Row] = {}
    for name, least, most in (("couplets", 2, 2), ("runs of 3 to 5", 3, 5), ("longer", 6, 10**9)):
        true = found = said = right = 0
        for reference, test, start in scores.values():
            theirs, ours = (_runs(beats, least, most, start) for beats in (reference, test))
            any_theirs, any_ours = (_runs(b, least, 10**9, start) for b in (reference, test))
            true += len(theirs)
            said += len(ours)
            found += sum(_shares_time(run, any_ours) for run in theirs)
            right += sum(_shares_time(run, any_theirs) for run in ours)
        rows[name] = {
            "true": true, "found": found, "said": said, "right": right,
            "se": percent(found, true), "ppv": percent(right, said),
        }  # fmt: skip
    return rows


def _runs(beats: Beats, least: int, most: int, start: int) -> list[tuple[int, int]]:
    """Give first and last sample of the runs of so many consecutive V."""
    is_v = np.r_[False, beats.kind == V, False]
    first, last = np.flatnonzero(np.diff(is_v.astype(np.int8))).reshape(-1, 2).T
    return [
        (int(beats.at[a]), int(beats.at[b - 1]))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
        if least <= b - a <= most and beats.at[a] >= start
    ]


def _shares_time(run: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(a <= run[1] and b >= run[0] for a, b in others)
