"""What faults of devices amount to: electrodes, silences, losses, batteries, clocks."""

from __future__ import annotations

import math

import pytest

from processors.signals import SIGNALS
from tests.device_bridges.simulator.plans import event
from tests.device_bridges.simulator.truth_cases import beats, near, only, required, truth, worn

HEART = beats("N" * 700)
INDEX = {name: float(k) for k, name in enumerate(SIGNALS)}


def _of_signal(rows, code, signal):
    (row,) = [r for r in rows if r.code == code and r.values.get("signal") == INDEX[signal]]
    return row


# --- electrodes and noise -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "flag", "length_s", "sure", "wait_s"),
    [(0, 1, 20, True, 0), (1, 1, 20, True, 0), (0, 0, 20, True, 3), (2, 0, 20, True, 3),
     (1, 0, 20, False, 3), (0, 0, 4, False, 3), (0, 1, 2, True, 0)],
)  # fmt: skip
def test_an_electrode_is_off_at_once_if_told_and_else_by_its_signal(
    form, flag, length_s, sure, wait_s
):
    off = event("lead_off", 40, 40 + length_s, form=form, flag=flag)
    row = only(truth(HEART, events=[off]), "lead_off")
    assert row.required == sure
    assert (row.onset_s, row.met_s, row.offset_s) == (40, 40 + wait_s, 40 + length_s)


def test_a_flat_line_that_nobody_calls_off_may_be_asystole():
    untold = event("lead_off", 40, 60, form=1, flag=0)
    assert near(truth(HEART, events=[untold]), "asystole")
    told = event("lead_off", 40, 60, form=1, flag=1)
    assert "asystole" not in {row.code for row in truth(HEART, events=[told])}


@pytest.mark.parametrize(
    ("name", "options", "sure"),
    [("motion", {"snr": -10}, True), ("muscle", {"snr": -8}, True), ("motion", {"snr": 0}, False),
     ("motion", {"snr": 20}, False), ("wander", {}, False), ("mains", {}, False),
     ("saturation", {}, False)],
)  # fmt: skip
def test_noise_makes_a_signal_poor_beyond_doubt_only_if_nobody_could_read_it(name, options, sure):
    row = only(truth(HEART, events=[event(name, 40, 70, **options)]), "poor_signal")
    assert row.required == sure


def test_a_short_burst_of_noise_need_not_be_told():
    assert near(truth(HEART, events=[event("motion", 40, 50, snr=-10)]), "poor_signal")


# --- silence and loss -----------------------------------------------------------------------------


def test_a_silent_device_is_silent_once_per_signal_after_its_stale_time():
    rows = truth(HEART, events=[event("silent", 30, 60, signal="ecg")])
    row = only(rows, "device_silent")
    assert row.required
    assert (row.met_s, row.offset_s) == (32, 60)  # CLINICAL 2: an ECG is stale after 2 s
    assert row.values == {"signal": INDEX["ecg"]}


def test_a_silence_of_all_signals_is_one_of_each_that_gets_stale():
    rows = truth(HEART, events=[event("silent", 30, 52)])
    silent = {row.values["signal"] for row in rows if row.code == "device_silent" and row.required}
    # 22 s: respiration is stale after 30 s, glucose after 15 min.
    names = ("ecg", "ppg", "acceleration", "rr", "heart_rate", "spo2")
    assert silent == {INDEX[name] for name in names}
    spo2 = _of_signal(rows, "device_silent", "spo2")
    assert (spo2.met_s, spo2.offset_s) == (29 + 15, 52)  # the last reading was at 29 s


def test_what_was_lost_is_a_gap_when_the_signal_is_back():
    rows = truth(HEART, events=[event("silent", 30, 33, signal="ecg")])
    row = only(rows, "gap")
    assert row.required
    assert (row.onset_s, row.met_s, row.offset_s) == (30, 33, None)
    assert row.values["lost_s"] == 3
    short = truth(HEART, events=[event("silent", 30, 31.2, signal="ecg")])
    assert near(short, "gap")


def test_a_silence_to_the_end_is_no_gap():
    rows = truth(HEART, events=[event("silent", 30, 400, signal="ecg")])
    assert "gap" not in {row.code for row in rows}
    assert only(rows, "device_silent").offset_s == 120


def test_a_device_that_measures_more_rarely_than_it_gets_stale_is_silent_by_itself():
    rows = truth(HEART, sensors=worn((), heart_rate=40.0), until_s=100)
    silent = [row for row in rows if row.code == "device_silent"]
    assert [(row.met_s, row.offset_s) for row in silent] == [(10, 40), (50, 80), (90, 100)]


@pytest.mark.parametrize(
    "fault", [event("dropouts", 40, 60, share=0.3), event("late", 40, 60, seconds=3),
              event("shuffled", 40, 60), event("clock_jump", 40, seconds=5),
              event("clock_offset", 40, 60, seconds=5)],
)  # fmt: skip
def test_what_chance_may_lose_need_not_be_told(fault):
    rows = truth(HEART, events=[fault], sensors=worn(("ecg", "spo2")))
    assert near(rows, "gap")
    assert near(rows, "device_silent")


def test_a_heart_that_stands_still_leaves_a_strap_without_a_word():
    log = beats("N" * 20 + "N" * 100, own={20: 20.0})
    rows = truth(log, sensors=worn(("rr",)))
    assert near(rows, "device_silent")
    assert near(rows, "gap")


# --- batteries and clocks -------------------------------------------------------------------------


def test_a_battery_is_low_from_15_percent_on():
    row = only(truth(HEART, events=[event("battery", 20, 120, first=25, last=5)]), "battery_low")
    assert row.required
    assert (row.onset_s, row.offset_s) == (70, 120)
    assert row.values["percent"] == 15
    full = truth(HEART, events=[event("battery", 20, 120, first=60, last=40)])
    assert "battery_low" not in {r.code for r in full}


def test_a_battery_that_is_charged_is_low_no_more():
    row = only(truth(HEART, events=[event("battery", 20, 120, first=10, last=30)]), "battery_low")
    assert row.onset_s == 20
    assert row.offset_s == pytest.approx(50)  # 16 %


@pytest.mark.parametrize(
    ("fault", "sure"),
    [(event("clock_offset", 30, 600, seconds=5), True),
     (event("clock_offset", 30, 600, seconds=2.1), False),
     (event("clock_offset", 30, 90, seconds=5), False),
     (event("clock_drift", 30, 600, ppm=-400), True),
     (event("clock_jump", 30, seconds=-9), True)],
)  # fmt: skip
def test_a_clock_is_off_beyond_doubt_after_five_minutes(fault, sure):
    row = only(truth(HEART, events=[fault], until_s=570), "clock_skew")
    assert row.required == sure
    assert math.isfinite(row.offset_s)


def test_a_clock_that_is_hardly_off_is_right():
    rows = truth(HEART, events=[event("clock_drift", 30, 600, ppm=100)], until_s=570)
    assert "clock_skew" not in {row.code for row in rows}
    assert required(rows) == []
