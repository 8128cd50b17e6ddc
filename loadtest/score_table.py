"""Scores as lines of text for a terminal, and what is demanded of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadtest.scoring import Scores
from loadtest.verdicts import Verdict, judge
from processors.errors import SettingError

_NAME = 28
COLUMNS = (  # title, key, form
    ("planted", "required", "count"),
    ("missed", "missed", "count"),
    ("false", "false", "count"),
    ("again", "again", "count"),
    ("may be", "allowed", "count"),
    ("Se", "sensitivity", "percent"),
    ("PPV", "positive_predictive_value", "percent"),
    ("late s", "delay_median_s", "figure"),
    ("p95", "delay_p95_s", "figure"),
)
DEMANDED = ("sensitivity", "positive_predictive_value")


def lines(scores: Scores) -> Iterator[str]:
    """Give the scores of findings, alarms and values."""
    told = scores.plain()
    for title, rows in (("finding", told["codes"]), ("alarm", told["alarms"])):
        if rows:
            yield title.ljust(_NAME) + "".join(f"{name:>8}" for name, _, _ in COLUMNS)
            yield from (_row(code, row) for code, row in rows.items())
            yield ""
    if told["values"]:
        yield "value".ljust(_NAME) + f"{'windows':>8}{'known':>8}  error: median, p95"
        for name, row in told["values"].items():
            yield from _value(name.partition(":")[2], row)
        yield ""
    yield (
        f"all findings: Se {form(told['sensitivity'], 'percent')} %, "
        f"PPV {form(told['positive_predictive_value'], 'percent')} %, "
        f"{form(told['participant_hours'], 'figure')} participant hours"
    )
    for says, names in (
        ("planted, but no detector yet", told["no_detector"]),
        ("true, but no feature yet", told["no_feature"]),
        ("found, but of unknown truth", [f"{k} {n}" for k, n in told["not_judged"].items()]),
    ):
        if names:
            yield f"{says}: {', '.join(names)}"


def faults(scores: Scores) -> Iterator[str]:
    """Give a line for each row that was missed and each finding that was false."""
    for code, each in sorted(scores.codes.items()):
        for row in each.missed_rows:
            cause = f" ({row.cause})" if row.cause else ""
            yield f"missed {code} {row.participant} at {row.onset_s:.1f} s{cause}"
        for emitted in each.false_rows:
            who = emitted.finding.participant
            yield f"false {code} {who} known at {emitted.emitted_s:.1f} s"


def demands(given: Sequence[str]) -> dict[str, float]:
    """Read what is demanded: ``sensitivity=0.95``.

    Raises
    ------
    SettingError
        Nothing of that name is scored, or the limit is no share.
    """
    found = {}
    for text in given:
        name, _, limit = text.partition("=")
        try:
            share = float(limit)
        except ValueError:
            share = math.nan
        if name not in DEMANDED or not 0.0 <= share <= 1.0:
            form = " or ".join(f"{known}=0.9" for known in DEMANDED)
            raise SettingError("--require", f"expected {form}, found {text!r}")
        found[name] = share
    return found


def judged(scores: Scores, limits: Mapping[str, float]) -> list[Verdict]:
    """Give a verdict for each demand."""
    return judge(limits, {name: float(getattr(scores, name)) for name in DEMANDED})


def _row(code: str, row: Mapping[str, Any]) -> str:
    return code.ljust(_NAME) + "".join(f"{form(row[key], kind):>8}" for _, key, kind in COLUMNS)


def _value(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    head = name.ljust(_NAME) + f"{row['windows']:>8}{row['known']:>8}"
    for column, error in row["errors"].items():
        median, p95 = (form(error[k], "figure") for k in ("median_absolute", "p95_absolute"))
        yield f"{head}  {column} {median}, {p95}"
        head = " " * len(head)
    if not row["errors"]:
        yield head


def form(value: float, kind: str) -> str:
    """Give a figure as text, a count, a share in percent or a number; a dash where not known."""
    if kind == "count":
        return str(value)
    if math.isnan(value):
        return "-"
    return f"{100.0 * value:.1f}" if kind == "percent" else f"{value:.3g}"
