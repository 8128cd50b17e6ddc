"""The score of the challenge of 2015: alarms of monitors, confirmed or not by the 300th second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.evaluate.challenge import Bedside, Verdict, bedside_of, figures, verdict
from loadtest.evaluate.reference import read_reference
from loadtest.evaluate.said import read_said
from streams.cli import build
from tests.processors.ecg_cases import NORMAL, WIDE, ecg

FS = 250


def monitor_record(folder, name, leads, comments=("Asystole", "True alarm")):
    """Write a record as that database has them: signals in a .mat file, comments in the header."""
    gains = {"mV": 3000.0, "NU": 10000.0, "mmHg": 20.0}
    columns = [np.round(np.asarray(x) * gains[unit]) for _, unit, x in leads]
    samples = np.column_stack(columns).astype("<i2")
    (folder / f"{name}.mat").write_bytes(bytes(24) + samples.tobytes())
    lines = [f"{name} {len(leads)} {FS} {len(samples)}"]
    for (title, unit, _), column in zip(leads, samples.T, strict=True):
        total = int(np.int16(np.int64(column.astype(np.int64).sum()) & 0xFFFF))
        lines.append(f"{name}.mat 16+24 {gains[unit]:g}/{unit} 16 0 {column[0]} {total} 0 {title}")
    lines += [f"#{text}" for text in comments]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", "ascii")


def said(folder, *lines):
    log = folder / "r1.jsonl"
    told = [
        {"kind": "finding", "id": f"{k}", "code": code, "state": state, "onset_sample": at * FS,
         "emitted_sample": on * FS, "value": None, "evidence": {}}
        for k, code, state, at, on in lines
    ]  # fmt: skip
    log.write_text("".join(json.dumps(line) + "\n" for line in told), "utf-8")
    return read_said(log)


def quiet(seconds):
    return [("II", "mV", np.zeros(seconds * FS)), ("PLETH", "NU", np.full(seconds * FS, 0.5))]


@pytest.mark.parametrize(
    ("comments", "alarm"),
    [
        (("Asystole", "True alarm"), Bedside("Asystole", True)),
        (("Ventricular_Flutter_Fib", "False alarm"), Bedside("Ventricular_Flutter_Fib", False)),
        (("Asystole",), None), (("70 M", "False alarm"), None), ((), None),
    ],
)  # fmt: skip
def test_the_header_says_which_alarm_there_was(tmp_path, comments, alarm):
    monitor_record(tmp_path, "r1", quiet(2), comments)
    assert bedside_of(tmp_path / "r1") == alarm


@pytest.mark.parametrize(
    ("lines", "confirmed"),
    [
        ([(1, "asystole", "onset", 294, 299)], True),
        ([(1, "asystole", "onset", 280, 285)], True),  # it stands still
        ([(1, "asystole", "onset", 280, 285), (1, "asystole", "offset", 292, 293)], True),
        ([(1, "asystole", "onset", 280, 285), (1, "asystole", "offset", 289, 290)], False),
        ([(1, "asystole", "onset", 297, 302)], False),  # told too late
        ([(1, "vf", "onset", 294, 299)], False),
        ([], False),
    ],
)
def test_an_alarm_is_confirmed_by_what_stands_before_it_and_is_known(tmp_path, lines, confirmed):
    monitor_record(tmp_path, "r1", quiet(330))
    alarm = Bedside("Asystole", True)
    found = verdict(read_reference(tmp_path / "r1"), said(tmp_path, *lines), alarm)
    assert found == Verdict(alarm, confirmed)


def test_a_missed_alarm_weighs_five_times_a_false_one():
    counts = {(True, True): 6, (True, False): 1, (False, True): 2, (False, False): 8}
    verdicts = [
        Verdict(Bedside("Asystole", true), confirmed)
        for (true, confirmed), n in counts.items()
        for _ in range(n)
    ]
    row = figures(verdicts)
    assert row["score"] == pytest.approx(100 * (6 + 8) / (6 + 8 + 2 + 5 * 1))
    assert (row["tp"], row["fn"], row["fp"], row["tn"]) == (6, 1, 2, 8)


def test_records_of_monitors_are_scored_by_the_rules_of_2015(tmp_path: Path) -> None:
    """Five V at 110/min at the end: VT by the rules of 2015, none by those for people."""
    r_s = 0.5 + np.cumsum([0.8] * 69 + [60 / 110] * 5)
    shapes = [NORMAL] * 69 + [WIDE] * 5
    x = ecg(r_s, FS, 60, shapes=shapes, noise_mv=0.01)
    t = np.arange(len(x)) / FS
    leads = [("II", "mV", x), ("V", "mV", 0.5 * x), ("PLETH", "NU", 0.5 + 0.1 * np.sin(7.85 * t)),
             ("ABP", "mmHg", 80 + 20 * np.sin(7.85 * t))]  # fmt: skip
    monitor_record(tmp_path, "v1", leads, ("Ventricular_Tachycardia", "True alarm"))
    scores = {}
    for profile in ("", "cinc2015"):
        out = tmp_path / f"out{profile}"
        given = ["evaluate", str(tmp_path / "v1"), "--out", str(out), "--chunk-ms", "1000"]
        given += ["--profile", profile] if profile else []
        done = CliRunner().invoke(build(), given, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        tables = json.loads((out / "v1" / "evaluate.json").read_text("utf-8"))["tables"]
        scores[profile] = tables["bedside_alarms"]["gross"]["score"]
    assert scores == {"": 0.0, "cinc2015": 100.0}
