"""The report of what is simulated beside what is recorded, and that both are alike."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from loadtest.realism import compare
from loadtest.realism_measures import (
    ECG_HZ,
    band_shares,
    clean_rr,
    mean_pulse,
    pieces,
    rr_measures,
    template,
    template_sizes,
)
from loadtest.realism_page import Section, compared, page
from loadtest.realism_people import SINUS, play, realism_plan
from loadtest.realism_scores import Scored, score_both
from tests.needs import recordings

# Where the median of the simulated must lie between the recorded 5th and 95th percentile.
ALIKE = {
    "beats N": ("QRS, mV", "R, mV", "QRS width, ms", "P, mV", "T, mV"),
    "beats V": ("QRS, mV", "R, mV", "QRS width, ms", "T, mV"),
    "ECG, sinus rhythm": ("0.5-2 Hz, share", "2-5 Hz, share", "5-10 Hz, share",
                          "10-20 Hz, share", "20-40 Hz, share"),
    "ventricular fibrillation": ("1-2 Hz, share", "2-4 Hz, share", "4-6 Hz, share",
                                 "6-8 Hz, share", "8-15 Hz, share"),
    "ventricular fibrillation, size": ("RMS, mV",),
    "sinus rhythm, nsrdb": ("SDNN, ms", "RMSSD, ms", "pNN50, %", "SD1, ms", "SD2, ms", "LF/HF"),
    "sinus rhythm, gudb sitting": ("SDNN, ms", "RMSSD, ms", "SD1, ms", "SD2, ms", "LF/HF"),
    "atrial fibrillation, afdb": ("mean RR, ms", "SDNN, ms", "RMSSD, ms", "SDNN / mean"),
    "PPG": ("0.6-1.8 Hz, share", "1.8-4 Hz, share", "4-8 Hz, share"),
}  # fmt: skip


def test_two_runs_of_a_seed_are_equal_and_another_seed_is_not() -> None:
    first, second, other = (play(realism_plan(seed, 4.0)) for seed in (1, 1, 2))
    for name in ("ecg", "ppg", "beats"):
        assert (getattr(first, name) == getattr(second, name)).all()
    assert first.ecg.tobytes() != other.ecg.tobytes()


def test_played_people_are_found_by_group() -> None:
    played = play(realism_plan(1, 4.0), waves=False)
    assert len(played.group(SINUS)) == 24
    assert not played.ecg.size
    r_s = played.r_s(played.group(SINUS)[0])
    assert len(r_s) >= 3
    assert (np.diff(r_s) > 0.3).all()


def test_a_template_is_the_beat_without_noise() -> None:
    t_s = np.arange(-0.35, 0.5, 1 / ECG_HZ)
    beat = 1.2 * np.exp(-0.5 * (t_s / 0.012) ** 2) + 0.3 * np.exp(-0.5 * ((t_s - 0.28) / 0.04) ** 2)
    noise = 0.05 * np.random.default_rng(1).standard_normal(250 * 60)
    at = np.arange(500, 14_000, 200)
    mv = noise + 0.7
    for i in at:
        mv[i - 87 : i - 87 + len(beat)] += beat
    found = template(mv, at)
    assert found is not None
    sizes = template_sizes(found)
    assert sizes["R, mV"] == pytest.approx(1.2, abs=0.05)
    assert sizes["T, mV"] == pytest.approx(0.3, abs=0.05)
    assert template(mv, at[:2]) is None


def test_the_power_of_a_sine_lies_in_its_band() -> None:
    sine = np.sin(2 * np.pi * 7 * np.arange(5000) / ECG_HZ)
    assert band_shares(sine, ECG_HZ, (1, 5, 10, 20)) == pytest.approx([0, 1, 0], abs=0.02)


def test_slow_swings_are_lf_and_quick_ones_hf() -> None:
    t_s = np.cumsum(np.full(400, 0.8))
    slow, quick = (800 + 30 * np.sin(2 * np.pi * hz * t_s) for hz in (0.1, 0.25))
    assert rr_measures(slow)["LF/HF"] > 20
    assert rr_measures(quick)["LF/HF"] < 0.05
    assert math.isnan(rr_measures(slow[:60])["LF/HF"])


def test_ectopic_and_impossible_intervals_are_left_out() -> None:
    rr = np.full(40, 800.0)
    rr[[10, 11, 20]] = 500.0, 1100.0, 5000.0
    assert clean_rr(rr).tolist() == [800.0] * 37


def test_intervals_are_cut_into_whole_pieces() -> None:
    parts = pieces(np.arange(0.0, 650.0, 0.8), 300)
    assert len(parts) == 2
    assert all(part.sum() == pytest.approx(300_000, abs=1700) for part in parts)


def test_a_pulse_goes_from_foot_to_foot() -> None:
    t_s = np.arange(0, 30, 0.01)
    wave = mean_pulse(1 - np.cos(2 * np.pi * 1.2 * t_s), 100)
    assert wave is not None
    assert wave[[0, -1]] == pytest.approx([0, 0], abs=0.02)
    assert 45 <= wave.argmax() <= 55


def test_without_values_there_is_nothing_to_compare() -> None:
    row = compared("x", [math.nan, 2.0], [])
    assert row.simulated == (2.0, 2.0, 2.0)
    assert math.isnan(row.within)
    text = page("A & B", "", [Section("t", "", (), [("x", [row])], [Scored("Se", 99.0, math.nan)])])
    assert "A &amp; B" in text
    assert "<td>99.00</td><td>-</td><td>-</td>" in text


@pytest.mark.bench
def test_simulated_signals_are_like_recorded_ones(tmp_path: Path) -> None:
    folder = recordings("mitdb").parent
    tables = compare(tmp_path / "report.html", folder)
    assert "<img" in (tmp_path / "report.html").read_text("utf-8")
    found = {title: {row.measure: row for row in rows} for title, rows in tables.items()}
    for title, measures in ALIKE.items():
        for measure in measures:
            row = found[title][measure]
            low, _, high = row.recorded
            assert low <= row.simulated[1] <= high, f"{title}: {row}"


@pytest.mark.bench
def test_detectors_score_simulated_signals_as_recorded_ones() -> None:
    """Within one point either way: too easy is as unlike as too hard.

    AF as claimed afterwards is not held: it is 1.5 points too easy (docs/realism.md).
    """
    # docs/accuracy.md: mitdb DS1, afdb.
    recorded = {"QRS, Se": 99.84, "QRS, +P": 99.90, "AF by beat, live, accuracy": 96.96}
    simulated = {one.figure: one.simulated for one in score_both(None, 1)}
    print("; ".join(f"{figure} {value:.2f}" for figure, value in simulated.items()))
    for figure, value in recorded.items():
        assert simulated[figure] == pytest.approx(value, abs=1.0), figure
