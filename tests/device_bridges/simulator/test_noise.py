"""Noise goes round without a seam, has the size asked for and the spectrum of recorded noise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from device_bridges.simulator.acts import loops_at
from device_bridges.simulator.noise import FS_HZ, NoiseBank, made_noise, noise_size
from device_bridges.simulator.textures import envelope, texture
from tests.needs import recordings

NAMES = ("motion", "muscle", "wander")


def bands(noise: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give which share of the power lies below 0.5 Hz, up to 2, 8, 25 and 100 Hz."""
    f_hz, power = welch(noise, FS_HZ, nperseg=8 * FS_HZ)
    edges = (0.1, 0.5, 2, 8, 25, 100)
    parts = [power[(f_hz >= a) & (f_hz < b)].sum() for a, b in pairwise(edges)]
    return np.array(parts) / np.sum(parts)


@pytest.mark.parametrize("name", NAMES)
def test_made_noise_has_the_spectrum_of_recorded_noise(name: str) -> None:
    recorded, made = NoiseBank(recordings("nstdb")), NoiseBank()
    assert (recorded.source, made.source) == ("nstdb", "made")
    difference = np.abs(bands(getattr(recorded, name)) - bands(getattr(made, name)))
    assert difference.max() < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_made_noise_goes_round_without_a_seam(name: str) -> None:
    loop = getattr(made_noise(), name)
    steps = np.abs(np.diff(loop))
    assert abs(loop[0] - loop[-1]) < np.percentile(steps, 99.9)
    assert abs(loop.mean()) < 0.02


def test_noise_is_of_size_1() -> None:
    assert noise_size(made_noise().motion) == pytest.approx(1, abs=1e-4)
    assert noise_size(made_noise().muscle) == pytest.approx(1, abs=1e-4)
    assert made_noise().wander.std() == pytest.approx(1, abs=1e-4)


def test_slow_wander_and_rare_bursts_do_not_count_for_the_size() -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(100 * FS_HZ)
    slow = 50 * np.sin(2 * np.pi * 0.005 * np.arange(len(noise)) / FS_HZ)
    assert noise_size(noise + slow) == pytest.approx(noise_size(noise), rel=0.2)
    noise[: 3 * FS_HZ] *= 100
    assert noise_size(noise) == pytest.approx(1, rel=0.05)


def test_a_folder_without_all_records_gives_made_noise(tmp_path: Path) -> None:
    (tmp_path / "em.hea").touch()
    assert NoiseBank(tmp_path).source == "made"


def test_loops_at_another_rate_keep_what_they_are() -> None:
    bank = made_noise()
    loops = loops_at(bank, 50)
    for name in NAMES:
        begin = loops.first[name]
        loop = loops.values[begin : begin + loops.length[name]]
        assert len(loop) == round(len(getattr(bank, name)) / 5)
        slow = getattr(bank, name)[:25_000].reshape(-1, 5).mean(axis=1)
        assert np.corrcoef(loop[:5000], slow)[0, 1] > 0.7


def test_a_texture_has_its_spectrum_only() -> None:
    loop = texture([(2, 1.0), (4, 1.0), (10, 0.01)], 100, seed=3)
    f_hz, power = welch(loop, 100, nperseg=1000)
    assert power[f_hz < 1.7].sum() + power[f_hz > 10.3].sum() < 1e-3 * power.sum()
    plateau = power[(f_hz > 2.3) & (f_hz < 3.8)].mean()
    assert power[(f_hz > 9) & (f_hz < 10)].mean() == pytest.approx(0.013 * plateau, rel=0.4)


def test_an_envelope_is_slow_and_has_two_unlike_parts() -> None:
    both = envelope(0.5, 250, seed=3)
    assert np.allclose(both.std(axis=0), 1, atol=1e-3)
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.2
    assert np.abs(np.diff(both, axis=0)).max() < 0.1
