"""Scores of beats and of atrial fibrillation: counted as docs/accuracy.md says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from loadtest.realism_scores import (
    BEATS,
    FIBRILLATION,
    Scored,
    claimed_and_live,
    paired,
    rhythm_spans,
    within,
)
from loadtest.recordings import write_recordings

times = st.lists(st.integers(0, 20_000), max_size=60, unique=True).map(
    lambda some: np.array(sorted(some), np.int64)
)


@given(times, times, st.integers(0, 60))
def test_each_beat_is_found_or_missed_and_each_detection_true_or_false(reference, test, most):
    found, missed, false = paired(reference, test, most)
    assert (found + missed, found + false) == (len(reference), len(test))
    assert min(found, missed, false) >= 0


@given(times, st.integers(0, 60))
def test_what_is_equal_is_found(reference, most):
    assert paired(reference, reference, most) == (len(reference), 0, 0)


def test_a_beat_further_away_than_the_window_is_missed_and_false():
    assert paired(np.array([1000]), np.array([1054]), 54) == (1, 0, 0)
    assert paired(np.array([1000]), np.array([1055]), 54) == (0, 1, 1)


def test_the_nearer_of_two_detections_is_the_beat():
    assert paired(np.array([1000, 1300]), np.array([960, 1002, 1300]), 54) == (2, 0, 1)


def test_a_span_ends_before_its_end():
    assert within(np.arange(5), [(1, 3), (4, 9)]).tolist() == [False, True, True, False, True]


def test_a_claim_is_amended_and_live_is_what_was_known(tmp_path: Path):
    rows = [
        {"kind": "beat", "sample": 90, "label": "N", "emitted_sample": 120},
        {"state": "onset", "onset_sample": 200, "emitted_sample": 500},
        {"state": "onset", "onset_sample": 150, "emitted_sample": 600},
        {"state": "offset", "onset_sample": 900, "emitted_sample": 1000},
        {"state": "onset", "onset_sample": 2000, "emitted_sample": 2500, "id": "b"},
    ]
    log = tmp_path / "a.jsonl"
    finding = {"kind": "finding", "id": "a", "code": "af"}
    log.write_text("".join(json.dumps(finding | row) + "\n" for row in rows))
    claimed, live = claimed_and_live(log, 3000)
    assert claimed == [(150, 900), (2000, 3000)]
    assert live == [(500, 1000), (2500, 3000)]


def test_what_was_not_recorded_has_no_difference():
    assert Scored("x", 99.0, 98.5).difference == pytest.approx(0.5)
    assert np.isnan(Scored("x", 99.0, np.nan).difference)


def test_planted_fibrillation_is_annotated_in_records_without_signals(tmp_path: Path):
    plan = expand(load(FIBRILLATION), 1, None, 120.0)
    write_recordings(plan, tmp_path)
    always = tmp_path / plan.participants[8].id
    assert rhythm_spans(always, "(AFIB", 30_000) == [(250, 30_000)]
    assert always.with_suffix(".hea").read_text() == f"{always.name} 0 250 30000\n"
    assert not always.with_suffix(".dat").exists()


@pytest.mark.parametrize("scenario", [BEATS, FIBRILLATION])
def test_compositions_concern_one_person_for_each_record(scenario: Path):
    plan = expand(load(scenario), 1)
    assert plan.n == {BEATS: 22, FIBRILLATION: 13}[scenario]
    # Nobody's rhythm is drawn: what happens is the composition's.
    same = expand(load(scenario), 2)
    assert (
        same.events[["slot", "kind", "start_s"]].tolist()
        == plan.events[["slot", "kind", "start_s"]].tolist()
    )
