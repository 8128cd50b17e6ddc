from __future__ import annotations

import numpy as np

from device_bridges.simulator.controls import ControlScript
from device_bridges.simulator.plan import Sensor
from processors.records import NS_PER_S
from tests.device_bridges.simulator.plans import event, make_plan

BASE_NS = 1_700_000_000 * NS_PER_S
EVER = 1e9


def _said(events, kind: str, **more):
    script = ControlScript(make_plan(2, events, **more), BASE_NS)
    found = [control for control in script.between(0, EVER) if control.kind == kind]
    return [(c.participant, (c.t_ns - BASE_NS) / NS_PER_S, dict(c.values)) for c in found]


def test_everybody_is_introduced_at_the_start():
    assert [who for who, t_s, _ in _said([], "profile") if t_s == 0] == ["P-0001", "P-0002"]


def test_electrodes_of_those_who_wear_an_ecg_are_on_at_the_start():
    worn = (Sensor("ecg", "patch", np.array([1], np.int32), fs_hz=250),)
    assert _said([], "lead", sensors=worn) == [("P-0002", 0.0, {"off": 0.0})]


def test_a_device_that_sees_it_says_when_an_electrode_is_off_and_on_again():
    said = _said([event("lead_off", 5, 9, slot=1, flag=1), event("lead_off", 5, 9, flag=0)], "lead")
    assert said == [("P-0002", 5.0, {"off": 1.0}), ("P-0002", 9.0, {"off": 0.0})]


def test_the_stop_button_is_pressed_at_the_stop_where_there_is_one():
    efforts = [event("effort", 10, 90, marker=1), event("effort", 10, 70, slot=1, marker=0)]
    assert _said(efforts, "mark") == [("P-0001", 90.0, {"stop": 1.0})]


def test_a_battery_runs_down_to_its_end():
    said = _said([event("battery", 0, 100, first=30, last=10)], "battery")
    percents = [values["percent"] for _, _, values in said]
    assert percents[0] == 30
    assert percents[-1] == 10
    assert percents == sorted(percents, reverse=True)


def test_controls_are_stamped_by_the_clock_of_the_device():
    said = _said(
        [event("clock_offset", 0, 100, seconds=7), event("lead_off", 5, 9, flag=1)], "lead"
    )
    assert [t_s for _, t_s, _ in said] == [12.0, 16.0]


def test_a_span_is_half_open_so_that_nothing_is_said_twice():
    script = ControlScript(make_plan(1, [event("lead_off", 5, 9, flag=1)]), BASE_NS)
    spans = [script.between(k / 2, (k + 1) / 2) for k in range(40)]
    assert [control for span in spans for control in span] == script.between(0, 20)
