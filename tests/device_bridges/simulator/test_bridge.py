"""The people of a plan, played: equal however cut, equal twice, and exactly what was asked for."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.pacing import STEP_NS
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.plan import Sensor
from device_bridges.simulator.scenario import load
from device_bridges.simulator.tables import V
from processors.records import NS_PER_MS, NS_PER_S
from tests.device_bridges.simulator.plans import event, make_plan


def _worn(n: int) -> tuple[Sensor, ...]:
    slots = np.arange(n, dtype=np.int32)
    phase = 0.1 + 0.2 * np.arange(n) % 1.0
    return (
        Sensor("ecg", "patch", slots, fs_hz=250),
        Sensor("ppg", "watch", slots, fs_hz=100),
        Sensor("acceleration", "patch", slots, fs_hz=50),
        Sensor("rr", "strap", slots),
        Sensor("heart_rate", "watch", slots, every_s=1, phase_s=phase),
        Sensor("spo2", "watch", slots, every_s=1, phase_s=phase),
    )


EVENTS = (
    event("ventricular_run", 4, beats=5),
    event("af", 3, 9, slot=1),
    event("motion", 2, 8, slot=1, snr=3),
    event("vf", 6, 9, slot=2),
    event("silent", 5.1, 7.3, slot=2, signal="ppg"),
    event("duplicates", 1, 9, share=0.3),
    event("shuffled", 1, 9, slot=1, share=0.3),
)


def _plan(n: int = 3, **more):
    return make_plan(n, EVENTS, duration_s=10, sensors=_worn(3)[:6], **more)


def _everything(plan, step_ns: int = STEP_NS):
    """Give all samples by channel and count, as they would be put in order."""
    found = defaultdict(dict)
    for _, blocks in SimulatorBridge(plan).steps(step_ns):
        for block in blocks:
            for r, who in enumerate(block.participants):
                first, stop = block.offsets[r], block.offsets[r + 1]
                for i in range(first, stop):
                    key = int(block.seq[r] + i - first)
                    t_ns = None if block.t_ns is None else int(block.t_ns[i])
                    # As text: what a device could not measure is NaN, which equals nothing.
                    found[who, block.signal][key] = (t_ns, str(block.samples[i].tolist()))
    return found


@pytest.fixture(scope="module")
def whole():
    return _everything(_plan())


@settings(max_examples=6, deadline=None)
@given(st.sampled_from([20, 90, 130, 250, 1000, 2000]))
def test_steps_of_any_length_give_the_same_samples(whole, step_ms):
    assert _everything(_plan(), step_ms * NS_PER_MS) == whole


def test_two_runs_of_a_seed_are_equal_and_another_seed_is_not(whole):
    assert _everything(_plan()) == whole
    assert _everything(_plan(seed=2)) != whole


def test_nobody_changes_because_others_are_there(whole):
    alone = _everything(
        make_plan(1, [e for e in EVENTS if e["slot"] == 0], duration_s=10, sensors=_worn(1))
    )
    for (who, signal), samples in alone.items():
        assert whole[who, signal] == samples


def test_every_sample_of_a_waveform_is_there_once_unless_the_script_takes_it(whole):
    assert sorted(whole["P-0001", "ecg"]) == list(range(2500))
    silent = set(range(1000)) - set(whole["P-0003", "ppg"])
    assert silent == {i for i in range(1000) if 5.1 <= i / 100 < 7.3}


def test_values_that_come_one_at_a_time_are_counted_on(whole):
    for signal in ("heart_rate", "spo2"):
        numbers = sorted(whole["P-0002", signal])
        assert numbers == sorted(set(numbers))
        times = [whole["P-0002", signal][k][0] for k in numbers]
        assert all(b - a == NS_PER_S * (m - k) for (a, k), (b, m) in
                   zip(zip(times, numbers), zip(times[1:], numbers[1:])))  # fmt: skip  # noqa: B905


def test_rr_intervals_are_the_distances_of_planted_beats(whole):
    for who in ("P-0001", "P-0002"):
        rows = [whole[who, "rr"][k] for k in sorted(whole[who, "rr"])]
        t_ms = np.array([t_ns for t_ns, _ in rows]) / NS_PER_MS
        rr_ms = np.array([int(value[1:-1]) for _, value in rows])
        assert np.abs(np.diff(t_ms) - rr_ms[1:]).max() <= 1.0


def test_the_record_hears_every_second_once_and_every_beat():
    class Record:
        def __init__(self):
            self.seconds, self.beats = [], []

        def on_second(self, second, rows):
            self.seconds.append(second)
            assert len(rows) == 3

        def on_beats(self, beats):
            self.beats.append(beats.copy())

    record = Record()
    for _ in SimulatorBridge(_plan(), record=record).steps():
        pass
    assert record.seconds == list(range(len(record.seconds)))
    beats = np.concatenate(record.beats)
    assert (beats["label"][beats["slot"] == 0] == V).sum() == 5


def test_counts_of_the_account_are_what_arrives():
    bridge = SimulatorBridge(_plan())
    n = sum(block.n_samples for _, blocks in bridge.steps() for block in blocks)
    assert bridge.account.sent == n
    assert bridge.account.doubled > 0
    assert bridge.account.silenced == 220


def test_a_scenario_without_end_goes_on():
    bridge = SimulatorBridge(expand(load("quiet"), 1, 2, 1e9))
    assert len(list(islice(bridge.steps(), 40))) == 40
