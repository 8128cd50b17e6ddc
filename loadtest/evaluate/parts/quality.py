"""Recordings that have a class (cinc2017): is noise told, is AF, what is alarmed of the normal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from loadtest.evaluate import plots, quality, strips
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table, percent

NOISY, AF, NORMAL, OTHER = "~", "A", "N", "O"
_NAMES = {NORMAL: "N normal", AF: "A fibrillation", OTHER: "O other rhythm", NOISY: "~ noisy"}
_STRIPS = 12
_STRIP_S = 20.0


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score recordings by the class that is given for the whole of each."""
    classes: dict[str, str] = {}
    for folder in {case.path.parent for case in cases}:
        classes |= quality.read_classes(folder)
    judged = [case for case in cases if case.name in classes]
    if not judged:
        return None
    score = {case.name: quality.mean_score(case.said, case.reference.fs_hz) for case in judged}
    of = {name: classes[name] for name in score}
    noisy = np.array([value for name, value in score.items() if of[name] == NOISY])
    clean = np.array([value for name, value in score.items() if of[name] != NOISY])
    rows = {
        _NAMES[label]: row
        for label in (NORMAL, AF, OTHER, NOISY)
        if (row := _row([case for case in judged if of[case.name] == label], score))
    }
    part = Part(
        "Classes of recordings",
        "Each recording of 9 to 60 s has one class. Quality: the mean score of its seconds, class "
        "~ against all others. AF: a recording is called AF if a finding of it stands at any "
        "time, class A against N and O.",
    )
    area = quality.area(clean, noisy)
    row_a, rest = rows.get(_NAMES[AF], {}), [rows.get(_NAMES[x], {}) for x in (NORMAL, OTHER)]
    called = sum(row.get("af", 0) for row in rest)
    others = sum(row.get("recordings", 0) for row in rest)
    part.checks = [
        setting.check("auc", "noisy against clean, area under the curve", area, ""),
        setting.check("af_record_se", "AF by recording, Se", row_a.get("af_percent", np.nan), "%",
                      "the rule asks for 127 intervals; few recordings have as many"),
        setting.check("af_record_sp", "AF by recording, Sp", 100.0 - percent(called, others), "%"),
    ]  # fmt: skip
    if NORMAL in of.values():
        normal = rows[_NAMES[NORMAL]]
        part.checks.append(
            setting.check("normal_alarmed", "normal recordings with an alarm of heart or rhythm",
                          percent(normal["alarmed"], normal["recordings"]), "%",
                          f"{normal['high']:.0f} with a high one, in {normal['hours']:.2f} h")
        )  # fmt: skip
    part.tables = [
        Table("classes_of_recordings", "class", rows,
              {"recordings": "recordings", "hours": "hours", "score": "score, median",
               "score_p10": "10 %", "score_p90": "90 %", "below_fair": "below 0.5",
               "af": "called AF", "alarmed": "with alarm", "high": "high"}),
    ]  # fmt: skip
    part.pictures = [
        ("Score of recordings: ROC, and both distributions",
         lambda: plots.roc({setting.database: (clean, noisy)})),
    ]  # fmt: skip
    by_score = sorted(judged, key=lambda case: score[case.name])
    good_noise = [case for case in reversed(by_score) if of[case.name] == NOISY][:_STRIPS]
    bad_clean = [case for case in by_score if of[case.name] != NOISY][:_STRIPS]
    part.strips = [
        lambda: iter([strips.group("Noisy, but scored high", "The first 20 s.",
                                   [_strip(case, score, of) for case in good_noise])]),
        lambda: iter([strips.group("Not noisy, but scored low", "The first 20 s.",
                                   [_strip(case, score, of) for case in bad_clean])]),
    ]  # fmt: skip
    return part


def _row(cases: Sequence[Case], score: dict[str, float]) -> Row:
    if not cases:
        return {}
    values = np.array([score[case.name] for case in cases])
    alarms = [
        Counter(alarm.priority for alarm in case.said.raised if alarm.priority != "technical")
        for case in cases
    ]
    af = sum(any(line.code == "af" for line in case.said.findings) for case in cases)
    low, middle, high = np.nanpercentile(values, [10, 50, 90]).tolist()
    return {
        "recordings": len(cases),
        "hours": sum(case.reference.hours for case in cases),
        "score": middle, "score_p10": low, "score_p90": high,
        "below_fair": int(np.sum(values < quality.FAIR)),
        "af": af,
        "af_percent": percent(af, len(cases)),
        "alarmed": sum(bool(some) for some in alarms),
        "high": sum(bool(some["high"]) for some in alarms),
    }  # fmt: skip


def _strip(case: Case, score: dict[str, float], of: dict[str, str]) -> str:
    title = f"{case.name}, class {of[case.name]}, score {score[case.name]:.2f}"
    mv = case.reference.ecg(0.0, _STRIP_S)
    return strips.drawn(strips.Strip(title, 0.0, case.reference.fs_hz, mv))
