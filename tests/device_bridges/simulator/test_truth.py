"""Rows of truth: when they are required, whose clock they follow, values, and the file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_bridges.simulator.truth import (
    VALUE,
    Recorder,
    Truth,
    TruthError,
    read_truth,
    write_truth,
)
from device_bridges.simulator.truth_codes import CODES
from loadtest.matching import USUAL, WINDOWS
from loadtest.value_errors import FEATURE_OF
from processors.signals import SIGNALS
from tests.device_bridges.simulator.plans import event, make_plan
from tests.device_bridges.simulator.truth_cases import (
    CALM,
    beats,
    near,
    only,
    required,
    truth,
    worn,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "truth.md"
VT = beats("NNNNNVVVVVVVVNNN" + CALM, own=dict.fromkeys(range(5, 13), 0.375))
PAUSE = beats("N" * 10 + "N" + CALM, own={10: 3.5})


# --- what is required -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [event("motion", 22, 40, snr=0), event("muscle", 22, 40, snr=3), event("lead_off", 22, 40),
     event("silent", 22, 40), event("dropouts", 22, 40), event("saturation", 22, 40),
     event("late", 22, 40, seconds=3), event("clock_jump", 24.5, seconds=4),
     event("silent", 8, 12)],
)  # fmt: skip
def test_what_a_fault_hides_is_not_required(fault):
    assert near(truth(VT, events=[fault]), "vt")


@pytest.mark.parametrize(
    "fault",
    [event("motion", 22, 40, snr=12), event("silent", 22, 40, signal="spo2"),
     event("late", 22, 40, seconds=0.5), event("duplicates", 22, 40), event("silent", 60, 80),
     event("wander", 22, 40)],
)  # fmt: skip
def test_what_does_not_hide_it_leaves_it_required(fault):
    assert "vt" in required(truth(VT, events=[fault]))


def test_while_detectors_learn_nothing_is_required():
    early = VT.copy()
    early["r_s"] -= 18.0
    assert near(truth(early), "vt")


def test_what_the_end_cuts_off_is_not_required():
    met_s = only(truth(VT), "vt").met_s
    assert near(truth(VT, until_s=met_s + 4), "vt")
    assert "vt" in required(truth(VT, until_s=met_s + 6))


def test_nothing_is_true_after_the_end():
    assert all(row.onset_s < 40 for row in truth(PAUSE, VT, until_s=40.0, clipped=True))


# --- clocks and others ----------------------------------------------------------------------------


def test_times_are_those_of_the_devices_clock():
    usual = only(truth(PAUSE), "pause")
    ahead = event("clock_offset", 0, 1000, seconds=7)
    shifted = only(truth(PAUSE, events=[ahead]), "pause")
    assert shifted.onset_s == pytest.approx(usual.onset_s + 7)
    assert shifted.met_s == pytest.approx(usual.met_s + 7)
    assert (usual.ahead_s, shifted.ahead_s) == (0, 7)


def test_the_clock_of_another_signal_does_not_matter():
    ahead = event("clock_offset", 0, 1000, seconds=7, signal="spo2")
    seconds = {"spo2": [97.0] * 30 + [80.0] * 40 + [97.0]}
    rows = truth(PAUSE, events=[ahead], seconds=seconds)
    assert only(rows, "pause").onset_s == only(truth(PAUSE), "pause").onset_s
    assert only(rows, "spo2_low").met_s == 37


def test_where_packets_are_held_back_a_delay_says_nothing():
    row = only(truth(VT, events=[event("late", 20, 40, seconds=0.8)]), "vt")
    assert (row.required, row.timed) == (True, False)
    assert only(truth(VT), "vt").timed


def test_others_change_nothing():
    other = beats("NVVN" * 20, slot=1)
    together = [r for r in truth(PAUSE, other, n=2) if r.participant == "P-0001"]
    assert together == truth(PAUSE)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_it_does_not_matter_how_the_log_is_cut(cuts):
    parts = np.split(VT, sorted(set(cuts)))
    assert truth(*parts) == truth(VT)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 40))
@example(40.0)  # no beat in the first window
def test_moving_the_beats_moves_the_truth(moved_s):
    moved = VT.copy()
    moved["r_s"] += moved_s
    here, there = (
        [r for r in truth(log, until_s=250) if r.code.startswith("vt")] for log in (VT, moved)
    )
    for a, b in zip(here, there, strict=True):
        assert (b.onset_s, b.met_s) == pytest.approx((a.onset_s + moved_s, a.met_s + moved_s))
        assert (a.code, a.required, a.values) == (b.code, b.required, b.values)


def test_seconds_come_in_order():
    recorder = Recorder(make_plan(1))
    with pytest.raises(ValueError, match="expected second 0, found 3"):
        recorder.on_second(3, make_plan(1).people)


def test_a_run_that_recorded_nothing_has_no_truth():
    assert Recorder(make_plan(1, sensors=worn())).truth(60.0) == []


# --- values ---------------------------------------------------------------------------------------


def _values(rows):
    return {row.code.removeprefix(VALUE): row for row in rows if row.code.startswith(VALUE)}


def test_values_of_the_heart_are_those_of_the_true_beats():
    rr_ms = 750 + 40 * np.sin(np.arange(600))
    log = beats("N" * 600, start_s=0.0, own=dict(enumerate(rr_ms / 1000)))
    rows = _values(truth(log, until_s=310, clipped=True))
    (minute,) = [r for r in truth(log, until_s=310, clipped=True)
                 if r.code == "value:hrv_60" and r.onset_s == 60]  # fmt: skip
    ends = log["r_s"]
    inside = (ends > 60) & (ends <= 120)
    expected = 1000 * np.diff(ends, prepend=0.0)[inside]
    assert minute.values["mean_nn_ms"] == pytest.approx(expected.mean())
    assert minute.values["sdnn_ms"] == pytest.approx(expected.std(ddof=1))
    assert minute.values["rmssd_ms"] == pytest.approx(np.sqrt(np.mean(np.diff(expected) ** 2)))
    steps = np.abs(np.diff(expected)) > 50
    assert minute.values["pnn50_percent"] == pytest.approx(100 * steps.mean())
    assert (rows["hrv_300"].onset_s, rows["hrv_300"].offset_s) == (0, 300)
    assert rows["heart_rate"].values["rate"] == pytest.approx(80, abs=0.5)
    assert rows["pulse_rate"].values == rows["heart_rate"].values


def test_ectopic_beats_are_left_out_of_variability():
    log = beats("NNNNNNNNNNNNNNNNNNNV" * 6 + "N" * 60, start_s=0.0, own={19: 0.5, 20: 1.1})
    row = _values(truth(log, until_s=70, clipped=True))["hrv_60"]
    assert row.values["sdnn_ms"] == pytest.approx(0, abs=0.01)
    assert not row.required  # a tenth of the intervals is not normal
    many = beats("NNV" * 60, start_s=0.0)
    assert "hrv_60" not in _values(truth(many, until_s=70, clipped=True))


def test_values_of_a_minute_that_something_spoils_are_not_required():
    log = beats("N" * 200, start_s=0.0)
    rows = [r for r in truth(log, until_s=120, clipped=True, events=[event("silent", 70, 80)])
            if r.code == "value:heart_rate"]  # fmt: skip
    assert [row.required for row in rows] == [False, False]  # learning, hidden
    rows = [r for r in truth(log, until_s=120, clipped=True) if r.code == "value:heart_rate"]
    assert [row.required for row in rows] == [False, True]


def test_values_of_bodies_are_means_of_what_is_read():
    seconds = {"spo2": [97.0] * 90 + [91.0], "breath_rate": [12.0] * 90 + [18.0]}
    rows = _values(truth(seconds=seconds, until_s=120, clipped=True))
    assert rows["spo2"].values["spo2"] == pytest.approx(94.1, abs=0.2)
    assert rows["respiration"].values["rate"] == pytest.approx(15, abs=0.2)


def test_a_trend_of_glucose_and_an_hour_of_dust():
    seconds = {"glucose": (100 + np.arange(5000) / 60.0).tolist(), "pm2_5": [10.0] * 1800 + [30.0]}
    sensors = worn(("glucose",), pm2_5=60)
    rows = truth(seconds=seconds, until_s=3700, clipped=True, sensors=sensors)
    trend = [row for row in rows if row.code == "value:glucose_trend"]
    assert trend[0].offset_s == 900
    assert all(row.values["per_min"] == pytest.approx(1.0, abs=0.01) for row in trend)
    (hour,) = [row for row in rows if row.code == "value:pm2_5_1h" and row.offset_s == 3600]
    assert hour.values["pm2_5"] == pytest.approx(20.0, abs=0.5)


# --- the file -------------------------------------------------------------------------------------


def test_a_file_of_truth_is_read_back_as_it_was(tmp_path):
    rows = truth(VT, events=[event("clock_offset", 0, 1000, seconds=7)], clipped=True)
    path = tmp_path / "truth.jsonl"
    write_truth(path, make_plan(1), rows, base_ns=12)
    head, again = read_truth(path)
    assert again == rows
    assert (head.name, head.seed, head.participants, head.base_ns) == ("test", 1, 1, 12)
    assert head.hours == 1.0


def test_a_scenario_without_an_end_has_no_hours(tmp_path):
    path = tmp_path / "truth.jsonl"
    write_truth(path, replace(make_plan(1), duration_s=np.inf), [])
    head, rows = read_truth(path)
    assert rows == []
    assert np.isnan(head.hours)


HEAD = (
    '{"kind":"scenario","version":2,"name":"x","seed":1,"participants":1,"duration_s":9,'
    '"base_ns":0}\n'
)
ROW = json.dumps(
    {
        "kind": "truth", "participant": "P", "code": "vt", "onset_s": 1, "offset_s": None,
        "met_s": 2, "required": True, "values": {}, "cause": "", "ahead_s": 0, "timed": True,
    }
)  # fmt: skip


def test_what_the_hostile_files_are_made_of_is_itself_right(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.write_text(HEAD + '{"kind":"remark"}\n\n' + ROW)
    assert read_truth(path)[1] == [Truth("P", "vt", 1.0, None, 2.0)]


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "[]", "null", '{"kind":"truth"}', '{"kind":"scenario","version":99}',
        '{"kind":"scenario","version":2}', HEAD.replace('"seed":1', '"seed":"x"'),
        HEAD.replace('"participants":1', '"participants":1e999'), HEAD + '{"kind":"truth"}',
        HEAD + "[1,2]", HEAD + ROW.replace("1,", '"soon",', 1), HEAD + ROW.replace("{}", "[]"),
        HEAD + ROW.replace('"met_s": 2', '"met_s": NaN'), HEAD + "[" * 100_000,
        HEAD + ROW.replace('"met_s": 2', f'"met_s": {"9" * 400}'), "\ufeff" + HEAD, "\0" * 50,
    ],
)  # fmt: skip
def test_a_file_that_is_no_truth_is_refused_in_a_sentence(tmp_path, text):
    path = tmp_path / "truth.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(TruthError, match=r"truth\.jsonl") as refused:
        read_truth(path)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_and_paths_that_are_no_file_are_sentences_as_well(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b"\xff\xfe\xfa")
    for hostile in (path, tmp_path / "none", tmp_path):
        with pytest.raises(TruthError):
            read_truth(hostile)


# --- tables and document --------------------------------------------------------------------------


def _table(heading):
    """Give the cells of the table below a heading of the document."""
    text = DOCUMENT.read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip().strip("`"): [cell.strip() for cell in row[1:]] for row in rows}


def test_every_code_is_heard_by_signals_that_exist():
    for code in CODES.values():
        assert set(code.heard_by) <= set(SIGNALS)


def test_the_document_has_the_table_of_codes():
    told = _table("## What is true")
    assert list(told) == list(CODES)
    for name, code in CODES.items():
        window = WINDOWS.get(name, USUAL)
        assert told[name] == [
            ", ".join(f"`{signal}`" for signal in code.heard_by) or "any",
            code.met,
            code.margin,
            f"{code.settle_s:g}",
            f"{window.before_s:g}, {window.after_s:g}",
        ]


def test_the_document_has_the_table_of_values():
    told = _table("## True values")
    assert list(told) == [name.removeprefix(VALUE) for name in FEATURE_OF]
    for name, feature in FEATURE_OF.items():
        columns = ", ".join(f"`{mine}`" for mine in feature.columns)
        theirs = ", ".join(f"`{feature.name}.{column}`" for column in feature.columns.values())
        how = "mean of the window" if feature.mean else "at its end"
        assert told[name.removeprefix(VALUE)][:3] == [columns, theirs, how]


def test_the_document_explains_every_field_of_a_row():
    text = DOCUMENT.read_text("utf-8")
    for name in Truth.__slots__:
        assert re.search(rf"^\| `{name}` ", text, re.MULTILINE), name
