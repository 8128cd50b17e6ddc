"""A policy file is wrong in many ways at once, and each is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.check import check_policy
from alerts.duty import Hours, Role, Shift, parse_clock
from alerts.policy import CATALOGUE, load_policy
from processors.errors import SettingError
from processors.records import NS_PER_S


def file_of(folder: Path, text: str, name: str = "site.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_policy_is_in_order():
    assert check_policy() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alarm.tachycardy]\nrank = 3", "did you mean tachycardia"),
        ('[alarm.vt]\nrecipients = ["stuff", "oncall"]', "'stuff' is unknown; did you mean staff"),
        ("[alarm.vt]\ndelay = 3", "did you mean delay_s"),
        ('[alarm.vt]\nrecipients = ["staff"]', "alarm.vt: escalation to nobody after staff"),
        ('[[route]]\ncodes = ["vt"]\nrecipients = ["ops"]', "route 1: escalation to nobody"),
        ('[[route]]\ncodes = ["vtt"]\nrecipients = ["ops", "staff"]', "'vtt' is unknown"),
        ("[limits.group.hike]\nrate_low = 130", "rate_low 130 /min: expected below rate_high 120"),
        ("[limits.default]\nglucose_urgent_low = 75", "expected at most glucose_low 70 mg/dL"),
        ("[limits.default]\nspo2 = 75", "did you mean spo2_low"),
        ("[limits.group.hike]\nspo2_low = 9.0", "expected 50 to 100 %, found 9.0"),
        ("[limits.participant.p7]\nspo2_low = 88", "expected by and why"),
        ('[time]\nzone = "Asia/Seol"', "did you mean Asia/Seoul"),
        ('[roles.oncall]\nrota = "hart"\n[[rota.heart]]\npersons = ["kim"]', "mean heart"),
        ('[[rota.heart]]\npersons = ["kim"]\nfrom = "8"\n[roles.oncall]\nrota = "heart"', "08:30"),
        ('[[rota.heart]]\npersons = ["kim"]\nfrom = "08:00"\nuntil = "20:00"\n'
         '[roles.oncall]\nrota = "heart"', "oncall: nobody is on duty from mon 00:00 to mon 08:00"),
        ("[inactivation]\naudio_pause = 60", "did you mean audio_paused"),
        ("[escalation.hgh]\nfirst_s = 60", "hgh"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path, text, said):
    problems = check_policy(file_of(tmp_path, text))
    assert any(said in problem for problem in problems), problems


def test_all_of_it_is_said_at_once(tmp_path):
    text = '[alarm.vt]\nlatch = 1\n[alarm.af]\ndelay = 3\n[limits.default]\nspo2_low = "low"'
    assert len(check_policy(file_of(tmp_path, text))) == 3


def test_a_site_extends_a_file_that_extends_the_shipped_one(tmp_path):
    file_of(tmp_path, '[roles.staff]\npersons = ["desk"]\n[limits.group.hike]\nevent = true',
            "hospital.toml")  # fmt: skip
    path = file_of(tmp_path, 'extends = "hospital.toml"\n[alarm.pause]\ndelay_s = 2')
    policy = load_policy(path)
    assert policy.routes.roles["staff"].persons == ("desk",)
    assert policy.limits.groups["hike"].values == {"event": 1.0}
    assert policy.rule("pause").delay_ns == 2 * NS_PER_S
    assert policy.rules.keys() == load_policy().rules.keys()


def test_files_that_extend_each_other_are_refused(tmp_path):
    path = file_of(tmp_path, 'extends = "site.toml"')
    with pytest.raises(SettingError, match="circle"):
        load_policy(path)


def test_a_file_that_cannot_be_read_is_one_error(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        check_policy(tmp_path / "none.toml")


def test_the_policy_is_one_file():
    # The reasons to refer after a day (`alerts.screening`) are no policy of alarms.
    found = {path.name for path in CATALOGUE.parent.glob("*.toml")} - {"screening.toml"}
    assert found == {"catalogue.toml"}


NIGHTS = Hours(frozenset({6}), 22 * 60, 6 * 60)


def test_a_shift_may_cross_midnight_and_the_end_of_the_week():
    assert NIGHTS.minutes() == [(9960, 10080), (0, 360)]
    assert [NIGHTS.holds(minute) for minute in (9959, 9960, 10079, 0, 359, 360)] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


def test_a_rota_without_gaps_has_none():
    week = Hours(frozenset(range(7)), 0, 0)
    assert Role("oncall", shifts=(Shift(week, ("kim",)),)).gaps() == []
    assert Role("oncall").gaps() == []
    assert Role("oncall", shifts=(Shift(NIGHTS, ("kim",)),)).gaps() == [(360, 9960)]


def test_the_hour_follows_the_summer_time_of_the_zone():
    clock = parse_clock("time", {"zone": "Europe/Berlin"})
    winter, summer = 1_736_942_400, 1_752_580_800  # 12:00 UTC in January and July
    assert [clock.minute_of_week(t * NS_PER_S) // 60 % 24 for t in (winter, summer)] == [13, 14]


def test_the_example_of_the_documents_is_in_order(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "operation.md").read_text(encoding="utf-8")
    example = text[text.index("```toml") + 7 :]
    assert check_policy(file_of(tmp_path, example[: example.index("```")])) == []
