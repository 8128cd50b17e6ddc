"""Matching findings, alarms and features with what was planted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.policy import load_policy
from device_bridges.simulator.truth import Truth
from device_bridges.simulator.truth_codes import CODES
from loadtest.matching import WINDOWS
from loadtest.score_table import demands, faults, judged, lines
from loadtest.scoring import Emitted, RaisedAlarm, detected_codes, score
from loadtest.value_errors import FEATURE_OF
from processors.errors import SettingError
from processors.records import NS_PER_S, Finding
from streams.stores import FEATURES, SeriesRows

POLICY = load_policy()


def _row(code="vt", onset_s=10.0, offset_s=20.0, *, who="P-1", required=True, **values):
    met_s = onset_s + 2
    return Truth(who, code, onset_s, offset_s, met_s, required, values)


def _point(code="pause", onset_s=10.0, **values):
    return Truth("P-1", code, onset_s, None, onset_s + 3, True, values)


def _found(code="vt", at_s=10.0, emitted_s=13.0, *, who="P-1", state="onset", number=0, **evidence):
    at_ns = round(at_s * NS_PER_S)
    finding = Finding(
        f"{who}{code}{number}", 0, who, code, state, at_ns, at_ns, round(emitted_s * NS_PER_S), 1.0,
        evidence,
    )  # fmt: skip
    return Emitted(finding, emitted_s)


def _ended(emitted, at_s, emitted_s):
    at_ns = round(at_s * NS_PER_S)
    return Emitted(replace(emitted.finding, state="offset", at_ns=at_ns), emitted_s)


def _of(scores, code="vt"):
    return scores.codes[code].plain(1.0)


def _counts(scores, code="vt"):
    return tuple(_of(scores, code)[k] for k in ("required", "found", "again", "allowed", "false"))


def test_what_was_planted_and_found_counts_with_its_delay_and_errors():
    told = _of(score([_row(rate=160.0)], [_found(at_s=10.5, rate=157.0)]))
    assert (told["required"], told["found"], told["missed"], told["false"]) == (1, 1, 0, 0)
    assert told["delay_median_s"] == pytest.approx(1.0)  # the definition was met at 12 s
    assert told["onset_error_median_s"] == pytest.approx(0.5)
    assert told["value_errors"]["rate"]["median_absolute"] == pytest.approx(3.0)


def test_nothing_found_is_missed():
    scores = score([_row()], [])
    assert _of(scores)["missed"] == 1
    assert scores.sensitivity == 0
    assert [row.onset_s for row in scores.codes["vt"].missed_rows] == [10.0]


@pytest.mark.parametrize("change", [{"who": "P-2"}, {"at_s": 40.0}, {"code": "asystole"}])
def test_another_person_time_or_code_is_false(change):
    scores = score([_row()], [_found(**change)])
    assert sum(each.false for each in scores.codes.values()) == 1
    assert _of(scores)["missed"] == 1


def test_what_need_not_be_found_counts_neither_way():
    for findings in ([], [_found()], [_found(), _found(number=1)]):
        scores = score([_row(required=False), _row(onset_s=100, offset_s=110)], findings)
        assert _counts(scores) == (1, 0, 0, len(findings), 0)
        assert math.isnan(_of(scores)["positive_predictive_value"])


def test_a_second_finding_of_the_same_is_said_again_not_false():
    assert _counts(score([_row()], [_found(), _found(at_s=15, number=1)])) == (1, 1, 1, 0, 0)


def test_one_finding_over_two_rows_finds_one_of_them():
    rows = [_row(), _row(onset_s=30.0, offset_s=40.0)]
    found = _found()
    scores = score(rows, [found, _ended(found, 41.0, 42.0)])
    assert _counts(scores) == (2, 1, 0, 0, 0)
    assert scores.codes["vt"].missed_rows == [rows[1]]


def test_the_nearest_pairs_are_joined_whatever_came_first():
    rows = [_point(onset_s=10.0), _point(onset_s=14.0)]
    late, early = _found("pause", 13.0, 20.0, state="point"), _found("pause", 10.1, 21.0, number=1)
    scores = score(rows, [late, early])
    assert _counts(scores, "pause") == (2, 2, 0, 0, 0)


def test_revisions_and_the_end_of_a_finding_are_one_finding():
    first = _found(rate=120.0)
    amended = Emitted(
        replace(first.finding, revision=1, at_ns=9 * NS_PER_S, evidence={"rate": 150.0}), 15.0
    )
    scores = score([_row(rate=160.0)], [first, amended, _ended(first, 19.0, 20.0)])
    told = _of(scores)
    assert (told["found"], told["again"], told["false"]) == (1, 0, 0)
    assert told["delay_median_s"] == pytest.approx(1.0)  # of the first emission
    assert told["onset_error_median_s"] == pytest.approx(1.0)  # of the last word


def test_codes_without_a_detector_stand_apart():
    scores = score([_row("of_the_future"), _row()], [_found()])
    assert "of_the_future" not in detected_codes()
    assert scores.no_detector == ("of_the_future",)
    assert scores.sensitivity == 1


def test_findings_of_unknown_truth_are_not_judged():
    scores = score([_row()], [_found(), _found("of_the_future")])
    assert scores.not_judged == {"of_the_future": 1}
    assert scores.positive_predictive_value == 1


def test_each_silent_signal_is_its_own():
    rows = [_row("device_silent", signal=0.0), _row("device_silent", signal=4.0)]
    scores = score(rows, [_found("device_silent", signal=4.0)])
    assert _counts(scores, "device_silent") == (2, 1, 0, 0, 0)


def test_rates_of_false_findings_are_per_participant_hour():
    scores = score([], [_found(number=k, at_s=100 * k) for k in range(3)], hours=6.0)
    assert scores.plain()["codes"]["vt"]["false_per_participant_hour"] == 0.5
    assert math.isnan(score([], [_found()]).plain()["codes"]["vt"]["false_per_participant_hour"])


def test_what_lies_outside_of_the_run_is_left_out():
    findings = [_found(at_s=-5.0), _found(at_s=61.0, number=1)]
    assert score([], findings, until_s=60.0).codes == {}


def test_times_count_from_the_base():
    shifted = _found(at_s=1010.0, emitted_s=13.0)
    assert _counts(score([_row()], [shifted], 1000 * NS_PER_S)) == (1, 1, 0, 0, 0)


def test_a_delay_is_told_in_true_time_whatever_the_clock_of_the_device():
    row = replace(_row(onset_s=1010.0, offset_s=1020.0), ahead_s=1000.0)
    told = _of(score([row], [_found(at_s=1010.0, emitted_s=13.0)]))
    assert told["delay_median_s"] == pytest.approx(1.0)
    by_device = replace(_found(at_s=1010.0, emitted_s=1013.0), by_device=True)
    assert _of(score([row], [by_device]))["delay_median_s"] == pytest.approx(1.0)


def test_where_packets_are_held_back_no_delay_is_counted():
    told = _of(score([replace(_row(), timed=False)], [_found()]))
    assert told["found"] == 1
    assert math.isnan(told["delay_median_s"])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), st.data())
def test_perfect_findings_score_full_and_each_one_missing_is_missed(starts, data):
    rows = [_row(onset_s=100.0 * k, offset_s=100.0 * k + 10) for k in starts]
    found = [_found(at_s=row.onset_s, emitted_s=row.met_s, number=k) for k, row in enumerate(rows)]
    whole = score(rows, found)
    assert (whole.sensitivity, whole.positive_predictive_value) == (1, 1)
    gone = data.draw(st.integers(0, len(found) - 1))
    told = _of(score(rows, found[:gone] + found[gone + 1 :]))
    assert (told["missed"], told["false"]) == (1, 0)


@given(st.permutations(range(6)))
def test_the_order_of_rows_and_findings_does_not_matter(order):
    rows = [_row(onset_s=30.0 * k, offset_s=30.0 * k + 25, required=k % 2 == 0) for k in range(6)]
    found = [_found(at_s=31.0 * k, emitted_s=33.0 * k, number=k) for k in range(6)]
    mixed = score([rows[k] for k in order], [found[k] for k in reversed(order)])
    assert _counts(mixed) == _counts(score(rows, found))


@given(st.floats(-500, 500))
def test_moving_everything_in_time_changes_nothing(moved_s):
    rows = [_row(onset_s=600.0 + moved_s, offset_s=620.0 + moved_s, rate=150.0)]
    found = [_found(at_s=602.0 + moved_s, emitted_s=605.0 + moved_s, rate=140.0)]
    told = _of(score(rows, found))
    assert (told["found"], told["delay_median_s"]) == (1, pytest.approx(3.0))


# --- alarms ---------------------------------------------------------------------------------------


def _alarms(rows, alarms, code="vt", **options):
    return score(rows, [], alarms=alarms, policy=POLICY, **options).alarms[code].plain(1.0)


def test_an_alarm_is_due_after_the_delay_of_its_rule():
    row = Truth("P-1", "spo2_low", 100.0, 160.0, 100.0)
    delay_s = POLICY.rule("spo2_low").delay_ns / NS_PER_S
    told = _alarms([row], [RaisedAlarm("P-1", "spo2_low", 101.0, 118.0)], "spo2_low")
    assert (told["required"], told["found"]) == (1, 1)
    assert told["delay_median_s"] == pytest.approx(18.0 - delay_s)


def test_what_ends_before_the_delay_needs_no_alarm():
    row = Truth("P-1", "spo2_low", 100.0, 110.0, 100.0)
    alarm = RaisedAlarm("P-1", "spo2_low", 101.0, 118.0)
    assert _alarms([row], [alarm], "spo2_low")["allowed"] == 1


def test_only_the_first_of_a_kind_needs_an_alarm_of_its_own():
    rows = [_row(), _row(onset_s=400.0, offset_s=420.0)]
    told = _alarms(rows, [RaisedAlarm("P-1", "vt", 10.0, 13.0)])
    assert (told["required"], told["found"], told["false"]) == (1, 1, 0)


def test_an_alarm_of_nothing_is_false():
    assert _alarms([], [RaisedAlarm("P-1", "vt", 10.0, 13.0)])["false"] == 1


def test_no_alarm_is_due_of_what_is_only_logged():
    assert POLICY.rule("gap").log_only
    assert score([_row("gap")], [], policy=POLICY).alarms == {}


# --- values ---------------------------------------------------------------------------------------


def _series(name, columns, rows):
    t_ns = np.array([round(t_s * NS_PER_S) for t_s, *_ in rows], np.int64)
    values = np.array([row[1:] for row in rows], float)
    return SeriesRows(FEATURES, name, columns, ["P-1"] * len(rows), t_ns, values)


def _value(name, start_s, end_s, **values):
    return Truth("P-1", f"value:{name}", start_s, end_s, end_s, True, values)


def test_a_rate_is_compared_with_the_mean_of_its_minute():
    seen = _series(
        "heart_rate", ("rate", "source"), [(0, 9, 0), (30, 70, 0), (60, 74, 0), (65, 9, 0)]
    )
    (each,) = score([_value("heart_rate", 0, 60, rate=70.0)], [], features=[seen]).values.values()
    assert each.plain()["errors"]["rate"]["median_absolute"] == pytest.approx(2.0)


def test_a_rolling_value_is_compared_at_the_end_of_its_window():
    seen = _series("hrv_60", ("sdnn_ms",), [(50, 1), (59, 42), (66, 1)])
    (each,) = score([_value("hrv_60", 0, 60, sdnn_ms=40.0)], [], features=[seen]).values.values()
    assert each.plain()["errors"]["sdnn_ms"]["median"] == pytest.approx(2.0)
    far = _series("hrv_60", ("sdnn_ms",), [(50, 1), (67, 42)])
    (each,) = score([_value("hrv_60", 0, 60, sdnn_ms=40.0)], [], features=[far]).values.values()
    assert (each.windows, each.known) == (1, 0)


def test_blank_values_and_windows_that_something_spoils_have_no_error():
    seen = _series("hrv_60", ("sdnn_ms",), [(60, math.nan)])
    (each,) = score([_value("hrv_60", 0, 60, sdnn_ms=40.0)], [], features=[seen]).values.values()
    assert (each.windows, each.known, each.plain()["errors"]) == (1, 0, {})
    spoilt = replace(_value("hrv_60", 0, 60, sdnn_ms=40.0), required=False)
    assert score([spoilt], [], features=[seen]).values == {}


def test_true_values_that_no_feature_gives_stand_apart():
    scores = score([_value("spo2", 0, 60, spo2=97.0)], [])
    assert scores.no_feature == ("spo2",)


def test_rows_of_other_columns_are_laid_out_by_name():
    parts = [_series("hrv_60", ("n", "sdnn_ms"), [(60, 3, 41)]),
             _series("hrv_60", ("sdnn_ms", "n"), [(120, 42, 3)])]  # fmt: skip
    rows = [_value("hrv_60", 60 * k, 60 * k + 60, sdnn_ms=40.0) for k in range(2)]
    (each,) = score(rows, [], features=parts).values.values()
    assert each.errors["sdnn_ms"] == [1.0, 2.0]


# --- tables ---------------------------------------------------------------------------------------


def test_every_window_is_of_a_known_code():
    assert set(WINDOWS) <= set(CODES)
    assert all(name.startswith("value:") for name in FEATURE_OF)


def test_nothing_at_all_has_no_rate():
    scores = score([], [])
    assert math.isnan(scores.sensitivity)
    assert "Se -" in " ".join(lines(scores))


def test_the_table_names_every_code_and_stays_within_100_columns():
    rows = [_row(), _row("heart_rate_recovery_delayed", 50.0, None), _row("vf_of_the_future")]
    scores = score(rows, [_found(), _found("asystole", at_s=40.0)], hours=2.0)
    told = list(lines(scores))
    assert max(map(len, told)) <= 100
    assert all(any(code in line for line in told) for code in ("vt", "asystole", "vf"))
    assert list(faults(scores)) == [
        "false asystole P-1 known at 13.0 s",
        "missed heart_rate_recovery_delayed P-1 at 50.0 s",
    ]


def test_a_demand_is_met_or_not():
    scores = score([_row(), _row(onset_s=50.0, offset_s=60.0)], [_found()])
    limits = demands(["sensitivity=0.5", "positive_predictive_value=1"])
    assert [verdict.met for verdict in judged(scores, limits)] == [True, True]
    assert [verdict.met for verdict in judged(scores, demands(["sensitivity=0.6"]))] == [False]


@pytest.mark.parametrize("text", ["", "sensitivity", "sensitivity=x", "speed=1", "sensitivity=2"])
def test_a_demand_that_makes_no_sense_is_said(text):
    with pytest.raises(SettingError, match="--require"):
        demands([text])
