"""Alarms of bedside monitors that the engine confirms or does not, by kind."""

from __future__ import annotations

from collections.abc import Sequence

from loadtest.evaluate import challenge
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table

_COLUMNS = {
    "alarms": "alarms", "tp": "true, confirmed", "fn": "true, not", "fp": "false, confirmed",
    "tn": "false, not", "se": "Se", "sp": "Sp", "score": "score",
}  # fmt: skip


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Score records whose header tells of an alarm."""
    verdicts = {}
    for case in cases:
        alarm = None if case.is_table else challenge.bedside_of(case.reference.stem)
        if alarm is not None:
            verdicts[case.name] = challenge.verdict(case.reference, case.said, alarm)
    if not verdicts:
        return None
    rows: dict[str, Row] = {}
    for kind in challenge.CODES:
        of_kind = [one for one in verdicts.values() if one.alarm.kind == kind]
        if of_kind:
            rows[kind.replace("_", " ")] = challenge.figures(of_kind)
    rows["gross"] = gross = challenge.figures(list(verdicts.values()))
    part = Part(
        "Alarms of bedside monitors",
        "A record's header names an alarm at its 300th second and says whether it is true; it is "
        "confirmed where the condition stands in the 10 s before and was told by then. Score: "
        "(TP + TN) / (TP + TN + FP + 5 FN).",
    )
    part.checks = [
        setting.check("challenge_score", "score of the challenge of 2015", gross["score"], "%",
                      f"Se {gross['se']:.1f}, Sp {gross['sp']:.1f} of {gross['alarms']:.0f}")
    ]  # fmt: skip
    part.tables = [Table("bedside_alarms", "alarm", rows, _COLUMNS)]
    return part
