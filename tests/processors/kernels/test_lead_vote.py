import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernels.lead_vote import VOTE_STATE, add_vote, weigh
from tests.naive.lead_vote import vote

FS_HZ, STEP_N = 100.0, 10


def voted(slopes, beats):
    """Run the kernel step by step; give the mean and the weights after each step."""
    v = np.zeros(1, VOTE_STATE)[0]
    slopes = np.asarray(slopes)
    means, weights = [], []
    for step, piece in enumerate(np.split(slopes, slopes.shape[1] // STEP_N, axis=1)):
        weigh(v, len(slopes), step in beats)
        total, share = np.zeros(STEP_N), np.zeros(STEP_N)
        for a, lead in enumerate(piece):
            add_vote(v, a, STEP_N, FS_HZ, np.ascontiguousarray(lead), total, share)
        means.append(np.divide(total, share, out=np.zeros(STEP_N), where=share > 0.0))
        weights.append(v["weight"][: len(slopes)] / v["weight"][: len(slopes)].sum())
    return np.concatenate(means), np.array(weights)


def beats_of(height, noise, length_s, seed=0):
    """Slopes of a lead with a beat of 100 ms every second, in a noise."""
    slopes = noise * np.random.default_rng(seed).random(round(length_s * FS_HZ))
    for at in range(50, len(slopes), 100):
        slopes[at : at + 10] += height
    return slopes


def steps_of_beats(length_s):
    return {6 + 10 * k for k in range(length_s)}


@given(st.integers(0, 1000), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_kernel_equals_its_slow_twin(seed, n_leads):
    draw = np.random.default_rng(seed)
    slopes = draw.random((n_leads, 600)) * 10.0 ** draw.uniform(-2, 3, (n_leads, 1))
    slopes[:, 200:300] *= draw.choice([0.0, 0.1, 1.0, 30.0], (n_leads, 1))
    for a in range(n_leads):
        lo = draw.integers(0, 600)
        slopes[a, lo : lo + draw.integers(0, 200)] = -1.0  # not there
    beats = set(draw.choice(60, 30, replace=False).tolist())
    listed = [[None if x < 0 else x for x in lead] for lead in slopes.tolist()]
    means, _ = voted(slopes, beats)
    np.testing.assert_allclose(means, vote(listed, FS_HZ, STEP_N, beats), rtol=1e-9, atol=1e-12)


def test_the_gain_of_a_lead_gives_it_no_more_to_say():
    leads = np.stack([beats_of(50.0, 5.0, 20, 1), beats_of(50.0, 5.0, 20, 2)])
    _, even = voted(leads, steps_of_beats(20))
    _, other = voted(leads * [[1.0], [3.0]], steps_of_beats(20))
    np.testing.assert_allclose(other[100:], even[100:])
    assert np.abs(even[100:, 0] - 0.5).max() < 0.2


@pytest.mark.parametrize("noise", [0.0, 100.0])
def test_a_lead_without_beats_or_in_noise_is_soon_outvoted(noise):
    leads = np.stack([beats_of(50.0, 5.0, 20, 1), beats_of(50.0, 5.0, 20, 2)])
    leads[0, 1000:] = noise * np.random.default_rng(3).random(1000)
    _, weights = voted(leads, steps_of_beats(20))
    assert weights[95:100, 0].min() > 0.2
    assert weights[115:, 0].max() < 0.1  # after 1.5 s


def test_no_lead_says_nothing():
    means, _ = voted(np.full((2, 50), -1.0), set())
    assert not means.any()
