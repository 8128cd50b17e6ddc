"""Stored findings under two policies; times are seconds."""

from __future__ import annotations

import copy
import tomllib

from alerts.policy import CATALOGUE, load_policy, parse_policy
from alerts.whatif import Acknowledged, Difference, by_code, by_recipient, outcome, replay
from tests.alerts.stories import offset, onset, point, seconds

NOW = load_policy()
TREE = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def policy(code, **values):
    tree = copy.deepcopy(TREE)
    tree["alarm"][code].update(values)
    return parse_policy(tree)


SPELLS = [
    one
    for k in range(5)
    for one in (onset("spo2_low", 1000 * k), offset("spo2_low", 1000 * k, 1000 * k + 20))
]


def compare(findings, other, acts=()):
    return [outcome(replay(findings, acts, each)) for each in (NOW, other)]


def test_a_longer_delay_makes_fewer_alarms():
    before, after = compare(SPELLS, policy("spo2_low", delay_s=30.0))
    assert (before.total, after.total) == (5, 0)
    assert by_code(before, after) == [Difference(("spo2_low", "medium"), 5, 0)]
    assert by_recipient(before, after) == [Difference(("staff",), 5, 0)]


def test_the_same_policy_makes_no_difference():
    findings = [*SPELLS, point("pause", 50), onset("vt", 70)]
    before, after = compare(findings, load_policy())
    assert before == after
    assert all(row.before == row.after for row in by_code(before, after))


def test_another_priority_is_another_row():
    before, after = compare([point("pause", 5)], policy("pause", priority="low"))
    assert by_code(before, after) == [
        Difference(("pause", "medium"), 1, 0), Difference(("pause", "low"), 0, 1),
    ]  # fmt: skip


def test_people_acknowledge_as_they_did():
    """Unless somebody does, a latched alarm takes the next finding and none is raised."""
    spells = [
        one for k in range(3) for one in (onset("vt", 500 * k), offset("vt", 500 * k, 500 * k + 9))
    ]
    acts = [Acknowledged(seconds(500 * k + 60), "p1", "vt", "kim") for k in range(3)]
    assert compare(spells, NOW)[0].total == 1
    assert compare(spells, NOW, acts)[0].total == 3


def test_findings_may_come_in_any_order():
    assert compare(SPELLS[::-1], NOW)[0].total == 5


def test_no_findings_make_no_alarms():
    before, after = compare([], NOW)
    assert (before.total, by_code(before, after), by_recipient(before, after)) == (0, [], [])
