"""Alarms per person-day; those that the reference's own beats fulfil are counted apart."""

from __future__ import annotations

from collections.abc import Sequence

from loadtest.evaluate import alarms
from loadtest.evaluate.cases import Case, Part, Setting
from loadtest.evaluate.figures import Row, Table

_RECORDS = {
    "high": "high", "high_fulfilled": "fulfilled", "high_false": "false",
    "high_unknown": "cannot tell", "medium": "medium",
    "low": "low", "technical": "technical", "days": "days",
    "high_false_per_day": "false high a day", "high_false_per_day_bound": "95 % below",
}  # fmt: skip


def judge(cases: Sequence[Case], setting: Setting) -> Part | None:
    """Count the alarms of records."""
    judged = [case for case in cases if not case.is_table]
    if not judged:
        return None
    scores = {case.name: alarms.score(case.reference, case.said) for case in judged}
    gross = alarms.summed(list(scores.values()))
    rows: dict[str, Row] = {
        name: alarms.figures(score) for name, score in scores.items() if score.raised
    }
    rows["gross"] = row = alarms.figures(gross)
    part = Part(
        "Alarms",
        "An alarm is fulfilled where the reference's own beats or rhythms meet its definition "
        "(CLINICAL 3.7) within 2 s, and false where they do not; a reference without beats cannot "
        "tell of most. Without an event near: the reference meets no definition of a high alarm "
        "within a minute. Records without an alarm are left out of the table.",
    )
    part.checks = [
        setting.check(
            "high_false_per_day", "false high alarms a person-day", row["high_false_per_day"], "",
            f"{row['high_false']:.0f} in {row['days']:.2f} days, "
            f"95 % below {row['high_false_per_day_bound']:.2f}; "
            f"{row['high_fulfilled']:.0f} more are fulfilled, of {row['high_unknown']:.0f} the "
            "reference cannot tell",
        )
    ]  # fmt: skip
    if row["calm_days"]:
        part.checks.append(
            setting.check(
                "calm_false_per_day", "... in time without an event near",
                row["calm_false_per_day"], "",
                f"{row['calm_false']:.0f} in {row['calm_days']:.2f} days, "
                f"95 % below {row['calm_false_per_day_bound']:.2f}",
            )
        )  # fmt: skip
    part.tables = [
        Table("alarm_codes", "alarm", alarms.code_rows(gross),
              {"raised": "raised", "fulfilled": "fulfilled", "not_fulfilled": "not",
               "unknown": "cannot tell", "per_day": "a person-day"}),
        Table("alarms", "record", rows, _RECORDS),
    ]  # fmt: skip
    return part
