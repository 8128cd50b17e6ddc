"""A deadline waits for the findings that can still change it, and for no others."""

from __future__ import annotations

import numpy as np
import pytest

from alerts.alarm import AlarmChange
from alerts.policy import load_policy
from processors.detectors.oxygen_limits import OxygenLimits
from processors.detectors.rate_limits import RateLimits
from processors.detectors.signal_state import SignalState
from processors.features.beat_class import BeatClass
from processors.features.heart_rate import HeartRate
from processors.features.oxygen import Oxygen
from processors.features.qrs import Qrs
from processors.features.rr import RrIntervals
from processors.features.signal_quality import SignalQuality
from processors.records import NS_PER_S, Block, Chunk, Control, pack
from streams.live import LiveCore
from tests.scenes import even_bounds, scene, steps

POLICY = load_policy()
OFF_S = 20


def chain():
    """Quick detectors, and one that waits three seconds for three streams."""
    return [
        Qrs(), BeatClass(), RrIntervals(), HeartRate(), RateLimits(), SignalQuality(),
        SignalState(), Oxygen(), OxygenLimits(),
    ]  # fmt: skip


def ecg(from_s: float, to_s: float) -> Block:
    """Something with peaks, 1 a second, 0.5 mV."""
    at = np.arange(round(from_s * 250), round(to_s * 250))
    samples = np.where(at % 250 < 8, 500, 10 * (at % 7)).astype(np.int16)[:, None]
    t0_ns = round(from_s * NS_PER_S)
    return pack([Chunk("p1", "strap", "ecg", t0_ns, samples, fs_hz=250.0, seq=int(at[0]),
                       scale=0.001)])  # fmt: skip


def rate(second: int) -> Block:
    t_ns = np.array([second * NS_PER_S], np.int64)
    value = np.array([[62.0]], np.float32)
    return pack([Chunk("p1", "watch", "heart_rate", int(t_ns[0]), value, seq=second, t_ns=t_ns)])


def played(step_ms: int, until_s: float, *, ecg_stops: bool) -> list[tuple[int, AlarmChange]]:
    """Give each change with the time up to which samples had been given."""
    core = LiveCore(POLICY, chain())
    found = []
    for from_ms in range(0, round(until_s * 1000), step_ms):
        from_s, to_s = from_ms / 1000, (from_ms + step_ms) / 1000
        rows: list[Block | Control] = []
        if not (ecg_stops and to_s > OFF_S + 0.4):
            rows.append(ecg(from_s, to_s))
        rows += [rate(s) for s in range(30) if from_s <= s < to_s]
        if from_s <= OFF_S < to_s:
            rows.append(Control("p1", OFF_S * NS_PER_S, "lead", {"off": 1.0}))
        to_ns = round(to_s * NS_PER_S)
        found += [(to_ns, change) for change in core.step(to_ns, rows).alarms]
    return found


@pytest.mark.parametrize("ecg_stops", [False, True])
def test_an_electrode_that_is_off_is_told_a_second_after_it_is_due(ecg_stops):
    (at_ns, change), *_ = [
        (at_ns, change)
        for at_ns, change in played(200, OFF_S + 8, ecg_stops=ecg_stops)
        if change.alarm.code == "lead_off"
    ]
    due_ns = (OFF_S + 5) * NS_PER_S
    assert (change.kind, change.t_ns) == ("raised", due_ns)
    assert at_ns - due_ns <= 1.2 * NS_PER_S  # a second, and the length of a step


def by_strand(changes: list[AlarmChange]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        strand = POLICY.rule(change.alarm.code).strand
        found.setdefault((change.alarm.participant, strand), []).append(repr(change))
    return found


def test_how_input_is_cut_changes_no_alarm():
    """Nothing of each strand, that is; strands do not wait for each other."""
    stories = []
    for step_ms in (40, 200, 1000):
        core = LiveCore(POLICY, chain())
        changes = [
            change
            for until_ns, rows in steps(scene(), even_bounds(step_ms, 60))
            for change in core.step(until_ns, rows).alarms
        ]
        assert len(changes) > 5
        until_ns = 50 * NS_PER_S  # what is later may not be known yet
        stories.append(by_strand([change for change in changes if change.t_ns <= until_ns]))
    assert stories[0] == stories[1] == stories[2]


def test_a_time_is_known_once_the_processor_has_seen_it():
    core = LiveCore(POLICY, chain())
    for k in range(50):
        core.step((k + 1) * 200_000_000, [ecg(k / 5, (k + 1) / 5)])
    engine = core.engine
    newest_ns = 10 * NS_PER_S - 4_000_000
    assert engine.known_ns(["lead_off"])[0] == newest_ns
    assert engine.known_ns(["tachycardia"])[0] >= newest_ns - 4 * NS_PER_S
    assert engine.known_ns()[0] == engine.known_ns(["tachycardia", "spo2_low", "lead_off"])[0]
    assert engine.known_ns(["no_such_code"])[0] == engine.clock_ns()[0]
