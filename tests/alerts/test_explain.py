"""An alarm in words."""

from __future__ import annotations

from dataclasses import replace

from alerts.alarm import Text, alarm_from_plain, alarm_to_plain
from alerts.explain import explain
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from tests.alerts.stories import only, onset, seconds, tick

POLICY = load_policy()


def low_oxygen():
    core = AlarmCore(POLICY)
    core.apply(onset("spo2_low", 100, at=98, value=87.0, spo2=87.0, limit=90.0))
    tick(core, 500)
    return core, only(core)


def test_an_alarm_carries_all_that_explains_it():
    _, alarm = low_oxygen()
    assert (alarm.onset_ns, alarm.raised_ns) == (seconds(98), seconds(115))
    assert alarm.evidence == {"spo2": 87.0, "limit": 90.0}
    assert alarm.limits == {"spo2_low": 90.0, "limit": 90.0}
    assert alarm.rule.en == "saturation below its limit, for 15 s; medium priority"
    assert alarm.id == "a" + alarm.finding_id


def test_it_is_explained_in_english():
    core, _ = low_oxygen()
    core.inactivate("audio_off", participant="p1", seconds=60, reason="care", by="kim",
                    now_ns=seconds(501))  # fmt: skip
    lines = explain(only(core), POLICY).english()
    assert lines[0] == "Oxygen saturation low: 87 %"
    said = {line.split(":")[0].strip(): line for line in lines[1:]}
    assert "17.0 s later" in said["told"]
    assert said["limits"] == "  limits: spo2_low 90 %, limit 90"
    assert "not again within 5 min" in said["rule"]
    assert said["reached"] == "  reached: staff, participant (step 2)"
    assert "audio off until" in said["quiet"]
    assert "by kim: care" in said["quiet"]


def test_it_is_explained_in_korean():
    _, alarm = low_oxygen()
    lines = explain(alarm, POLICY).korean()
    assert lines[0] == "산소포화도 낮음: 87 %"
    labels = {line.split(":")[0].strip() for line in lines[1:]}
    assert labels == {"발생", "알림", "상태", "규칙", "기준", "측정값", "수신자", "파형"}


def test_an_alarm_stored_before_all_this_was_kept_is_explained_as_far_as_it_goes():
    _, alarm = low_oxygen()
    plain = alarm_to_plain(alarm)
    for name in ("raised_ns", "step", "reached", "inactivation", "useful", "evidence", "limits",
                 "rule"):  # fmt: skip
        del plain[name]
    old = alarm_from_plain(plain)
    assert old.rule == Text("", "")
    labels = {line.split(":")[0].strip() for line in explain(old, POLICY).english()[1:]}
    assert labels == {"began", "state", "rule", "strip"}


def test_every_alarm_comes_back_from_its_plain_form():
    core, alarm = low_oxygen()
    core.inactivate("audio_off", participant="p1", seconds=60, reason="care", by="kim",
                    now_ns=seconds(501))  # fmt: skip
    for one in (alarm, only(core), replace(alarm, useful=True)):
        assert alarm_from_plain(alarm_to_plain(one)) == one


def test_every_rule_says_what_it_takes_in_both_languages():
    for rule in POLICY.rules.values():
        assert "as the detector" not in rule.words.en
        assert any("가" <= letter <= "힣" for letter in rule.words.ko)
