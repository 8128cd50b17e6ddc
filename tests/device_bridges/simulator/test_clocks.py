from __future__ import annotations

import numpy as np
import pytest

from device_bridges.simulator.clocks import clock_events, device_offset_s, offsets_s
from device_bridges.simulator.events import EVENT, Kind
from tests.device_bridges.simulator.plans import event, make_plan


def _events(*rows: tuple[Kind, float, float, float]):
    events = np.zeros(len(rows), EVENT)
    for row, (kind, start_s, end_s, a) in zip(events, rows, strict=True):
        row["kind"], row["start_s"], row["end_s"] = kind, start_s, end_s
        row["a"], row["signal"] = a, -1
    return events


@pytest.mark.parametrize(("t_s", "expected"), [(9.9, 0.0), (10.0, -3.0), (19.9, -3.0), (20.0, 0.0)])
def test_an_offset_lasts_as_long_as_its_event(t_s, expected):
    assert offsets_s(_events((Kind.CLOCK_OFFSET, 10, 20, -3)), t_s).sum() == expected


def test_a_drift_adds_up_while_it_lasts_and_stays():
    drift = _events((Kind.CLOCK_DRIFT, 100, 1100, 200))
    assert offsets_s(drift, 600.0)[0] == pytest.approx(0.1)
    assert offsets_s(drift, 5000.0)[0] == pytest.approx(0.2)


def test_a_clock_that_was_set_stays_set():
    jump = _events((Kind.CLOCK_JUMP, 50, 50, 5))
    assert offsets_s(jump, 49.9)[0] == 0
    assert offsets_s(jump, 1e6)[0] == 5


def test_only_events_of_clocks_count():
    both = _events((Kind.AF, 0, 100, 90), (Kind.CLOCK_JUMP, 0, 0, 1))
    assert clock_events(both)["kind"].tolist() == [Kind.CLOCK_JUMP]


def test_the_clock_of_one_device_says_nothing_of_the_others():
    plan = make_plan(2, [event("clock_offset", 0, 100, seconds=4)])
    assert device_offset_s(plan, 0, 10) == 4
    assert device_offset_s(plan, 1, 10) == 0
