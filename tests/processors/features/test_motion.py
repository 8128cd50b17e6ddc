import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.motion import Motion
from processors.records import Chunk, pack
from streams.engine import Engine
from tests.naive.motion import rows
from tests.processors.ecg_cases import batch, feed

RMS, CADENCE, VALID, STILL = range(1, 5)
RANDOM = np.random.default_rng(1)


def walking(
    steps_per_min, length_s, fs_hz, amount=3.0, uneven=0.3, noise=0.2, tilt=(0.1, 0.95, 0.3)
):
    """Give acceleration of somebody who walks: bounce with each step, sway with each second one."""
    t = np.arange(round(length_s * fs_hz)) / fs_hz
    step = 2 * np.pi * steps_per_min / 60 * t
    bounce = amount * (np.sin(step) + 0.4 * np.sin(2 * step + 1) + uneven * np.sin(step / 2))
    down = np.array(tilt) / np.linalg.norm(tilt)
    across = np.cross(down, (0.0, 0.0, 1.0))
    x = np.outer(9.81 + bounce, down) + np.outer(0.5 * amount * np.sin(step / 2), across)
    return x + noise * np.random.default_rng(7).standard_normal(x.shape)


def still(length_s, fs_hz, noise=0.05):
    x = np.tile((0.0, 9.7, 1.2), (round(length_s * fs_hz), 1))
    return x + noise * np.random.default_rng(3).standard_normal(x.shape)


def motion(x, fs_hz=50.0, **how):
    return feed(Motion(), x, fs_hz, **how)["motion"]


@pytest.mark.parametrize("fs_hz", [25, 50, 100])
@pytest.mark.parametrize("steps_per_min", [70.0, 112.0, 171.0, 205.0])
def test_the_kernel_equals_its_slow_twin(fs_hz, steps_per_min):
    x = np.concatenate([still(4, fs_hz), walking(steps_per_min, 12, fs_hz), still(5, fs_hz)])
    x += 3 * RANDOM.standard_normal((1, 3))
    found = motion(x, float(fs_hz))[:, 1:]
    np.testing.assert_allclose(found, rows(x, fs_hz), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fs_hz", [25.0, 26.0, 32.0, 50.0, 52.0, 100.0, 104.0])
def test_there_is_a_row_for_every_whole_second(fs_hz):
    found = motion(still(20, fs_hz), fs_hz)
    assert len(found) == 20
    np.testing.assert_allclose(found[:, 0] / 1e9, np.arange(1, 21) - 1 / fs_hz, atol=1e-6)
    np.testing.assert_allclose(found[:, VALID], 1.0)


@pytest.mark.parametrize("tilt", [(0, 1, 0), (1, 0, 0), (0.5, 0.5, -0.7)])
@pytest.mark.parametrize("fs_hz", [25.0, 26.0, 50.0, 52.0, 100.0])
@pytest.mark.parametrize("steps_per_min", range(70, 215, 12))
def test_steps_are_counted_whichever_way_the_sensor_is_worn(steps_per_min, fs_hz, tilt):
    found = motion(walking(steps_per_min, 20, fs_hz, tilt=tilt), fs_hz)[6:]
    np.testing.assert_allclose(found[:, CADENCE], steps_per_min, rtol=0.03)
    assert not found[:, STILL].any()


@pytest.mark.parametrize("uneven", [0.0, 0.5])
def test_a_foot_that_lands_harder_does_not_halve_the_cadence(uneven):
    found = motion(walking(165, 20, 50.0, amount=6.0, uneven=uneven))[6:]
    np.testing.assert_allclose(found[:, CADENCE], 165, rtol=0.03)


def test_who_is_still_has_no_cadence():
    found = motion(still(20, 50.0))
    assert (found[:, STILL] == 1).all()
    assert np.isnan(found[:, CADENCE]).all()
    assert found[:, RMS].max() < 0.15


def test_movement_without_steps_has_no_cadence():
    x = still(20, 50.0) + 2 * np.random.default_rng(0).standard_normal((1000, 3))
    found = motion(x)[5:]
    assert not found[:, STILL].any()
    assert np.isnan(found[:, CADENCE]).mean() > 0.8


def test_the_amount_is_the_root_mean_square_without_gravity():
    t = np.arange(1000) / 50
    x = np.zeros((1000, 3))
    x[:, 1] = 9.81 + 4 * np.sin(2 * np.pi * 2 * t)
    np.testing.assert_allclose(motion(x)[3:, RMS], 4 / np.sqrt(2), rtol=0.02)


def test_gravity_does_not_matter():
    x = walking(120, 20, 50.0)
    moved = motion(x - x.mean(axis=0) + (5.0, -5.0, 6.9))
    np.testing.assert_allclose(moved[5:, RMS], motion(x)[5:, RMS], rtol=1e-3)


def test_who_turns_over_is_still_again_after_a_few_seconds():
    x = still(20, 50.0)
    x[500:] = x[500:, [1, 0, 2]]
    found = motion(x)
    assert found[10, RMS] > 2
    assert (found[15:, STILL] == 1).all()


def test_a_stop_is_seen_in_the_second_after_it():
    x = np.concatenate([walking(170, 20.3, 50.0, amount=8.0), still(10, 50.0)])
    found = motion(x)
    assert found[19, RMS] > 5
    assert found[21:, RMS].max() < 0.25 * found[19, RMS]


@given(st.lists(st.integers(1, 999), max_size=40))
@settings(max_examples=20, deadline=None)
def test_how_the_signal_is_cut_does_not_matter_to_the_bit(cuts):
    x = walking(150, 20, 50.0)
    np.testing.assert_array_equal(motion(x, cuts=cuts), motion(x))


def test_at_a_rate_that_no_second_holds_evenly_the_cut_does_not_matter_either():
    x = walking(150, 20, 31.3)
    np.testing.assert_array_equal(motion(x, 31.3, cuts=range(0, len(x), 7)), motion(x, 31.3))


def test_company_does_not_matter():
    one, other = walking(150, 5, 50.0), still(5, 50.0)
    together = Motion().process(batch([(4, 50.0, 0, 0, one), (1, 50.0, 0, 0, other)])).derived[0]
    for slot, alone in ((4, one), (1, other)):
        np.testing.assert_array_equal(together.values[together.slots == slot], motion(alone)[:, 1:])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_samples_without_a_value_do_not_last(bad):
    x = walking(150, 20, 50.0)
    x[500:580, 1] = bad
    found = motion(x)
    assert found[10, VALID] == 0
    assert np.isnan(found[10, RMS])
    assert found[11, VALID] == pytest.approx(0.4)
    assert np.isnan(found[11, [RMS, CADENCE]]).all()
    assert np.isfinite(found[16:, 1:]).all()


def test_seconds_that_were_lost_are_not_told():
    x = walking(150, 20, 50.0)
    found = motion(x, lost=[(500, 700)])
    assert [int(t // 1e9) for t in found[:, 0]] == [*range(10), *range(14, 20)]
    assert np.isnan(found[10:12, CADENCE]).all()  # three seconds without a gap are needed
    np.testing.assert_allclose(found[14:, CADENCE], 150, rtol=0.03)


def test_a_sensor_of_one_axis_is_good_for_an_amount():
    assert motion(walking(150, 10, 50.0)[:, 1:2])[5:, RMS].min() > 1


def test_a_row_is_a_feature_every_5_s():
    (feature,) = Motion().process(batch([(3, 50.0, 0, 0, still(20, 50.0))])).features
    assert (feature.t_ns // 10**9).tolist() == [0, 5, 10, 15]


def test_the_engine_feeds_it_from_a_device_of_integers():
    x = np.round(walking(150, 10, 50.0) / 0.01).astype(np.int16)
    engine = Engine([Motion()], tap=("motion",))
    chunk = Chunk("p1", "watch", "acceleration", 0, x, 50.0, scale=0.01)
    (block,) = engine.feed([pack([chunk])]).derived
    np.testing.assert_allclose(block.values[6:, CADENCE - 1], 150, rtol=0.03)


@pytest.mark.bench
@pytest.mark.parametrize("fs_hz", [25, 50, 100])
def test_bench_2000_people_of_whom_everybody_walks(fs_hz):
    """One core of the development machine: 11, 17 and 30 Msamples/s."""
    x = walking(160, 10, float(fs_hz)).astype(np.float32)
    edges = [round(i * fs_hz / 4) for i in range(41)]
    pieces = [
        batch([(k, float(fs_hz), round(lo / fs_hz * 1e9), lo, x[lo:hi]) for k in range(2000)])
        for lo, hi in pairwise(edges)
    ]
    processor = Motion()
    processor.process(pieces[0])
    start = time.thread_time()
    for piece in pieces[1:]:
        processor.process(piece)
    seconds = time.thread_time() - start
    assert sum(piece.n_samples for piece in pieces[1:]) / seconds > 5e6
