import math

import numpy as np

from alerts.policy import load_policy
from processors.detectors.oxygen_limits import OxygenLimits
from processors.features.oxygen import Oxygen
from processors.records import NS_PER_S, Chunk, Control, pack
from streams.live import LiveCore


def played(*percent, own_limit=math.nan):
    """Give the findings and alarm changes of one value a second."""
    core = LiveCore(load_policy(), [Oxygen(), OxygenLimits()])
    rows = [Control("p1", 0, "profile", {"spo2_low": own_limit})]
    findings, alarms = [], []
    for second, value in enumerate(percent, 1):
        t_ns = np.array([second * NS_PER_S], np.int64)
        samples = np.array([[value]], np.float32)
        chunk = Chunk("p1", "ring", "spo2", int(t_ns[0]), samples, seq=second, t_ns=t_ns)
        told = core.step(second * NS_PER_S, [*rows, pack([chunk])])
        findings += told.findings
        alarms += told.alarms
        rows = []
    return findings, [change for change in alarms if change.kind == "raised"]


def short(findings):
    return [(f.code, f.state, f.t_ns // NS_PER_S, f.value) for f in findings]


def test_low_saturation_is_found_by_the_median_and_alarms_after_15_s():
    findings, alarms = played(*[96.0] * 8, 92.0, *[88.0] * 20)
    assert short(findings) == [("spo2_low", "onset", 12, 88.0)]
    assert [(a.alarm.code, a.alarm.priority, a.t_ns // NS_PER_S) for a in alarms] == [
        ("spo2_low", "medium", 27)
    ]
    assert alarms[0].alarm.reason.en == "Oxygen saturation low: 88 %"


def test_very_low_saturation_alarms_after_10_s_and_louder():
    findings, alarms = played(*[88.0] * 8, *[84.0] * 15)
    assert short(findings) == [
        ("spo2_low", "onset", 1, 88.0), ("spo2_very_low", "onset", 11, 84.0),
    ]  # fmt: skip
    raised = [(a.alarm.code, a.alarm.priority, a.t_ns // NS_PER_S) for a in alarms]
    assert raised == [("spo2_low", "medium", 16), ("spo2_very_low", "high", 21)]


def test_ninety_is_not_below_ninety():
    assert played(*[90.0] * 20) == ([], [])


def test_the_own_limit_goes_before_the_default():
    assert played(*[89.0] * 20, own_limit=88.0) == ([], [])
    findings, _ = played(*[91.0] * 20, own_limit=92.0)
    assert findings[0].evidence["limit"] == 92.0


def test_a_finding_that_has_lasted_ends_two_points_above_its_limit():
    findings, _ = played(*[88.0] * 20, *[91.0] * 10, *[92.0] * 5)
    assert short(findings) == [("spo2_low", "onset", 1, 88.0), ("spo2_low", "offset", 33, 92.0)]
    assert findings[1].evidence["lowest"] == 88.0


def test_a_brief_dip_ends_at_the_limit_and_makes_no_alarm():
    findings, alarms = played(*[92.0] * 6, *[89.0] * 6, *[90.0] * 30)
    assert [f.state for f in findings] == ["onset", "offset"]
    assert not alarms


def test_a_finding_ends_when_nothing_valid_has_come_for_15_s():
    findings, _ = played(*[88.0] * 20, *[math.nan] * 20)
    assert findings[-1].state == "offset"
    assert findings[-1].t_ns == 35 * NS_PER_S
    assert math.isnan(findings[-1].value)
