"""Whom alarms reach, step by step; times are seconds, 0 is a Thursday at midnight (UTC)."""

from __future__ import annotations

import copy
import tomllib

import pytest

from alerts.lifecycle import AlarmCore
from alerts.policy import CATALOGUE, load_policy, parse_policy
from registry.participants import Participant
from tests.alerts.stories import every, offset, only, onset, point, seconds, tick

TREE = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def core_with(**sections) -> AlarmCore:
    tree = copy.deepcopy(TREE)
    for name, section in sections.items():
        if isinstance(section, dict):
            tree.setdefault(name, {}).update(section)
        else:
            tree[name] = section
    return AlarmCore(parse_policy(tree))


@pytest.fixture
def core() -> AlarmCore:
    return AlarmCore(load_policy())


def reached(core):
    return only(core).reached


def test_a_high_alarm_reaches_the_next_recipient_every_minute_until_there_is_none(core):
    core.apply(onset("glucose_urgent_low", 0))
    assert reached(core) == ("participant",)
    changes = tick(core, 1000)
    assert every(changes) == [
        ("glucose_urgent_low", "escalated", 60), ("glucose_urgent_low", "escalated", 120),
    ]  # fmt: skip
    assert [(c.alarm.step, c.alarm.reached) for c in changes] == [
        (1, ("participant", "staff")), (2, ("participant", "staff", "oncall")),
    ]  # fmt: skip


def test_a_medium_alarm_reaches_one_more_after_five_minutes(core):
    core.apply(onset("glucose_urgent_low_soon", 0))
    assert every(tick(core, 5000)) == [("glucose_urgent_low_soon", "escalated", 300)]


def test_low_and_technical_alarms_do_not_escalate(core):
    core.apply(onset("lead_off", 0))
    core.apply(onset("heat_caution", 0))
    assert "escalated" not in {kind for _, kind, _ in every(tick(core, 5000))}


def test_nobody_else_is_reached_once_it_is_acknowledged(core):
    core.apply(onset("vt", 0))
    core.acknowledge(only(core).id, "kim", seconds(59))
    assert tick(core, 200) == []


def test_an_alarm_that_is_active_again_escalates_from_the_start(core):
    core.apply(onset("vt", 0))
    tick(core, 61)
    core.acknowledge(only(core).id, "kim", seconds(100))
    assert every(tick(core, 1000)) == [("vt", "realarmed", 400), ("vt", "escalated", 460)]
    assert reached(core) == ("staff", "oncall")


def test_a_latched_alarm_escalates_though_its_condition_is_over(core):
    core.apply(onset("vt", 0))
    core.apply(offset("vt", 0, 5))
    assert every(tick(core, 61)) == [("vt", "escalated", 60)]


NIGHT = {
    "roles": {"staff": {"persons": ["desk"]}, "oncall": {"rota": "heart"}},
    "rota": {
        "heart": [
            {"from": "08:00", "until": "20:00", "persons": ["kim"]},
            {"from": "20:00", "until": "08:00", "days": ["wed", "thu"], "persons": ["lee", "park"]},
        ]
    },
}


@pytest.mark.parametrize(
    ("hour", "names"),
    [(0, ("desk", "lee", "park")), (9, ("desk", "kim")), (22, ("desk", "lee", "park"))],
)
def test_the_rota_says_who_is_on_call(hour, names):
    core = core_with(**NIGHT)
    core.apply(onset("vt", 3600 * hour))
    tick(core, 3600 * hour + 61)
    assert reached(core) == names


def test_in_a_gap_of_the_rota_the_next_step_is_taken_instead():
    core = core_with(**NIGHT)
    friday_night = 86_400 + 3600 * 23
    core.apply(point("self_harm_risk", friday_night, value=1.0))
    assert reached(core) == ("clinician",)
    assert only(core).step == 1


def test_hours_are_those_of_the_time_zone_of_the_policy():
    core = core_with(time={"zone": "Asia/Seoul"}, **NIGHT)
    core.apply(onset("vt", 0))  # 09:00 in Seoul
    tick(core, 61)
    assert reached(core) == ("desk", "kim")


def test_a_route_goes_before_the_recipients_of_the_code_where_all_of_it_fits():
    route = [
        {"priorities": ["high"], "groups": ["hike"], "recipients": ["coordinator", "oncall"]},
        {"codes": ["pause"], "places": ["ward 3"], "from": "00:00", "until": "06:00",
         "recipients": ["clinician"]},
    ]  # fmt: skip
    core = core_with(route=route)
    for name, group, place in (("p1", "hike", "hill"), ("p2", "", "ward 3"), ("p3", "", "")):
        core.enrol(Participant(name, group=group, place=place))
        for code in ("vt", "pause"):
            core.apply(onset(code, 60, who=name))
    first = {(a.participant, a.code): a.reached for a in core.alarms()}
    assert first == {
        ("p1", "vt"): ("coordinator",), ("p1", "pause"): ("staff",),
        ("p2", "vt"): ("staff",), ("p2", "pause"): ("clinician",),
        ("p3", "vt"): ("staff",), ("p3", "pause"): ("staff",),
    }  # fmt: skip
