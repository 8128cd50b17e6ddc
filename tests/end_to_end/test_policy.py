"""``vitals policy``, as a person meets it, on a store of one bad hour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alerts.alarm import AlarmChange
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.records import NS_PER_S, Finding
from registry.participants import Participant
from streams.stores import FEATURES, SCALARS, SeriesRows
from streams.stores.sqlite import SqliteStore
from tests.alerts.stories import offset, onset, point, seconds
from tests.end_to_end.called import vitals

BEGAN_S = 1_790_000_000.0


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Low oxygen five times, each acknowledged after a minute; a tachycardia nobody answers."""
    core = AlarmCore(load_policy())
    findings: list[Finding] = []
    changes: list[AlarmChange] = []
    for k in range(5):
        t = BEGAN_S + 600 * k
        findings += [
            onset("spo2_low", t, value=87.0, limit=90.0), offset("spo2_low", t, t + 100),
            point("pause", t + 5, value=3.2),
        ]  # fmt: skip
        for finding in sorted(findings[-3:], key=lambda one: one.t_ns)[:2]:
            changes += core.apply(finding)
        changes += core.tick(seconds(t + 75))
        low = next(a for a in core.alarms() if a.code == "spo2_low")
        changes += core.acknowledge(low.id, "kim", seconds(t + 76), useful=k < 4)
        changes += core.apply(findings[-2])
        changes += core.tick(seconds(t + 500))
    findings.append(onset("extreme_tachycardia", BEGAN_S + 3000, value=171.0))
    changes += core.apply(findings[-1]) + core.tick(seconds(BEGAN_S + 3100))
    folder = tmp_path_factory.mktemp("policy")
    store = SqliteStore(folder / "vitals.sqlite")
    t_ns = np.array([seconds(BEGAN_S + 600 * k + 14) for k in range(5)], np.int64)
    oxygen = SeriesRows(SCALARS, "spo2", ("spo2",), ["p1"] * 5, t_ns, np.full((5, 1), 87.0))
    beats_ns = seconds(BEGAN_S) + 5 * NS_PER_S * np.arange(8640, dtype=np.int64)  # half a day
    rates = SeriesRows(
        FEATURES, "heart_rate", ("rate",), ["p1"] * 8640, beats_ns, np.full((8640, 1), 70.0)
    )
    store.write([Participant("p1"), oxygen, rates, *findings, *changes])
    store.close()
    return folder


def test_the_shipped_policy_is_in_order():
    said = vitals("policy", "check")
    assert (said.status, said.out) == (0, "the shipped policy: in order, 67 codes\n")


def test_a_faulty_policy_ends_with_status_1_and_all_that_is_wrong(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('[alarm.vt]\nrecipients = ["stuff"]\n[limits.default]\nspo2_low = 5', "utf-8")
    said = vitals("policy", "check", str(path))
    assert said.status == 1
    assert len(said.out.splitlines()) == 2
    assert "did you mean staff" in said.out


def test_an_alarm_is_explained_from_the_store_in_both_languages(data):
    store = SqliteStore(data / "vitals.sqlite")
    low = next(alarm for alarm in store.alarms("p1") if alarm.code == "spo2_low")
    store.close()
    said = vitals("policy", "explain", low.id[:8], "--data", str(data))
    assert said.status == 0
    for part in ("Oxygen saturation low: 87 %", "15.0 s later", "limits: spo2_low 90 %",
                 "saturation below its limit, for 15 s; medium priority", "acknowledged by kim",
                 "산소포화도 낮음: 87 %", f"strip: {low.finding_id}",
                 "spo2: spo2 87 (1 s before)"):  # fmt: skip
        assert part in said.out


def test_an_alarm_that_is_not_there_is_one_sentence(data):
    said = vitals("policy", "explain", "nothing", "--data", str(data))
    assert (said.status, len(said.errors)) == (2, 1)


def test_what_another_policy_would_have_done_is_a_table(data, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('[alarm.spo2_low]\ndelay_s = 120\n[alarm.pause]\npriority = "low"\n', "utf-8")
    said = vitals("policy", "what-if", str(path), "--data", str(data), "--since", "2h")
    assert said.status == 0
    rows = {tuple(line.split()[:2]): line.split()[-3:] for line in said.out.splitlines() if line}
    assert rows["spo2_low", "medium"] == ["5", "0", "-5"]
    assert rows["pause", "medium"] == ["5", "0", "-5"]
    assert rows["pause", "low"] == ["0", "5", "+5"]
    assert rows["extreme_tachycardia", "high"] == ["1", "1", "+0"]
    assert "recipient" in said.out


def test_the_burden_is_counted(data):
    said = vitals("policy", "burden", "--data", str(data), "--watched-h", "24",
                  "--since", "2h")  # fmt: skip
    assert said.status == 0
    assert said.out.startswith("since 2026-09-21 00:00 UTC\n")
    assert "1.00 person-days, 11 alarms, 11 audible" in said.out
    assert "judged useful: 0.80 of 5 that were judged" in said.out
    assert "acknowledged medium: 5, median 59 s, p90 59 s" in said.out
    assert "most noise: " in said.out


def test_the_person_time_of_a_burden_is_told_by_the_heart_rates(data):
    said = vitals("policy", "burden", "--data", str(data))
    assert said.status == 0
    assert "0.50 person-days, 11 alarms" in said.out
    assert "audible per person and day: 22.00" in said.out


@pytest.mark.parametrize("since", ["yesterday", "2x", ""])
def test_a_time_that_is_none_is_one_sentence(data, since):
    said = vitals("policy", "burden", "--data", str(data), "--since", since)
    assert (said.status, len(said.errors)) == (2, 1)


def test_a_folder_without_a_store_is_one_sentence(tmp_path):
    said = vitals("policy", "burden", "--data", str(tmp_path))
    assert (said.status, len(said.errors)) == (2, 1)
