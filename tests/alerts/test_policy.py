"""The catalogue says what CLINICAL 4 says, and a file that does not make sense is refused."""

from __future__ import annotations

import copy
import tomllib
from collections import Counter

import pytest

from alerts.policy import CATALOGUE, load_policy, parse_policy
from alerts.rule import PRIORITIES
from processors.errors import SettingError
from processors.records import NS_PER_S, FindingSpec
from processors.registry import discover

POLICY = load_policy()
TREE = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))

# Findings that are kept and shown, and never alarm (CLINICAL 3.9).
WITHOUT_ALARM = {"heart_rate_recovery"}


def changed(**rows):
    """Give the parsed catalogue with some values of some rows replaced."""
    tree = copy.deepcopy(TREE)
    for code, values in rows.items():
        tree["alarm"].setdefault(code, {}).update(values)
    return tree


@pytest.mark.parametrize(
    ("code", "priority", "chain", "rank", "latch", "delay_s", "refractory_s", "recipients"),
    [
        ("vf", "high", "ventricular", 1, True, 0, 30, ("staff", "oncall")),
        ("asystole", "high", "rate_low", 1, True, 0, 30, ("staff", "oncall")),
        ("vt", "high", "ventricular", 2, True, 0, 60, ("staff", "oncall")),
        ("extreme_tachycardia", "high", "rate_high", 1, True, 0, 60, ("staff", "oncall")),
        ("pause", "medium", "rate_low", 4, False, 0, 300, ("staff",)),
        ("missed_beat", "low", "rate_low", 7, False, 0, 900, ("staff",)),
        ("effort_rate_high", "medium", "rate_high", 2, False, 0, 600, ("participant", "staff")),
        ("pvc_couplet", "low", "ventricular", 6, False, 0, 900, ("staff",)),
        ("pvc_multiform", "low", "ventricular", 11, False, 0, 1800, ("staff",)),
        ("af", "medium", "irregular", 1, False, 30, 900, ("staff", "clinician")),
        ("spo2_very_low", "high", "oxygen", 1, True, 10, 60, ("staff", "oncall")),
        ("glucose_low", "medium", "glucose_low", 3, False, 300, 1800, ("participant", "staff")),
        ("self_harm_risk", "high", "care", 1, True, 0, 0, ("oncall", "clinician")),
        ("lead_off", "technical", "signal", 1, False, 5, 120, ("staff", "participant")),
        ("pipeline_stalled", "technical", "system", 1, True, 10, 120, ("staff", "ops")),
    ],
)
def test_rows_say_what_the_clinical_catalogue_says(
    code, priority, chain, rank, latch, delay_s, refractory_s, recipients
):
    rule = POLICY.rule(code)
    assert (rule.priority, rule.chain, rule.rank, rule.latch) == (priority, chain, rank, latch)
    assert (rule.delay_ns, rule.refractory_ns) == (delay_s * NS_PER_S, refractory_s * NS_PER_S)
    assert rule.recipients == recipients


def test_the_catalogue_has_every_code_once():
    assert len(POLICY.rules) == 67
    per_priority = Counter(rule.priority for rule in POLICY.rules.values())
    assert per_priority == {"high": 12, "medium": 23, "low": 23, "technical": 9}


def test_every_finding_of_a_detector_is_in_the_catalogue():
    codes = {
        spec.code
        for processor in discover()
        for spec in processor.produces
        if isinstance(spec, FindingSpec)
    }
    assert codes <= {*POLICY.rules, *WITHOUT_ALARM}


def test_high_alarms_latch_but_for_the_one_that_the_catalogue_excepts():
    high = {rule.code for rule in POLICY.rules.values() if rule.priority == PRIORITIES[0]}
    assert {code for code in high if not POLICY.rule(code).latch} == {
        "blood_pressure_exercise_stop"
    }


def test_only_vf_and_asystole_override_and_only_technical_alarms_suspend():
    rules = POLICY.rules.values()
    assert {rule.code for rule in rules if rule.overrides} == {"vf", "asystole"}
    assert {rule.code: rule.suspends for rule in rules if rule.suspends} == {
        "lead_off": "ecg", "device_silent": "own", "pipeline_stalled": "all",
        "consent_withdrawn": "all",
    }  # fmt: skip


def test_technical_alarms_sound_low_unless_the_catalogue_says_otherwise():
    sounds = {r.code: r.sound_at(1.0) for r in POLICY.rules.values() if r.priority == "technical"}
    assert sounds.pop("pipeline_stalled") == "high"
    assert sounds.pop("gap") == sounds.pop("consent_withdrawn") == "none"
    assert set(sounds.values()) == {"low"}


def test_priority_and_refractory_time_follow_the_value():
    fever, battery = POLICY.rule("fever"), POLICY.rule("battery_low")
    assert [fever.priority_at(value) for value in (38.0, 39.4, 39.5)] == ["low", "low", "medium"]
    assert fever.priority_at(float("nan")) == "low"
    assert fever.sound_at(39.5) == "medium"
    assert [battery.refractory_at(value) for value in (14.0, 5.0)] == [
        14_400 * NS_PER_S, 1_800 * NS_PER_S,
    ]  # fmt: skip
    assert battery.priority_at(1.0) == "technical"


def test_what_happens_when_nobody_acts_follows_the_priority():
    high, low = POLICY.rule("vf").escalation, POLICY.rule("missed_beat").escalation
    assert (high.first_s, high.every_s, high.realarm_s) == (60.0, 60.0, 300.0)
    assert (low.first_s, low.realarm_s) == (float("inf"), float("inf"))


def test_every_code_has_a_sentence_in_both_languages():
    for rule in POLICY.rules.values():
        assert rule.title.en
        assert any("가" <= letter <= "힣" for letter in rule.title.ko)
        assert bool(rule.says.en) == bool(rule.says.ko)


def test_an_unknown_code_is_an_error_that_names_the_nearest():
    with pytest.raises(SettingError, match="'asystol' is unknown; did you mean asystole"):
        POLICY.rule("asystol")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({"pause": {"dely_s": 1.0}}, "alarm.pause: 'dely_s' is unknown; did you mean delay_s"),
        ({"pause": {"priority": "hihg"}}, "alarm.pause priority: 'hihg' .* did you mean high"),
        ({"pause": {"chain": "rate_slow"}}, "did you mean rate_low"),
        ({"pause": {"rank": 1}}, "rate_low 1 is that of asystole"),
        ({"pause": {"rank": "4"}}, "rank: expected int, found '4'"),
        ({"pause": {"latch": 1}}, "latch: expected bool, found 1"),
        ({"pause": {"delay_s": -1.0}}, "delay_s: expected seconds from 0, found -1.0"),
        ({"pause": {"refractory_s": float("nan")}}, "refractory_s: expected seconds from 0"),
        ({"pause": {"hold_s": float("inf")}}, "hold_s: expected seconds from 0"),
        ({"pause": {"recipients": []}}, "recipients: expected one name or more"),
        ({"pause": {"sounds_as": "low"}}, "is for technical alarms only"),
        ({"pause": {"release": "documented"}}, "is for alarms that latch only"),
        ({"pause": {"says": "{value:.1q}"}}, "cannot be filled in"),
        ({"pause": {"says": "{0}"}}, "cannot be filled in"),
        ({"pause": {"says": "{value.real}"}}, "cannot be filled in"),
        ({"pause": {"suspends": "egc"}}, "did you mean ecg"),
        ({"fever": {"worse": {"at_last": 1.0}}}, "did you mean at_least"),
        ({"fever": {"worse": {"at_least": 1.0, "at_most": 2.0}}}, "either at_least or at_most"),
        ({"fever": {"worse": {"at_least": "hot"}}}, "expected a number, found 'hot'"),
        ({"brand_new": {"priority": "low"}}, "alarm.brand_new: 'chain' is missing"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(rows, problem):
    with pytest.raises(SettingError, match=problem):
        parse_policy(changed(**rows))


@pytest.mark.parametrize(
    ("section", "key", "value", "problem"),
    [
        ("defaults", "late_s", 1.0, "did you mean late_after_s"),
        ("defaults", "hold_s", "long", "expected seconds"),
        ("chains", "oxygen", "spo", "did you mean spo2"),
        ("escalation", "hgh", {}, "did you mean high"),
        ("escalation", "high", {"frist_s": 1.0}, "did you mean first_s"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(section, key, value, problem):
    tree = changed()
    tree[section][key] = value
    with pytest.raises(SettingError, match=problem):
        parse_policy(tree)


def test_a_site_changes_values_of_codes_that_there_are(tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[alarm.spo2_low]\ndelay_s = 20\n[alarm.pause]\nrecipients = ["oncall"]\n')
    policy = load_policy(site)
    assert policy.rule("spo2_low").delay_ns == 20 * NS_PER_S
    assert policy.rule("pause").recipients == ("oncall",)
    assert policy.rule("vf") == POLICY.rule("vf")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[alarm.puase]\ndelay_s = 1.0\n", "site.toml alarm: 'puase' .* did you mean pause"),
        ("[alrm.pause]\ndelay_s = 1.0\n", "'alrm' is unknown; did you mean alarm"),
        ("[alarm.pause]\ndely_s = 1.0\n", "site.toml alarm.pause: 'dely_s'"),
        ("[alarm.pause.priority]\nhigh = true\n", "expected a value"),
        ("[alarm.pause\n", "is not TOML"),
    ],
)
def test_a_site_file_that_makes_no_sense_is_refused_by_name(tmp_path, text, problem):
    site = tmp_path / "site.toml"
    site.write_text(text)
    with pytest.raises(SettingError, match=problem):
        load_policy(site)


def test_a_site_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"site\.toml: cannot be read"):
        load_policy(tmp_path / "site.toml")
