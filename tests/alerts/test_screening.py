"""Who is referred, for what, and who was watched too little to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.policy import load_policy
from alerts.screening import ALL, SHIPPED, check_codes, load_criteria, screen, totals
from processors.errors import SettingError
from registry.participants import Participant
from tests.alerts.stories import offset, onset, point, seconds

HOUR_S = 3600.0
CRITERIA = load_criteria()


def screened(findings, *, watched_s=HOUR_S, until=HOUR_S, people=("p1",), group=""):
    registered = [Participant(name, group=group) for name in people]
    watched = dict.fromkeys(people, watched_s)
    return screen(registered, findings, watched, CRITERIA, seconds(until))


def only_one(findings, **more):
    (one,) = screened(findings, **more)
    return one


def test_the_shipped_reasons_name_codes_of_the_policy():
    check_codes(CRITERIA, load_policy().rules, str(SHIPPED))


def test_a_delayed_recovery_refers():
    told = point("heart_rate_recovery_delayed", 900, value=8.0, hrr60=8.0)
    one = only_one([told])
    assert (one.referred, one.categories) == (True, ("recovery",))
    (reason,) = one.reasons
    assert [evidence.finding for evidence in reason.evidence] == [told]


def test_fibrillation_counts_from_30_s_on():
    assert not only_one([offset("af", 100, 129.9)]).referred
    one = only_one([offset("af", 100, 130), offset("af", 500, 700)])
    assert [evidence.lasted_s for evidence in one.reasons[0].evidence] == [200.0, 30.0]


def test_what_has_not_ended_lasts_until_the_end_of_what_is_known():
    assert not only_one([onset("af", 3580)]).referred
    assert only_one([onset("af", 3560)]).reasons[0].evidence[0].lasted_s == 40.0


def test_hardly_watched_is_not_the_same_as_well():
    assert not only_one([], watched_s=599.0).assessed
    assert only_one([], watched_s=600.0).assessed
    assert only_one([point("vt_nonsustained", 5)], watched_s=10.0).assessed


def test_findings_of_no_reason_refer_nobody():
    told = [point("pvc_couplet", 5), onset("lead_off", 9), offset("pvc_frequent", 9, 40)]
    assert not only_one(told).referred


def test_a_report_counts_everybody_once_and_by_what_they_are_referred_for():
    findings = [
        point("heart_rate_recovery_delayed", 10, who="a"),
        point("heart_rate_recovery_delayed", 10, who="b"),
        offset("af", 10, 100, who="b"),
        offset("af", 10, 100, who="c"),
        point("vt_nonsustained", 10, who="c"),
    ]
    everybody = screened(findings, people="abcd", group="hikers")
    hikers, together = totals([*everybody, *screened([], watched_s=9.0, people=("ops",))])
    assert (hikers.group, hikers.people, hikers.referred, hikers.not_assessed) == (
        "hikers",
        4,
        3,
        0,
    )
    assert hikers.by_category == {"recovery": 2, "arrhythmia": 2}
    assert hikers.only == {"recovery": 1, "arrhythmia": 1}
    assert (together.group, together.people, together.not_assessed) == (ALL, 5, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["af", "vt", "pause", "heart_rate_recovery_delayed", "gap"]),
            st.integers(0, 3000), st.integers(0, 500), st.sampled_from("abc"),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_more_findings_never_take_a_reason_away(told):
    findings = [offset(code, began, began + length, who=who) for code, began, length, who in told]
    before = screened(findings[:-1], people="abc")
    after = screened(findings, people="abc")
    for one, other in zip(before, after, strict=True):
        assert {r.criterion.name for r in one.reasons} <= {r.criterion.name for r in other.reasons}
    (total,) = totals(after)
    assert total.referred == sum(one.referred for one in after) <= sum(total.by_category.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected at least one table"),
        ("[criterion.x]\ncategory = 'a'\ntitle = 'b'", "expected a list of codes"),
        ("[criterion.x]\ncodes = ['af']\ntitle = 'b'", "category"),
        ("[criterion.x]\ncodes = ['af']\ncategory = 'a'\ntitle = 'b'\nleast = 3", "least_s"),
        ("[criterion.x]\ncodes = ['af']\ncategory = 'a'\ntitle = 'b'\nleast_n = 0", "from 1"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, text, problem):
    path = tmp_path / "reasons.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=problem):
        load_criteria(path)


def test_an_unknown_code_is_told_with_the_nearest(tmp_path: Path):
    path = tmp_path / "reasons.toml"
    path.write_text("[criterion.x]\ncodes = ['aff']\ncategory = 'a'\ntitle = 'b'")
    with pytest.raises(SettingError, match="did you mean af"):
        check_codes(load_criteria(path), load_policy().rules, str(path))
