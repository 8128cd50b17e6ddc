import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.signal_quality import SignalQuality
from tests.needs import recordings
from tests.processors.ecg_cases import NORMAL, WIDE, batch, ecg, feed, regular

R_S = regular(20.0)
CLEAN = ecg(R_S, 250.0, 20, noise_mv=0.005)
SCORE, ATTACHED, FLAT, RAILED, NOISY, MV = range(1, 7)


def quality(x, fs_hz=250.0, **how):
    return feed(SignalQuality(), x, fs_hz, **how)["ecg_quality"]


def hum(hz, mv):
    return mv * np.sin(2 * np.pi * hz * np.arange(len(CLEAN)) / 250.0)


@pytest.mark.parametrize("fs_hz", [100.0, 125.0, 250.0, 360.0, 1000.0])
def test_a_clean_ecg_is_good_every_second(fs_hz):
    q = quality(ecg(R_S, fs_hz, 20, noise_mv=0.005), fs_hz)
    assert len(q) == 20
    np.testing.assert_allclose(q[:, 0] / 1e9, np.arange(1, 21) - 1 / fs_hz, atol=1e-6)
    assert q[:, SCORE].min() > 0.8
    assert (q[:, ATTACHED] == 1).all()
    assert not q[:, [FLAT, RAILED, NOISY]].any()
    assert (q[:-1, MV] > 0.8).all()  # no R in the last second


TALL_T = ((-0.14, 0.02, 0.15), (0.0, 0.011, 1.0), (0.03, 0.01, -0.25), (0.24, 0.05, 0.6))
RANDOM = np.random.default_rng(5)
RHYTHMS = {  # R times and shapes
    "150/min": (np.arange(0.5, 19.5, 0.4), NORMAL),
    "180/min": (np.arange(0.5, 19.5, 1 / 3), NORMAL),
    "155/min, tall T": (np.arange(0.5, 19.5, 60 / 155), TALL_T),
    "fibrillation of 150/min": (np.cumsum(RANDOM.uniform(0.3, 0.5, 47)), TALL_T),
    "wide at 180/min": (np.arange(0.5, 19.5, 1 / 3), WIDE),
    "wide at 220/min": (np.arange(0.5, 19.5, 60 / 220), WIDE),
    "35/min": (np.arange(0.5, 19.5, 60 / 35), NORMAL),
}


@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 1000.0])
@pytest.mark.parametrize("what", RHYTHMS)
def test_neither_rate_nor_shape_lowers_the_score(what, fs_hz):
    r_s, shape = RHYTHMS[what]
    q = quality(ecg(r_s, fs_hz, 20, shapes=[shape] * len(r_s), noise_mv=0.01), fs_hz)
    # The first seconds have little to compare; T waves on other places of the next beat cost some.
    assert q[2:, SCORE].min() > (0.5 if what.startswith("fibrillation") else 0.8)


def test_premature_beats_and_runs_do_not_lower_the_score():
    r_s = np.array([0.5, 1.3, *(t for k in range(6) for t in (2.1 + 1.6 * k, 2.6 + 1.6 * k)),
                    *np.arange(12.0, 14.0, 0.38), *np.arange(15.0, 19.5, 0.8)])  # fmt: skip
    wide = (np.diff(r_s, prepend=0.0) < 0.55) & (r_s > 1.0)
    shapes = [WIDE if one else NORMAL for one in wide]
    q = quality(ecg(r_s, 250.0, 20, shapes=shapes, noise_mv=0.01))
    assert q[2:, SCORE].min() > 0.8


@pytest.mark.parametrize("gain", [-1.0, 3.0, 0.5])
def test_gain_and_polarity_do_not_matter(gain):
    np.testing.assert_allclose(quality(gain * CLEAN)[:, SCORE], quality(CLEAN)[:, SCORE], atol=0.02)


@given(st.lists(st.integers(1, len(CLEAN) - 1), max_size=40))
@settings(max_examples=20, deadline=None)
def test_how_the_signal_is_cut_does_not_matter_to_the_bit(cuts):
    np.testing.assert_array_equal(quality(CLEAN, cuts=cuts), quality(CLEAN))


def test_at_360_hz_the_cut_does_not_matter_either():
    x = ecg(R_S, 360.0, 20)
    np.testing.assert_array_equal(quality(x, 360.0, cuts=range(0, len(x), 7)), quality(x, 360.0))


def test_asystole_is_flat_and_neither_noisy_nor_off():
    x = ecg(R_S[R_S < 8.0], 250.0, 20, noise_mv=0.004)
    q = quality(x)[10:]
    assert (q[:, FLAT] == 1).all()
    assert (q[:, ATTACHED] == 0.5).all()
    assert not q[:, [NOISY, RAILED]].any()


def test_a_line_that_moves_with_the_breath_is_as_small_as_one_that_does_not():
    t = np.arange(len(CLEAN)) / 250.0
    breath = np.sin(2 * np.pi * 0.3 * t)  # 18 /min, 2 mV from peak to peak
    q = quality(ecg(R_S[R_S < 8.0], 250.0, 20, noise_mv=0.004) + breath)
    assert q[10:, MV].max() < 0.25
    assert q[:8, MV].min() > 1.0
    assert quality(0.5 * np.sin(2 * np.pi * 3.0 * t))[2:, MV].min() > 0.9  # no waves of a heart


@pytest.mark.parametrize("noise_mv", [0.01, 0.03])
def test_asystole_with_the_noise_of_an_amplifier_is_not_noisy(noise_mv):
    q = quality(ecg(R_S[R_S < 8.0], 250.0, 20, noise_mv=noise_mv))[10:]
    assert not q[:, NOISY].any()
    assert (q[:, ATTACHED] > 0).all()


def test_a_constant_line_is_a_lead_off():
    q = quality(np.full(2500, 0.2))
    assert (q[1:, ATTACHED] == 0).all()
    assert (q[:, SCORE] == 0).all()


@pytest.mark.parametrize("rail_mv", [10.0, -5.0])
def test_a_rail_is_a_lead_off(rail_mv):
    x = CLEAN.copy()
    x[2600:2700] = rail_mv
    q = quality(x)
    assert q[10, RAILED] == 1
    assert q[10, ATTACHED] == 0
    assert q[10, SCORE] == 0
    assert not q[:10, RAILED].any()


@pytest.mark.parametrize("rail_mv", [10.0, -5.0])
def test_after_a_rail_the_signal_is_judged_by_itself(rail_mv):
    x = CLEAN.copy()
    x[1000:2600] = rail_mv
    q = quality(x)
    assert (q[5:11, ATTACHED] == 0).all()
    assert q[12:, SCORE].min() > 0.8
    assert q[12:, MV].max() < 1.4
    x[3000:] = 0.005 * np.random.default_rng(2).standard_normal(2000)
    assert quality(x)[-1, MV] < 0.03


def test_beats_that_are_cut_off_at_the_top_are_no_rail():
    assert not quality(np.clip(3 * CLEAN, -10, 2.0))[:, RAILED].any()


@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_mains_alone_is_a_lead_off_and_mains_on_an_ecg_is_not(hz):
    assert (quality(hum(hz, 0.8))[2:, ATTACHED] == 0).all()
    assert (quality(CLEAN + hum(hz, 0.1))[2:, ATTACHED] == 1).all()


def test_muscle_noise_is_noisy_and_bad():
    x = CLEAN + 0.3 * np.random.default_rng(0).standard_normal(len(CLEAN))
    q = quality(x)[4:]
    assert (q[:, NOISY] == 1).all()
    assert (q[:, SCORE] < 0.5).all()


def test_fibrillation_is_not_called_noisy():
    t = np.arange(5000) / 250.0
    x = 0.5 * np.sin(2 * np.pi * 5.0 * t + 2 * np.sin(2 * np.pi * 0.4 * t))
    assert not quality(x)[:, NOISY].any()


def test_jumps_of_the_electrode_do_not_stand_for_beats():
    """Two in 8 s, six times as high as R: what lies between them is as noisy as without them."""
    t = np.arange(len(CLEAN)) / 250.0
    x = CLEAN + 0.15 * np.random.default_rng(1).standard_normal(len(CLEAN))
    for at_s in (6.4, 9.7, 14.4, 17.7):
        x += 6.0 * np.exp(-0.5 * ((t - at_s) / 0.02) ** 2)
    assert (quality(x)[8:, SCORE] < 0.5).all()
    assert (quality(x)[8:, NOISY] == 1).all()


def test_a_weak_signal_is_poor():
    q = quality(0.2 * CLEAN)[4:]
    assert (q[:, SCORE] < 0.5).all()
    assert (q[:, ATTACHED] == 0.5).all()
    assert not q[:, NOISY].any()


def test_seconds_without_values_are_said_to_be_bad():
    x = CLEAN.copy()
    x[2500:3500] = np.nan
    q = quality(x)
    assert len(q) == 20
    assert (q[10:14, SCORE] == 0).all()
    assert (q[10:14, ATTACHED] == 0.5).all()
    assert np.isnan(q[10:14, MV]).all()
    assert q[17:, SCORE].min() > 0.8


def test_seconds_that_were_lost_are_not_told():
    q = quality(CLEAN, lost=[(2500, 3500)])
    assert [int(t // 1e9) for t in q[:, 0]] == [*range(10), *range(14, 20)]
    assert q[-3:, SCORE].min() > 0.8


def test_a_second_whose_end_is_lost_comes_with_the_next_sample():
    q = quality(CLEAN, lost=[(2480, 2510)])
    assert len(q) == 20
    assert q[9, 0] == 10.04e9


def test_the_score_is_a_feature_at_most_every_5_s():
    output = SignalQuality().process(batch([(3, 250.0, 0, 0, CLEAN)]))
    feature = output.features[0]
    assert feature.t_ns.tolist() == [996_000_000 + s * 10**9 for s in (0, 5, 10, 15)]
    assert feature.values.shape == (4, 1)


@pytest.mark.parametrize("bad", [np.inf, 3e38, np.nan])
def test_values_that_cannot_be_do_not_last(bad):
    x = CLEAN.copy()
    x[1000:1500] = bad
    assert quality(x)[12:, SCORE].min() > 0.8


def test_noise_is_told_from_ecg():
    """DS1 101 and 119, 3 min, with noise of nstdb at 0 dB: area 0.988 (em), 0.950 (ma) measured."""
    for kind, least in (("em", 0.985), ("ma", 0.945)):
        noise = wfdb.rdrecord(str(recordings("nstdb") / kind), sampto=360 * 180).p_signal[:, 0]
        clean, noisy = [], []
        for record in ("101", "119"):
            x = wfdb.rdrecord(str(recordings("mitdb") / record), sampto=360 * 180).p_signal[:, 0]
            heights = [np.ptp(x[i : i + 720]) for i in range(0, len(x), 720)]
            gain = np.sqrt(np.median(heights) ** 2 / 8 / np.var(noise))
            clean.append(quality(x, 360.0)[5:, SCORE])
            noisy.append(quality(x + gain * noise, 360.0)[5:, SCORE])
        good, bad = np.concatenate(clean), np.concatenate(noisy)
        area = (good[:, None] > bad[None, :]).mean()
        assert area >= least
        assert (good >= 0.5).mean() >= 0.98
