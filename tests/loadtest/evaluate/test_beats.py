"""Beats are paired and counted as EC57 has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadtest.evaluate.beats import LEARNING_S, compared, figures, paired, run_rows, score, timing
from loadtest.evaluate.reference import Beats, F, N, Q, Reference, S, V
from loadtest.evaluate.said import Said
from loadtest.evaluate.spans import NO_SPANS, joined

FS_HZ = 100.0
times = st.lists(st.integers(0, 20_000), max_size=60, unique=True).map(
    lambda some: np.array(sorted(some), np.int64)
)


def beats(*marks: tuple[float, int]) -> Beats:
    return Beats(
        np.array([round(t * FS_HZ) for t, _ in marks], np.int64),
        np.array([kind for _, kind in marks], np.int64),
    )


def matrix(reference: Beats, test: Beats) -> np.ndarray:
    return compared(reference, test, NO_SPANS, 0, 15)[0]


@given(times, times, st.integers(0, 60))
def test_each_beat_has_at_most_one_partner_and_none_further_than_the_window(reference, test, most):
    i, j = paired(reference, test, most)
    assert len(set(i.tolist())) == len(i)
    assert len(set(j.tolist())) == len(j)
    assert (np.abs(reference[i] - test[j]) <= most).all()
    assert (np.diff(i) > 0).all()
    assert (np.diff(j) > 0).all()


@given(times, st.integers(0, 60))
def test_what_is_equal_is_paired(reference, most):
    i, j = paired(reference, reference, most)
    assert i.tolist() == j.tolist() == list(range(len(reference)))


def test_a_beat_further_away_than_the_window_is_missed_and_false():
    one = np.array([1000])
    assert len(paired(one, np.array([1054]), 54)[0]) == 1
    assert len(paired(one, np.array([1055]), 54)[0]) == 0


def test_the_nearer_of_two_detections_is_the_beat():
    i, j = paired(np.array([1000, 1300]), np.array([960, 1002, 1300]), 54)
    assert (i.tolist(), j.tolist()) == ([0, 1], [1, 2])


def test_a_v_on_a_fusion_or_unknown_beat_is_no_false_one_and_on_no_beat_it_is():
    reference = beats((1, F), (2, Q), (3, N), (4, V))
    ours = beats((1, V), (2, V), (3, V), (4, V), (5, V))
    row = figures_of(reference, ours)
    assert (row["veb_tp"], row["veb_fn"], row["veb_fp"]) == (1, 0, 2)
    assert (row["qrs_tp"], row["qrs_fp"]) == (4, 1)


def test_an_s_on_an_unknown_beat_is_no_false_one_and_on_a_v_it_is():
    row = figures_of(beats((1, Q), (2, V), (3, S)), beats((1, S), (2, S), (3, S)))
    assert (row["sveb_tp"], row["sveb_fp"], row["veb_fn"]) == (1, 1, 1)


def figures_of(reference: Beats, ours: Beats) -> dict[str, float]:
    return figures(score(of(reference), said(ours), from_s=0.0))


def of(reference: Beats, *, seconds: int = 1000) -> Reference:
    symbols = np.array(["NSVFQ"[k] for k in reference.kind], np.str_)
    notes = np.zeros(len(symbols), np.str_)
    return Reference(Path("r"), FS_HZ, int(seconds * FS_HZ), reference.at, symbols, notes)


def said(ours: Beats, late_s: float = 0.2) -> Said:
    told = ours.at + round(late_s * FS_HZ)
    return Said(ours, told, told + 50, np.zeros(0, np.int64), (), (), {})


def test_the_first_five_minutes_do_not_count():
    many = beats(*((float(t), N) for t in range(1, 400)))
    row = figures(score(of(many), said(many)))
    assert row["beats"] == 400 - LEARNING_S
    late = timing(score(of(many), said(many)))
    assert (late["detection_median_ms"], late["label_median_ms"]) == (200.0, 700.0)


def test_nothing_is_false_in_flutter():
    reference = beats((1, N))
    extra = beats((1, N), (5, N), (9, N))
    m = compared(reference, extra, joined([(450, 550)]), 0, 15)[0]
    assert figures_of(reference, extra)["qrs_fp"] == 2
    assert m[5].sum() == 1


def test_a_run_is_found_by_a_run_at_least_as_long_as_its_kind():
    reference = beats((1, N), (2, V), (3, V), (4, V), (5, N), (6, V), (7, V), (8, N))
    half = beats((1, N), (2, V), (3, V), (4, N), (5, N), (6, V), (7, V), (8, N))
    rows = run_rows({"r": (reference, half, 0)})
    assert (rows["couplets"]["true"], rows["couplets"]["found"]) == (1, 1)
    assert (rows["runs of 3 to 5"]["true"], rows["runs of 3 to 5"]["found"]) == (1, 0)
    assert matrix(reference, half)[V, N] == 1
