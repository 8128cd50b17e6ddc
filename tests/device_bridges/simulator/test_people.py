"""People are plausible, alike within a group, and each from a seed of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from device_bridges.simulator.people import Drawn, draw_people, participants
from device_bridges.simulator.shapes import BODIES
from device_bridges.simulator.sheet import Group
from device_bridges.simulator.tables import SITTING, UPRIGHT
from registry.participants import Participant

N = 4000


def group(**keys: Any) -> Group:
    return Group.model_validate({"count": 1} | keys)


def drawn_people(n: int = N, seed: int = 1, name: str = "a", **keys: Any) -> Any:
    return draw_people(group(**keys), Drawn(seed, name, np.arange(n)), place=0)


def known(n: int = N, **keys: Any) -> list[Participant]:
    one, drawn = group(**keys), Drawn(1, "a", np.arange(n))
    people = draw_people(one, drawn, place=0)
    return participants(one, "a", drawn, people, [f"P-{k + 1:04}" for k in range(n)])


def test_nobody_changes_when_others_come_or_go() -> None:
    many = drawn_people(50)
    assert repr(drawn_people(7).tolist()) == repr(many[:7].tolist())
    some = draw_people(group(), Drawn(1, "a", np.array([3, 40])), place=0)
    assert repr(some.tolist()) == repr(many[[3, 40]].tolist())


def test_seeds_groups_and_numbers_make_different_people() -> None:
    seeds = [drawn_people(300, seed, name)["seed"] for seed in (1, 2) for name in ("a", "b")]
    assert len(np.unique(np.concatenate(seeds))) == 1200


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("age_years", 20, 80),
        ("rate_rest", 52, 78),
        ("rate_max", 100, 225),
        ("respiratory_share", 0.005, 0.12),
        ("slow_share", 0.005, 0.12),
        ("breath_rest", 10, 20),
        ("fitness_mets", 3, 18),
        ("tau_on_s", 20, 60),
        ("tau_off_s", 40, 90),
        ("walking_speed", 0.7, 1.8),
        ("weight_kg", 40, 130),
        ("spo2_rest", 95, 99.5),
        ("glucose_base", 78, 108),
        ("systolic_rest", 90, 155),
        ("diastolic_rest", 52, 95),
        ("pulse_delay_s", 0.15, 0.3),
        ("skin_temperature", 31.5, 34.8),
        ("body", 0, BODIES - 1),
    ],
)
def test_everybody_is_within_what_occurs(field: str, low: float, high: float) -> None:
    values = drawn_people()[field]
    assert low <= values.min() < values.max() <= high


def test_people_hang_together() -> None:
    people = drawn_people()
    age = people["age_years"]

    def go_together(a: Any, b: Any) -> float:
        return float(np.corrcoef(a, b)[0, 1])

    assert go_together(age, people["rate_max"]) < -0.8
    assert go_together(age, people["respiratory_share"]) < -0.6
    assert go_together(age, people["systolic_rest"]) > 0.5
    fit = people["fitness_mets"] / np.where(people["male"], 14.7 - 0.11 * age, 14.7 - 0.13 * age)
    assert go_together(fit, people["rate_rest"]) < -0.3
    assert go_together(fit, people["tau_off_s"]) < -0.4
    assert (people["systolic_rest"] - people["diastolic_rest"]).min() > 10


def test_the_highest_rate_falls_with_age_as_published() -> None:
    people = drawn_people()
    slope, at_0 = np.polyfit(people["age_years"], people["rate_max"], 1)
    assert slope == pytest.approx(-0.7, abs=0.05)
    assert at_0 == pytest.approx(208, abs=3)


def test_a_group_may_vary_less_than_others() -> None:
    usual, stiff = drawn_people(), drawn_people(variability=0.4)
    for name in ("respiratory_share", "slow_share"):
        assert stiff[name] == pytest.approx(0.4 * usual[name])
    assert (stiff["rate_rest"] == usual["rate_rest"]).all()


def test_a_group_may_have_values_of_its_own() -> None:
    people = drawn_people(age=[70, 72], spo2_rest=[90, 93], fitness_mets=4, male="0 %")
    assert 70 <= people["age_years"].min() <= people["age_years"].max() <= 72
    assert 90 <= people["spo2_rest"].min() < people["spo2_rest"].max() <= 93
    assert (people["fitness_mets"] == 4).all()
    assert not people["male"].any()


def test_only_the_old_take_a_beta_blocker_and_their_hearts_are_slower() -> None:
    people, registered = drawn_people(beta_blocker="50 %"), known(beta_blocker="50 %")
    takes = np.array([one.beta_blocker is True for one in registered])
    old = people["age_years"] >= 60
    assert not takes[~old].any()
    assert takes[old].mean() == pytest.approx(0.5, abs=0.05)
    assert people["rate_max"][takes].mean() < people["rate_max"][old & ~takes].mean() - 30
    assert people["rate_rest"][takes].mean() < people["rate_rest"][old & ~takes].mean() - 3


def test_of_some_people_less_is_known() -> None:
    people = known(rates_known="30 %", age_known="90 %")
    assert np.mean([p.heart_rate_max is not None for p in people]) == pytest.approx(0.3, abs=0.03)
    assert np.mean([p.age_years is not None for p in people]) == pytest.approx(0.9, abs=0.02)
    assert all((p.heart_rate_max is None) == (p.heart_rate_rest is None) for p in people)


def test_what_a_group_is_stands_in_the_registry() -> None:
    (one,) = known(1, title="COPD", sensitive=True, spo2_low=88, event=True,
                   posture_after_stop="sitting")  # fmt: skip
    assert (one.group, one.sensitive, one.spo2_low, one.event) == ("COPD", True, 88, True)
    assert one.posture == SITTING
    assert drawn_people(1, posture_after_stop="sitting")["posture_after_stop"] == SITTING


def test_an_unknown_posture_is_upright_but_not_told() -> None:
    assert known(1)[0].posture is None
    assert drawn_people(1)["posture_after_stop"] == UPRIGHT


def test_names_are_korean_english_or_by_a_pattern() -> None:
    assert all("가" <= one.name[0] <= "힣" for one in known(200, names="korean"))
    assert all(one.name.isascii() and " " in one.name for one in known(200, names="english"))
    mixed = [one.name.isascii() for one in known(200)]
    assert 40 < sum(mixed) < 120
    assert [one.name for one in known(2, names="Bed {number}")] == ["Bed 1", "Bed 2"]
