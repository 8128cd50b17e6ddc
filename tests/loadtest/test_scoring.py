"""Matching findings with what was planted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_bridges.simulator.truth import Truth
from loadtest.scoring import Emitted, FeatureRow, score
from processors.records import NS_PER_S, Finding


def _row(code="vt", onset_s=10.0, offset_s=20.0, *, who="P-1", required=True, **values):
    met_s = onset_s + 2
    return Truth(who, code, onset_s, offset_s, met_s, required, values)


def _found(code="vt", at_s=10.0, emitted_s=13.0, *, who="P-1", state="onset", number=0, **evidence):
    at_ns = round(at_s * NS_PER_S)
    finding = Finding(
        f"{who}{code}{number}", 0, who, code, state, at_ns, at_ns, round(emitted_s * NS_PER_S), 1.0,
        evidence,
    )  # fmt: skip
    return Emitted(finding, emitted_s)


def _of(scores, code="vt"):
    return scores.codes[code].plain(1.0)


def test_what_was_planted_and_found_counts_with_its_delay_and_errors():
    told = _of(score([_row(rate=160.0)], [_found(rate=157.0)]))
    assert (told["required"], told["found"], told["missed"], told["false"]) == (1, 1, 0, 0)
    assert told["delay_median_s"] == pytest.approx(1.0)  # the definition was met at 12 s
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
        told = _of(score([_row(required=False), _row(onset_s=100, offset_s=110)], findings))
        assert (told["required"], told["found"], told["false"]) == (1, 0, 0)


def test_a_second_finding_of_the_same_is_said_again_not_false():
    told = _of(score([_row()], [_found(), _found(at_s=15, number=1)]))
    assert (told["found"], told["again"], told["false"]) == (1, 1, 0)


def test_revisions_and_the_end_of_a_finding_are_one_finding():
    first = _found()
    end = Finding(**{**_plain(first.finding), "state": "offset", "at_ns": 19 * NS_PER_S})
    told = _of(score([_row()], [first, Emitted(end, 20.0)]))
    assert (told["found"], told["again"], told["false"]) == (1, 0, 0)


def _plain(finding):
    return {name: getattr(finding, name) for name in Finding.__slots__}


def test_codes_without_a_detector_stand_apart():
    scores = score([_row("apnoea_of_the_future"), _row()], [_found()])
    assert scores.no_detector == ("apnoea_of_the_future",)
    assert scores.sensitivity == 1


def test_each_silent_signal_is_its_own():
    rows = [_row("device_silent", signal=0.0), _row("device_silent", signal=4.0)]
    told = _of(score(rows, [_found("device_silent", signal=4.0)]), "device_silent")
    assert (told["found"], told["missed"]) == (1, 1)


def test_rates_of_false_findings_are_per_participant_hour():
    scores = score([], [_found(number=k, at_s=100 * k) for k in range(3)], hours=6.0)
    assert scores.plain()["codes"]["vt"]["false_per_participant_hour"] == 0.5


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), st.data())
def test_perfect_findings_score_full_and_each_one_missing_is_missed(starts, data):
    rows = [_row(onset_s=100.0 * k, offset_s=100.0 * k + 10) for k in starts]
    found = [_found(at_s=row.onset_s, emitted_s=row.met_s, number=k) for k, row in enumerate(rows)]
    assert score(rows, found).sensitivity == 1
    gone = data.draw(st.integers(0, len(found) - 1))
    told = _of(score(rows, found[:gone] + found[gone + 1 :]))
    assert (told["missed"], told["false"]) == (1, 0)


def test_values_are_compared_with_the_feature_after_their_window():
    rows = [Truth("P-1", "value:heart_rate", 0.0, 60.0, 60.0, True, {"rate": 70.0})]
    features = [FeatureRow("P-1", "heart_rate", t_s, {"rate": rate})
                for t_s, rate in ((30.0, 1.0), (61.0, 72.0), (64.0, 9.0))]  # fmt: skip
    told = score(rows, [], features=features).plain()["values"]["value:heart_rate"]
    assert told["found"] == 1
    assert told["value_errors"]["rate"]["median_absolute"] == 2


def test_nothing_at_all_has_no_rate():
    assert math.isnan(score([], []).sensitivity)
