"""What beats amount to, code by code (CLINICAL 3.6-3.8), by beats made by hand."""

from __future__ import annotations

import pytest

from tests.device_bridges.simulator.plans import event
from tests.device_bridges.simulator.truth_cases import (
    CALM,
    beats,
    near,
    only,
    required,
    truth,
    worn,
)

VT = beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
VENTRICULAR = ("pvc", "vt", "ventricular")


# --- runs of ventricular beats --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "rr_s", "expected"),
    [
        ("NNNNNVVNNNNN", 0.46, ["pvc_couplet"]),
        ("NNNNNVVVNNNN", 0.7, ["pvc_run"]),
        ("NNNNNVVVVNNN", 0.40, ["vt_nonsustained"]),
        ("NNNNNVVVVVNNN", 0.40, ["vt_nonsustained"]),
        ("NNNNNVVVVVVVVNNN", 0.375, ["vt"]),
        ("NNNNNVVVVVVVVNNN", 0.75, ["ventricular_rhythm"]),
        ("NNNNNVVVVVVNNN", 1.8, ["ventricular_bradycardia"]),
        ("NNNNNVNNNNVNNN", 0.8, []),
        ("NNNNNVSVNNNNNN", 0.8, []),
        ("NNNNNVFVNNNNNN", 0.8, []),
    ],
)
def test_runs_are_named_by_their_length_and_rate(letters, rr_s, expected):
    own = {k: rr_s for k, letter in enumerate(letters) if letter == "V"}
    found = required(truth(beats(letters + CALM, own=own)))
    assert [code for code in found if code.startswith(VENTRICULAR)] == expected


def test_a_run_near_the_limit_may_be_either():
    own = dict.fromkeys(range(5, 13), 60 / 131)
    rows = truth(beats("NNNNNVVVVVVVVNNN" + CALM, own=own))
    assert near(rows, "vt")
    assert near(rows, "ventricular_rhythm")


def test_vt_is_met_at_its_sixth_beat():
    vt = only(truth(VT), "vt")
    assert vt.onset_s == pytest.approx(VT["r_s"][5])
    assert vt.met_s == pytest.approx(VT["r_s"][10])
    assert vt.offset_s == pytest.approx(VT["r_s"][12])
    assert vt.values["rate"] == pytest.approx(160, abs=0.1)
    assert vt.values["beats"] == 8


def test_a_slower_run_becomes_vt_after_30_s():
    log = beats("NNNNN" + "V" * 70 + CALM, own=dict.fromkeys(range(5, 75), 60 / 110))
    rows = truth(log)
    assert only(rows, "ventricular_rhythm").met_s == pytest.approx(log["r_s"][9])
    assert only(rows, "vt").met_s == pytest.approx(log["r_s"][5] + 30)
    assert {"vt", "ventricular_rhythm"} <= set(required(rows))


def test_a_couplet_is_known_with_the_beat_after_it():
    log = beats("NNNNNVVNNN" + CALM)
    couplet = only(truth(log), "pvc_couplet")
    assert couplet.offset_s is None
    assert (couplet.onset_s, couplet.met_s) == pytest.approx((log["r_s"][5], log["r_s"][7]))


def test_the_event_that_made_the_first_beat_is_the_cause():
    log = VT.copy()
    log["event"][5:13] = 0
    assert only(truth(log, events=[event("ventricular_run", 24)]), "vt").cause == "ventricular_run"


# --- patterns of ventricular beats ----------------------------------------------------------------


@pytest.mark.parametrize(("code", "cycle"), [("pvc_bigeminy", "NV"), ("pvc_trigeminy", "NNV")])
def test_three_cycles_are_a_pattern_and_two_are_none(code, cycle):
    log = beats("N" * 6 + cycle * 3 + CALM)
    row = only(truth(log), code)
    size = len(cycle)
    assert row.required
    first = 6
    assert row.onset_s == pytest.approx(log["r_s"][first])
    assert row.offset_s == row.met_s == pytest.approx(log["r_s"][first + 3 * size - 1])
    assert row.values["cycles"] == 3
    assert code not in {r.code for r in truth(beats("N" * 6 + cycle * 2 + CALM))}


def test_nothing_is_a_pattern_across_a_long_stop():
    log = beats("N" * 6 + "NVNV" + "NV" + CALM, own={10: 6.0})
    assert "pvc_bigeminy" not in {row.code for row in truth(log)}


def test_ten_ventricular_beats_in_a_minute_are_frequent():
    few, many = ("NNNNV" * k + CALM for k in (8, 13))
    assert "pvc_frequent" not in {row.code for row in truth(beats(few))}
    log = beats(many)
    row = only(truth(log), "pvc_frequent")
    assert row.required
    assert (row.onset_s, row.met_s) == pytest.approx((log["r_s"][4], log["r_s"][49]))


def test_nine_or_ten_may_be_frequent_and_those_of_a_run_only_follow():
    assert near(truth(beats("NNNNV" * 9 + CALM)), "pvc_frequent")
    run = beats("NNNNN" + "V" * 14 + CALM, own=dict.fromkeys(range(5, 19), 0.375))
    assert near(truth(run), "pvc_frequent")


def test_two_forms_within_15_beats_are_multiform():
    log = beats("NNNNNV" + "N" * 9 + "WNNN" + CALM)
    row = only(truth(log), "pvc_multiform")
    assert row.required
    assert row.met_s == pytest.approx(log["r_s"][15])
    assert near(truth(beats("NNNNNV" + "N" * 14 + "WNNN" + CALM)), "pvc_multiform")
    far = truth(beats("NNNNNV" + "N" * 30 + "W" + CALM))
    assert "pvc_multiform" not in {row.code for row in far}


def test_an_early_beat_with_a_pause_after_it_falls_on_a_t_wave():
    def letters(early_s, next_s):
        return beats("N" * 10 + "VN" + CALM, rr_s=1.2, own={10: early_s, 11: next_s})

    row = only(truth(letters(0.32, 1.7), until_s=200), "pvc_r_on_t")
    assert row.required
    assert row.values == pytest.approx({"rr_ms": 320, "mean_rr_ms": 1200})
    assert near(truth(letters(0.38, 1.7), until_s=200), "pvc_r_on_t")
    for early_s, next_s in ((0.5, 1.7), (0.32, 1.2)):
        assert "pvc_r_on_t" not in {r.code for r in truth(letters(early_s, next_s), until_s=200)}


# --- stops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [(2.5, []), (3.02, []), (3.5, ["pause"]), (3.97, ["pause"]), (4.2, ["asystole"]),
     (8.0, ["asystole"])],
)  # fmt: skip
def test_a_time_without_beats_is_a_pause_or_asystole(gap_s, expected):
    assert required(truth(beats("N" * 10 + "N" + CALM, own={10: gap_s}))) == expected


def test_a_pause_begins_with_the_beat_before_and_is_met_3_s_later():
    log = beats("N" * 10 + "N" + CALM, own={10: 3.5})
    row = only(truth(log), "pause")
    assert row.onset_s == pytest.approx(log["r_s"][9])
    assert row.met_s == pytest.approx(log["r_s"][9] + 3)
    assert row.values["seconds"] == pytest.approx(3.5)
    assert row.offset_s is None


def test_asystole_lasts_until_the_next_beat_or_the_end():
    log = beats("N" * 10 + "N" + CALM, own={10: 8.0})
    row = only(truth(log), "asystole")
    assert (row.onset_s, row.met_s, row.offset_s) == pytest.approx(
        (log["r_s"][9], log["r_s"][9] + 4, log["r_s"][10])
    )
    open_end = only(truth(beats("N" * 20)), "asystole")
    assert open_end.required
    assert open_end.offset_s == 120.0


def test_no_beats_in_fibrillation_are_no_asystole():
    vf = event("vf", 40, 60)
    rows = truth(beats("N" * 25, start_s=20), beats(CALM, start_s=60.5), events=[vf])
    assert required(rows) == ["vf"]
    row = only(rows, "vf")
    assert (row.onset_s, row.met_s, row.offset_s) == (40, 44, 60)
    assert near(rows, "asystole")  # a detector may take it for that, and is not blamed


def test_short_fibrillation_is_not_required():
    rows = truth(beats(CALM), events=[event("vf", 40, 44.5)])
    assert near(rows, "vf")


@pytest.mark.parametrize(("n", "code"), [(4, False), (6, True)])
def test_five_long_intervals_in_a_minute_are_frequent_pauses(n, code):
    text = "NNNNNNNNNP" * n
    own = {k: 2.4 for k, letter in enumerate(text) if letter == "P"}
    rows = truth(beats(text.replace("P", "N") + CALM, own=own), until_s=180)
    assert ("pauses_frequent" in required(rows)) == code


def test_a_slow_heart_has_no_frequent_pauses_beyond_doubt():
    assert near(truth(beats("N" * 60, rr_s=2.2), until_s=150), "pauses_frequent")


def test_a_missed_beat_need_never_be_found():
    log = beats("N" * 12 + "N" + CALM, own={12: 1.6})
    row = only(truth(log), "missed_beat")
    assert not row.required
    assert row.values == pytest.approx({"rr_ms": 1600, "mean_rr_ms": 800})


def test_a_long_interval_of_a_strap_is_a_gap():
    rows = truth(beats("N" * 10 + "N" + CALM, own={10: 3.5}), sensors=worn(("rr",)))
    assert required(rows) == []
    assert near(rows, "gap")


# --- atrial fibrillation --------------------------------------------------------------------------


def test_af_is_as_long_as_its_beats():
    log = beats("N" * 200, rr_s=0.7, start_s=15)
    log["event"][5:105] = 0
    row = only(truth(log, events=[event("af", 18, 90)], until_s=200), "af")
    assert row.required
    assert row.met_s == row.onset_s
    assert (row.onset_s, row.offset_s) == pytest.approx((log["r_s"][5], log["r_s"][104]))
    assert row.values["rate"] == pytest.approx(60 / 0.7, abs=0.1)


def test_af_below_30_s_or_at_the_very_end_is_not_required():
    log = beats("N" * 200, rr_s=0.7, start_s=15)
    log["event"][5:45] = 0
    assert near(truth(log, events=[event("af", 18, 40)], until_s=200), "af")
    log["event"][45:] = 0
    assert near(truth(log, events=[event("af", 18, 300)], until_s=45), "af")


def test_asystole_parts_atrial_fibrillation():
    log = beats("N" * 200, rr_s=0.7, start_s=15, own={60: 12.0}, cause=0)
    rows = truth(log, events=[event("af", 10, 300)], until_s=140)
    assert len([row for row in rows if row.code == "af"]) == 2


# --- rates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "sure"), [(34, True), (39, False), (41, False)])
def test_extremely_slow_is_below_40_over_five_beats(rate, sure):
    log = beats("N" * 40, rr_s=60 / rate, start_s=12)
    rows = truth(log, until_s=80)
    row = only(rows, "extreme_bradycardia")
    assert row.required == sure
    if sure:
        assert row.values["rate"] == pytest.approx(rate, abs=0.1)


def test_a_single_pause_is_no_extreme_bradycardia_beyond_doubt():
    assert near(truth(beats("N" * 20 + "N" + CALM, own={20: 3.5})), "extreme_bradycardia")


def test_extremely_fast_is_above_140_over_17_beats():
    log = beats("N" * 40 + "N" * 30 + CALM, own=dict.fromkeys(range(40, 70), 60 / 160))
    row = only(truth(log), "extreme_tachycardia")
    assert row.required
    assert row.met_s >= log["r_s"][50]
    short = beats("N" * 40 + "N" * 9 + CALM, own=dict.fromkeys(range(40, 49), 60 / 160))
    assert "extreme_tachycardia" not in {r.code for r in truth(short)}


def test_the_limits_of_effort_hold_for_event_groups():
    log = beats("N" * 200, rr_s=60 / 160, start_s=12)
    assert "extreme_tachycardia" in required(truth(log, until_s=80))
    rows = truth(log, until_s=80, who={"event": True})  # 45 years: above 186.5
    assert {"extreme_tachycardia", "tachycardia"}.isdisjoint(r.code for r in rows)
    late = beats("N" * 1100, rr_s=0.8, start_s=8, own=dict.fromkeys(range(200, 1100), 1 / 3))
    assert "effort_rate_high" in required(truth(late, seconds={"effort": [1.0]}, until_s=400))


def test_a_watch_tells_rates_but_nothing_of_beats():
    log = beats("N" * 400, rr_s=60 / 150, start_s=12)
    rows = truth(log, until_s=110, sensors=worn(("heart_rate",)))
    assert required(rows) == ["tachycardia"]


def test_without_an_ecg_nothing_ventricular_can_be_asked_for():
    assert required(truth(VT, sensors=worn(("rr",)))) == []
    assert [r.code for r in truth(VT, sensors=worn(("spo2",)))] == []


def test_the_time_axis_does_not_matter():
    moved = VT.copy()
    moved["r_s"] += 30.0
    here, there = (only(truth(log, until_s=170), "vt") for log in (VT, moved))
    assert there.onset_s == pytest.approx(here.onset_s + 30)
    assert there.met_s == pytest.approx(here.met_s + 30)
    assert there.values == here.values
