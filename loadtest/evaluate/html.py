"""The page of an evaluation: goals first, then each part with pictures, tables and strips."""

from __future__ import annotations

import html
from collections.abc import Iterator

from loadtest.evaluate import text
from loadtest.evaluate.cases import Part
from loadtest.evaluate.figures import Check
from loadtest.evaluate.run import Evaluation
from loadtest.page import document, picture, table

SUMS = ("gross", "average")
_LONG = 40  # rows: a longer table is folded


def page(evaluation: Evaluation) -> str:
    """Give the HTML; reads signals for the strips."""
    setting = evaluation.setting
    lead = "" if setting.lead is None else f", lead {setting.lead}"
    hours = f", {evaluation.hours:.1f} h" if evaluation.hours else ""  # of tables it is not known
    said = (
        f"{evaluation.says}. {len(evaluation.records)} recordings{hours}, "
        f"played through the live engine in pieces of {setting.chunk_ms} ms{lead}. "
        f"Commit {evaluation.commit or 'unknown'}, "
    )
    parts = [
        f"<h1>Evaluation: {html.escape(setting.database)}</h1>",
        f"<p class=note>{html.escape(said)}<code>{html.escape(evaluation.command)}</code>.</p>",
        _verdict(evaluation.checks),
        _checks(evaluation.checks),
    ]
    for part in evaluation.parts:
        parts += _part(part)
    return document(f"Evaluation: {setting.database}", parts)


def _verdict(checks: list[Check]) -> str:
    met = [check.met for check in checks if check.met is not None]
    if not met:
        return ""
    word = (
        "All goals of the development records are met."
        if all(met)
        else f"{sum(met)} of {len(met)} goals of the development records are met."
    )
    return f"<p class='verdict{'' if all(met) else ' bad'}'>{word}</p>"


def _checks(checks: list[Check]) -> str:
    rows = [
        (
            check.title,
            f"{text.shown(check.value)} {check.unit}".strip(),
            text.goal(check).replace("<=", "≤").replace(">=", "≥"),
            ("met" if check.met else "missed", text.WORDS[check.met])
            if check.met is not None
            else "",
            ("text", check.baseline),
            ("text note", check.note),
        )
        for check in checks
    ]
    head = ("figure", "measured", "goal", "met", ("text", "others"), ("text", ""))
    return table(head, rows) if rows else ""


def _part(part: Part) -> Iterator[str]:
    yield f"<h2>{html.escape(part.title)}</h2><p>{html.escape(part.says)}</p>"
    for caption, draw in part.pictures:
        yield picture(draw(), caption)
    for each in part.tables:
        rows = list(text.cells(each))
        if not rows:
            continue
        drawn = table((each.title, *each.columns.values()), rows, sums=SUMS)
        if each.says:
            drawn = f"<p class=note>{html.escape(each.says)}</p>{drawn}"
        if len(rows) > _LONG:
            drawn = (
                f"<details><summary>{html.escape(each.title)}: {len(rows)} rows</summary>"
                f"{drawn}</details>"
            )
        yield drawn
    for strips in part.strips:
        yield from strips()
