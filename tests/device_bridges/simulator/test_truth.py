"""What planted beats, bodies and devices amount to, code by code, by hand-made cases."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from device_bridges.simulator.plan import Sensor
from device_bridges.simulator.tables import LOGGED_BEAT, SECOND, N, S, V
from device_bridges.simulator.truth import (
    VALUE,
    Recorder,
    TruthError,
    read_truth,
    write_truth,
)
from tests.device_bridges.simulator.plans import event, make_plan

ALL = ("ecg", "ppg", "acceleration", "rr", "heart_rate", "spo2", "respiration", "glucose")
LABELS = {"N": N, "V": V, "S": S}


def _worn(n=1, signals=ALL):
    return tuple(
        Sensor(s, "d", np.arange(n, dtype=np.int32), every_s=60.0 if s == "glucose" else 0.0)
        for s in signals
    )


def _beats(text: str, rr_s=0.8, start_s=20.0, slot=0, own=None):
    """Give beats by their letters; ``own`` gives the RR before single ones."""
    rr = np.full(len(text), rr_s)
    for k, value in (own or {}).items():
        rr[k] = value
    beats = np.zeros(len(text), LOGGED_BEAT)
    beats["slot"], beats["event"], beats["rr_s"] = slot, -1, rr
    beats["r_s"] = start_s + np.cumsum(rr)
    beats["label"] = [LABELS[letter] for letter in text]
    beats["shape"] = np.where(beats["label"] == V, 3, 0)
    return beats


def _truth(*beats, events=(), until_s=120.0, seconds=None, n=1, sensors=None, **person):
    plan = make_plan(n, events, sensors=_worn(n) if sensors is None else sensors, **person)
    recorder = Recorder(plan)
    usual = {
        "rate": 70.0, "breath_rate": 14.0, "spo2": 97.0, "glucose": 100.0, "systolic": 120.0,
        "diastolic": 80.0, "body_temperature": 36.8, "pm2_5": 10.0,
    }  # fmt: skip
    for k in range(int(until_s)):
        row = np.zeros(n, SECOND)
        for name, value in usual.items():
            row[name] = value
        for name, given in (seconds or {}).items():
            row[name] = given[k] if k < len(given) else given[-1]
        recorder.on_second(k, row)
    for some in beats:
        recorder.on_beats(some)
    return [row for row in recorder.truth(until_s) if not row.code.startswith(VALUE)]


def _required(rows):
    return sorted({row.code for row in rows if row.required})


CALM = "N" * 200


@pytest.mark.parametrize(
    ("letters", "rr_s", "expected"),
    [
        ("NNNNNVVNNNNN", 0.46, ["pvc_couplet"]),
        ("NNNNNVVVNNNN", 0.7, ["pvc_run"]),
        ("NNNNNVVVVNNN", 0.40, ["vt_nonsustained"]),
        ("NNNNNVVVVVVVVNNN", 0.375, ["vt"]),
        ("NNNNNVVVVVVVVNNN", 0.75, ["ventricular_rhythm"]),
        ("NNNNNVVVVVVNNN", 1.8, ["ventricular_bradycardia"]),
        ("NNNNNVNNNNVNNN", 0.8, []),
        ("NNNNNVSVNNNNNN", 0.8, []),
    ],
)
def test_runs_are_named_by_their_length_and_rate(letters, rr_s, expected):
    own = {k: rr_s for k, letter in enumerate(letters) if letter == "V"}
    beats = _beats(letters + CALM, own=own)
    ventricular = ("pvc", "vt", "ventricular")
    found = [code for code in _required(_truth(beats)) if code.startswith(ventricular)]
    assert found == expected


def test_a_run_near_the_limit_may_be_either():
    own = dict.fromkeys(range(5, 13), 60 / 131)
    rows = _truth(_beats("NNNNNVVVVVVVVNNN" + CALM, own=own))
    codes = {row.code: row.required for row in rows}
    assert codes["vt"] is False
    assert codes["ventricular_rhythm"] is False


def test_vt_is_met_at_its_sixth_beat():
    beats = _beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
    (vt,) = [row for row in _truth(beats) if row.code == "vt"]
    assert vt.onset_s == pytest.approx(beats["r_s"][5])
    assert vt.met_s == pytest.approx(beats["r_s"][10])
    assert vt.offset_s == pytest.approx(beats["r_s"][12])
    assert vt.values["rate"] == pytest.approx(160, abs=0.1)
    assert vt.values["beats"] == 8


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [(2.5, []), (3.02, []), (3.5, ["pause"]), (3.97, ["pause"]), (8.0, ["asystole"])],
)
def test_a_time_without_beats_is_a_pause_or_asystole(gap_s, expected):
    beats = _beats("N" * 10 + "N" + CALM, own={10: gap_s})
    assert _required(_truth(beats)) == expected


def test_asystole_that_lasts_to_the_end_is_true_as_well():
    (row,) = [r for r in _truth(_beats("N" * 20)) if r.code == "asystole"]
    assert row.required
    assert row.offset_s == 120.0


def test_no_beats_in_fibrillation_are_no_asystole():
    vf = event("vf", 40, 60)
    rows = _truth(_beats("N" * 25, start_s=20), _beats(CALM, start_s=60.5), events=[vf])
    assert _required(rows) == ["vf"]


def test_bigeminy_is_true_where_the_script_made_it():
    beats = _beats("N" * 6 + "NV" * 6 + CALM)
    beats["event"][6:18] = 0
    rows = _truth(beats, events=[event("bigeminy", 24, 34)])
    assert "pvc_bigeminy" in _required(rows)
    assert "pvc_trigeminy" not in {row.code for row in rows}


def test_ten_ventricular_beats_in_a_minute_are_frequent():
    few, many = ("NNNNV" * k + CALM for k in (7, 13))
    assert "pvc_frequent" not in {row.code for row in _truth(_beats(few))}
    assert "pvc_frequent" in _required(_truth(_beats(many)))


@pytest.mark.parametrize(("rate", "code"), [(34, "extreme_bradycardia"), (43, "")])
def test_slow_is_below_40_over_five_beats(rate, code):
    rows = _truth(_beats("N" * 40, rr_s=60 / rate, start_s=12))
    assert ("extreme_bradycardia" in _required(rows)) == bool(code)


def test_fast_depends_on_whether_somebody_takes_part_in_an_event():
    beats = _beats("N" * 200, rr_s=60 / 160, start_s=12)
    assert "extreme_tachycardia" in _required(_truth(beats))
    plan = make_plan(1, sensors=_worn())
    recorder = Recorder(replace(plan, participants=(replace(plan.participants[0], event=True),)))
    recorder.on_beats(beats)
    codes = [row.code for row in recorder.truth(80.0) if row.required]
    assert "extreme_tachycardia" not in codes  # 45 years: 176.5 + 10


def test_af_is_as_long_as_its_beats():
    beats = _beats("N" * 200, rr_s=0.7, start_s=15)
    beats["event"][5:105] = 0
    (af,) = [r for r in _truth(beats, events=[event("af", 18, 90)]) if r.code == "af"]
    assert af.required
    assert (af.onset_s, af.offset_s) == pytest.approx((beats["r_s"][5], beats["r_s"][104]))
    beats["event"][30:] = -1
    assert "af" not in _required(_truth(beats, events=[event("af", 18, 40)]))


def test_what_a_fault_hides_is_not_required():
    beats = _beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
    for fault in (
        event("motion", 22, 40, snr=0),
        event("lead_off", 22, 40),
        event("silent", 22, 40),
    ):
        (vt,) = [row for row in _truth(beats, events=[fault]) if row.code == "vt"]
        assert not vt.required


def test_without_an_ecg_nothing_ventricular_can_be_asked_for():
    beats = _beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
    assert _required(_truth(beats, sensors=_worn(signals=("rr",)))) == []


def test_oxygen_below_the_own_limit_is_low():
    falling = {"spo2": [97.0] * 30 + [87.0] * 30 + [82.0] * 20 + [97.0]}
    rows = {r.code: r for r in _truth(_beats(CALM * 2), seconds=falling) if r.required}
    assert rows["spo2_low"].met_s == 30
    assert rows["spo2_low"].values["lowest"] == 82
    assert rows["spo2_very_low"].met_s == 60
    assert rows["spo2_very_low"].offset_s == 80


def test_glucose_is_low_until_it_is_back_by_the_hysteresis():
    fall = {"glucose": [100.0] * 100 + [52.0] * 400 + [75.0] * 200 + [90.0]}
    rows = {r.code: r for r in _truth(seconds=fall, until_s=900) if r.required}
    assert rows["glucose_low"].met_s == 120  # it is read once a minute
    assert rows["glucose_low"].offset_s == 720
    assert "glucose_urgent_low" not in rows  # 52 is within the margin of 54
    assert rows["glucose_low"].values["extreme"] == 52


def test_no_breath_for_20_s_is_apnoea():
    rows = _truth(seconds={"breath_rate": [14.0] * 30 + [0.0] * 25 + [14.0]})
    (apnoea,) = [r for r in rows if r.code == "apnoea"]
    assert apnoea.required
    assert (apnoea.onset_s, apnoea.met_s, apnoea.offset_s) == (30, 50, 55)


def test_a_recovery_has_the_drops_of_the_rate():
    rate = np.full(700, 70.0)
    rate[300:420] = 160.0
    after = np.arange(280)
    rate[420:] = 100 + 60 * np.exp(-after / 60.0)
    stop = event("effort", 300, 420, marker=1)
    beats = _beats("N" * 900)
    rows = _truth(beats, events=[stop], seconds={"rate": rate}, until_s=700)
    (row,) = [r for r in rows if r.code == "heart_rate_recovery"]
    assert row.required
    assert row.onset_s == 420
    assert row.values["hrr60"] == pytest.approx(60 * (1 - np.exp(-1)), abs=0.3)
    assert row.values["tau_s"] == pytest.approx(60.0, abs=0.1)
    assert "heart_rate_recovery_delayed" not in {r.code for r in rows}


def test_a_silent_device_is_silent_once_per_signal_after_its_stale_time():
    rows = _truth(_beats(CALM), events=[event("silent", 30, 60, signal="ecg")])
    (row,) = [r for r in rows if r.code == "device_silent"]
    assert row.required
    assert row.met_s == 32.0  # CLINICAL 2: an ECG is stale after 2 s


def test_a_battery_is_low_from_15_percent_on():
    (row,) = [r for r in _truth(events=[event("battery", 0, 100, first=25, last=5)])
              if r.code == "battery_low"]  # fmt: skip
    assert row.required
    assert row.met_s == 50


def test_times_are_those_of_the_devices_clock():
    beats = _beats("N" * 10 + "N" + CALM, own={10: 3.5})
    ahead = event("clock_offset", 0, 1000, seconds=7)
    (usual,) = [r for r in _truth(beats) if r.code == "pause"]
    (shifted,) = [r for r in _truth(beats, events=[ahead]) if r.code == "pause"]
    assert shifted.onset_s == pytest.approx(usual.onset_s + 7)


def test_others_change_nothing():
    mine = _beats("N" * 10 + "N" + CALM, own={10: 3.5})
    other = _beats("NVVN" * 20, slot=1)
    together = [r for r in _truth(mine, other, n=2) if r.participant == "P-0001"]
    assert together == _truth(mine)


def test_values_are_those_of_the_true_beats():
    plan = make_plan(1, sensors=_worn())
    recorder = Recorder(plan)
    beats = _beats("N" * 160, rr_s=0.75, start_s=0.0)
    recorder.on_beats(beats)
    rows = {r.code: r for r in recorder.truth(65.0) if r.code.startswith(VALUE)}
    assert rows["value:heart_rate"].values == {"rate": pytest.approx(80.0)}
    assert rows["value:hrv_60"].values["sdnn_ms"] == pytest.approx(0, abs=0.01)
    assert rows["value:hrv_60"].values["mean_nn_ms"] == pytest.approx(750)


def test_a_file_of_truth_is_read_back_as_it_was(tmp_path):
    beats = _beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
    rows = _truth(beats)
    path = tmp_path / "truth.jsonl"
    write_truth(path, make_plan(1), rows)
    head, again = read_truth(path)
    assert again == rows
    assert (head.seed, head.participants, head.base_ns) == (1, 1, 0)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '{"kind":"scenario","version":99}',
             '{"kind":"scenario","version":2}\n{"kind":"truth"}',
             '{"kind":"scenario","version":2}\n[1,2]'],
)  # fmt: skip
def test_a_file_that_is_no_truth_is_refused_in_a_sentence(tmp_path, text):
    path = tmp_path / "truth.jsonl"
    path.write_text(text)
    with pytest.raises(TruthError, match=r"truth\.jsonl"):
        read_truth(path)


def test_no_such_file_is_a_sentence_as_well(tmp_path):
    with pytest.raises(TruthError):
        read_truth(tmp_path / "none")


def test_rows_are_json_of_plain_numbers(tmp_path):
    path = tmp_path / "truth.jsonl"
    write_truth(path, make_plan(1), _truth(_beats(CALM)))
    assert all(json.loads(line) for line in path.read_text().splitlines())
