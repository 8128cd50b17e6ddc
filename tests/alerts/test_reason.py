"""The sentence of an alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.alarm import Text
from alerts.policy import load_policy
from alerts.reason import reason

POLICY = load_policy()


@pytest.mark.parametrize(
    ("code", "value", "english", "korean"),
    [
        ("asystole", 4.0, "Asystole: no QRS for 4.0 s", "심정지: QRS 없음 4.0초"),
        ("bradycardia", 41.6, "Bradycardia: heart rate 42 /min", "서맥: 심박수 분당 42회"),
        ("vf", 1.0, "Ventricular fibrillation", "심실세동"),
    ],
)
def test_the_value_is_said_in_both_languages(code, value, english, korean):
    assert reason(POLICY.rule(code), value, {}) == Text(english, korean)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_known_is_not_said(value):
    assert reason(POLICY.rule("asystole"), value, {}).en == "Asystole"


def test_evidence_is_said_where_it_is_known():
    says = Text("{value:.1f} s after {rate:.0f} /min", "{value:.1f}초")
    rule = replace(POLICY.rule("pause"), says=says, fields=("rate", "value"))
    assert reason(rule, 3.2, {"rate": 71.0}).en == "Pause: 3.2 s after 71 /min"
    assert reason(rule, 3.2, {"rate": float("nan")}).en == "Pause"
    assert reason(rule, 3.2, {}).en == "Pause"
