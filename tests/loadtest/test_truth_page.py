"""The page of a scored scenario: every deadly rhythm is a strip of what was truly played."""

from __future__ import annotations

import numpy as np
import pytest

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from device_bridges.simulator.truth import Truth
from loadtest.offline import Outcome
from loadtest.scoring import Emitted, score
from loadtest.truth_page import LEAD_S, LONG_S, Episode, page, read_ecg
from processors.records import NS_PER_S, Finding
from streams.stores import FEATURES, SeriesRows

BEGIN_S = 10.0


@pytest.fixture(scope="module")
def plan():
    return expand(load("rhythms"), 1, 2, 40.0)


def test_a_strip_is_what_was_played(plan):
    one = Episode("P-0001", "vf", BEGIN_S, "found")
    at_the_edge = Episode("P-0001", "vf", 1.0, "found")
    read_ecg(SimulatorBridge(plan), [one, at_the_edge])
    played = []
    for _, blocks in SimulatorBridge(plan).steps():
        for block in blocks:
            if block.signal == "ecg" and "P-0001" in block.participants:
                row = block.participants.index("P-0001")
                start, stop = block.offsets[row : row + 2]
                played.append(block.samples[start:stop, 0] * block.scale[row] + block.offset[row])
                fs_hz = block.fs_hz[row]
    whole = np.concatenate(played)
    first = round((BEGIN_S - LEAD_S) * fs_hz)
    np.testing.assert_array_equal(one.mv, whole[first : first + round(LONG_S * fs_hz)])
    np.testing.assert_array_equal(at_the_edge.mv, whole[: round(LONG_S * fs_hz)])


def finding(code, at_s, participant="P-0001", **evidence):
    at_ns = round(at_s * NS_PER_S)
    return Emitted(
        Finding(f"{code}{at_s}", 0, participant, code, "point", at_ns, at_ns, at_ns, 1.0, evidence),
        at_s + 1.0,
    )


def outcome(plan, truth, findings):
    t_ns = np.arange(40) * NS_PER_S
    values = np.tile([90.0, 0.0], (40, 1))
    who = ["P-0001"] * 40
    rates = SeriesRows(FEATURES, "heart_rate", ("rate", "source"), who, t_ns, values)
    return Outcome(plan, truth, findings, [], [rates], {}, policy=None)


def test_what_was_found_missed_and_false_is_said(plan):
    truth = [
        Truth("P-0001", "vf", 10.0, 20.0, 14.0, required=True, values={}),
        Truth("P-0001", "vt", 10.0, 20.0, 14.0, required=False, values={}),
        Truth("P-0002", "asystole", 12.0, 18.0, 16.0, required=True, values={}),
        Truth("P-0001", "heart_rate_recovery", 30.0, None, 31.0, True, {"hrr60": 21.0}),
    ]
    findings = [
        finding("vf", 12.0),
        finding("asystole", 30.0, "P-0002"),
        finding("heart_rate_recovery", 30.0, hrr60=20.0, hr_peak=150.0, grade=1.0),
    ]
    played = outcome(plan, truth, findings)
    said = page(played, score(truth, findings), "vitals truth run it")
    assert "P-0001, 0:10.0, vf: found" in said
    assert "vt:" not in said  # it need not be found and was not
    assert said.index("asystole: missed") < said.index("asystole: false")
    assert "Stops 1 to 1 of 1" in said


def test_of_many_stops_those_that_went_wrong_are_drawn_and_the_rest_is_counted(plan):
    true = [
        Truth("P-0001", "heart_rate_recovery", float(at), None, 31.0, True, {"hrr60": 21.0})
        for at in (1, 15, 30)
    ]
    missed = Truth("P-0002", "heart_rate_recovery", 5.0, None, 6.0, True, {"hrr60": 21.0})
    stops = [finding("heart_rate_recovery", row.onset_s, hrr60=20.0) for row in true]
    scores = score([*true, missed], stops)
    played = outcome(plan, [*true, missed], stops)
    said = page(played, scores, "vitals truth run it", most_curves=2)
    assert "4 stops, 1 missed or false, which stand first; 2 are left out" in said
    assert "Stops 1 to 2 of 4" in said


def test_a_quiet_scenario_has_tables_only(plan):
    said = page(outcome(plan, [], []), score([], []), "vitals truth run it")
    assert "<figure>" not in said
