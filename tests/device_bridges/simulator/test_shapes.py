"""Shapes of beats follow the published model and look like those of a chest lead."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from device_bridges.simulator.shapes import (
    BODIES,
    LEAD_IN,
    PUBLISHED,
    SHAPE_SAMPLES,
    beat_shapes,
    integrate,
    pulse_shapes,
    qrs_mv,
)
from device_bridges.simulator.tables import (
    ATRIAL,
    FUSION,
    N_SHAPES,
    NO_P,
    NORMAL,
    VENTRICULAR_A,
    VENTRICULAR_B,
)

SHAPES = beat_shapes()
P = slice(LEAD_IN - 250, LEAD_IN - 60)
T = slice(LEAD_IN + 150, LEAD_IN + 450)


def qrs_ms(shape: NDArray[np.float32], steep: float, within: int) -> int:
    """Measure from the first to the last sample near R that is so steep, mV/ms."""
    near = np.abs(np.diff(shape[LEAD_IN - within : LEAD_IN + within])) > steep
    return int(np.flatnonzero(near)[-1] - np.flatnonzero(near)[0])


def ends_of_qrs(shape: NDArray[np.float32]) -> NDArray[np.float32]:
    return shape[LEAD_IN + 70 : LEAD_IN + 110]


def test_published_parameters_give_the_beat_of_another_implementation() -> None:
    neurokit2 = pytest.importorskip("neurokit2")
    theirs = neurokit2.ecg_simulate(
        duration=20, sampling_rate=1000, noise=0, heart_rate=60, heart_rate_std=0,
        method="ecgsyn", random_state=1,
    )  # fmt: skip
    middle = theirs[9_500:10_500]
    r = 9_500 + int(np.argmax(middle))
    ours = integrate(PUBLISHED, LEAD_IN / 1000, SHAPE_SAMPLES)
    beat = theirs[r - LEAD_IN : r - LEAD_IN + SHAPE_SAMPLES]
    assert np.corrcoef(ours, beat)[0, 1] > 0.999


def test_tables_begin_and_end_with_nothing() -> None:
    assert SHAPES.shape == (BODIES, N_SHAPES, SHAPE_SAMPLES)
    assert SHAPES.dtype == np.float32
    for table in (SHAPES, pulse_shapes()):
        assert not table[..., 0].any()
        assert not table[..., -1].any()


def test_the_greatest_deflection_is_at_r() -> None:
    near = np.abs(SHAPES[:, :FUSION, LEAD_IN - 60 : LEAD_IN + 61])
    assert (near.argmax(axis=2) == 60).all()


def test_usual_beats_have_the_sizes_of_a_chest_lead() -> None:
    normal = SHAPES[:, NORMAL]
    assert ((normal[:, LEAD_IN] > 0.55) & (normal[:, LEAD_IN] < 1.9)).all()
    p_mv = normal[:, P].max(axis=1)
    assert ((p_mv > 0.04) & (p_mv < 0.2)).all()
    widths = [qrs_ms(shape, 0.004 * shape[LEAD_IN], 75) for shape in normal]
    assert min(widths) >= 65
    assert max(widths) <= 105
    t_mv = np.abs(normal[:, T]).max(axis=1)
    assert ((t_mv > 0.03) & (t_mv < 0.65)).all()
    assert np.abs(ends_of_qrs(normal.T)).max() < 0.15


def test_bodies_differ() -> None:
    correlations = np.corrcoef(SHAPES[:, NORMAL])
    np.fill_diagonal(correlations, 0)
    assert correlations.max() < 0.9999
    t_mv = SHAPES[:, NORMAL, T]
    assert (t_mv.min(axis=1) < -0.1).sum() >= 4  # inverted or biphasic
    assert (t_mv.max(axis=1) > 0.45).sum() >= 3  # tall
    assert 0.7 < qrs_mv().min() < 1.0
    assert 2.0 < qrs_mv().max() < 2.8


def test_junctional_beats_have_no_p_and_are_usual_otherwise() -> None:
    assert np.abs(SHAPES[:, NO_P, P]).max() < 0.02
    after = slice(LEAD_IN - 30, None)
    assert np.allclose(SHAPES[:, NO_P, after], SHAPES[:, NORMAL, after], atol=0.12)


def test_atrial_beats_have_another_p() -> None:
    other, usual = SHAPES[:, ATRIAL, P], SHAPES[:, NORMAL, P]
    assert (np.abs(other - usual).max(axis=1) > 0.3 * usual.max(axis=1)).all()
    assert (other.min(axis=1) < -0.03).sum() >= BODIES // 4


@pytest.mark.parametrize("shape", [VENTRICULAR_A, VENTRICULAR_B])
def test_ventricular_beats_are_wide_without_p_and_with_t_against_the_qrs(shape: int) -> None:
    beats = SHAPES[:, shape]
    widths = [qrs_ms(beat, 0.008, 120) for beat in beats]
    assert min(widths) >= 120
    assert max(widths) <= 170
    assert np.abs(beats[:, : LEAD_IN - 120]).max() < 0.03
    t_mv = beats[:, LEAD_IN + 270]
    assert (np.sign(t_mv) == -np.sign(beats[:, LEAD_IN])).all()


def test_the_two_foci_point_to_different_sides() -> None:
    sides = np.sign(SHAPES[:, [VENTRICULAR_A, VENTRICULAR_B], LEAD_IN])
    assert (sides.sum(axis=1) == 0).all()


def test_fusion_lies_between_both() -> None:
    for body in SHAPES:
        with_normal = np.corrcoef(body[FUSION], body[NORMAL])[0, 1]
        ventricular = body[VENTRICULAR_A if body[VENTRICULAR_A, LEAD_IN] > 0 else VENTRICULAR_B]
        assert with_normal > np.corrcoef(ventricular, body[NORMAL])[0, 1]
        assert np.corrcoef(body[FUSION], ventricular)[0, 1] > 0.7


def test_pulses_rise_in_150_to_200_ms_and_lose_the_notch_with_age() -> None:
    tops = pulse_shapes().argmax(axis=1)
    assert ((tops > 130) & (tops < 230)).all()
    assert np.allclose(pulse_shapes().max(axis=1), 1)
    falling = pulse_shapes()[:, 230:450]
    rises = np.maximum(np.diff(falling, axis=1), 0).sum(axis=1)
    assert rises[0] > 0.01
    assert not rises[-1]
