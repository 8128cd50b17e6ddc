"""Figures as text: for a terminal, and as Markdown for the documents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from loadtest.evaluate.figures import Check, Table
from loadtest.evaluate.run import Evaluation

WORDS = {True: "yes", False: "no", None: ""}


def shown(value: float | None) -> str:
    """Give a figure: counts whole, rates with two digits, nothing as a dash.

    >>> [shown(v) for v in (3, 12345, 99.8412, 1994.4, 0.9554, 0.004, math.nan)]
    ['3', '12,345', '99.84', '1,994', '0.955', '0.004', '-']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def goal(check: Check) -> str:
    """Say what is demanded of a figure."""
    if math.isnan(check.limit):
        return ""
    return f"{'<=' if check.at_most else '>='} {shown(check.limit)}"


def cells(table: Table) -> Iterator[tuple[str, ...]]:
    """Give the rows of a table with only what is shown."""
    for name, row in table.rows.items():
        yield (name, *(shown(row.get(key)) for key in table.columns))


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Give lines of columns: the first to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = (cell for cell in row)
        yield "  ".join(
            [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        ).rstrip()


def lines(evaluation: Evaluation) -> Iterator[str]:
    """Give an evaluation for a terminal: goals first, then the tables."""
    setting = evaluation.setting
    yield (
        f"{setting.database}: {len(evaluation.records)} recordings, {evaluation.hours:.1f} h, "
        f"pieces of {setting.chunk_ms} ms, commit {evaluation.commit or 'unknown'}"
    )
    if evaluation.checks:
        yield ""
        head = ("figure", "", "", "goal", "met")
        rows = [
            (check.title, shown(check.value), check.unit, goal(check), WORDS[check.met])
            for check in evaluation.checks
        ]
        notes = [
            "; ".join(text for text in (check.note, check.baseline and f"others: {check.baseline}")
                      if text)
            for check in evaluation.checks
        ]  # fmt: skip
        for line, note in zip(aligned([head, *rows]), ["", *notes], strict=True):
            yield f"{line}   {note}".rstrip()
    for part in evaluation.parts:
        for table in part.tables[:1]:  # all of them are in the files
            yield ""
            yield from aligned([(table.title, *table.columns.values()), *cells(table)])
