from __future__ import annotations

import math

import pytest

from loadtest.verdicts import DEMANDS, VerdictError, is_valid, judge


def test_an_upper_limit_is_met_up_to_the_limit_itself():
    assert [v.met for v in judge({"lost": 0}, {"lost": 0.0})] == [True]
    assert [v.met for v in judge({"finding_p99_ms": 500}, {"finding_p99_ms": 500.1})] == [False]


def test_a_lower_limit_is_met_from_the_limit_on():
    assert [v.met for v in judge({"sensitivity": 0.9}, {"sensitivity": 0.9})] == [True]
    assert [v.met for v in judge({"sensitivity": 0.9}, {"sensitivity": 0.89})] == [False]


@pytest.mark.parametrize("measured", [{}, {"lost": math.nan}])
def test_what_was_not_measured_is_not_met(measured):
    assert [v.met for v in judge({"lost": 0}, measured)] == [False]


def test_a_late_generator_makes_the_run_invalid_and_a_slow_engine_does_not():
    late = judge({"generator_late_p99_ms": 20}, {"generator_late_p99_ms": 90.0})
    slow = judge({"finding_p99_ms": 20}, {"finding_p99_ms": 90.0})
    assert not is_valid(late)
    assert is_valid(slow)


def test_a_demand_of_something_unknown_names_the_nearest():
    with pytest.raises(VerdictError, match="finding_p99_ms"):
        judge({"findings_p99": 1}, {})


def test_verdicts_come_in_one_order_whatever_the_order_of_limits():
    names = [v.name for v in judge(dict.fromkeys(reversed(list(DEMANDS)), 1.0), {})]
    assert names == list(DEMANDS)
