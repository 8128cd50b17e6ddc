"""Blocks of figures in a document, between marks, that an evaluation writes anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtest.evaluate.figures import Check, Row
from loadtest.evaluate.run import Evaluation
from loadtest.evaluate.text import WORDS, goal, shown
from processors.errors import SettingError

_RECORD_COLUMNS = ("beats", "qrs_se", "qrs_ppv", "veb_se", "veb_ppv")
_BLOCK = re.compile(
    r"(?P<begin><!-- evaluate (?P<name>\S+): begin -->\n)(?P<inside>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)


def block(evaluation: Evaluation) -> str:
    """Give what stands between the marks: where it comes from, goals, and beats by record."""
    name = evaluation.setting.database
    hours = f", {evaluation.hours:.1f} h" if evaluation.hours else ""
    lines = [
        f"`{evaluation.command}` at commit {evaluation.commit}: {len(evaluation.records)} "
        f"recordings{hours}, pieces of {evaluation.setting.chunk_ms} ms.",
        "",
        f"| {name} | measured | goal | met | others | |",
        "|---|---|---|---|---|---|",
        *(_line(check) for check in evaluation.checks),
        "",
    ]
    tables = {table.key: table for part in evaluation.parts for table in part.tables}
    if "beats" in tables:
        titles = ("beats", "QRS Se", "+P", "VEB Se", "+P")
        lines += _table("record", titles, tables["beats"].rows, _RECORD_COLUMNS)
    if "noise" in tables:
        noise = tables["noise"]
        lines += _table("noise", tuple(noise.columns.values()), noise.rows, tuple(noise.columns))
    return "\n".join(lines)


def _line(check: Check) -> str:
    value = f"{shown(check.value)} {check.unit}".strip()
    met = WORDS[check.met]
    cells = (check.title, value, goal(check), f"**{met}**" if met == "no" else met,
             check.baseline, check.note)  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _table(
    head: str, titles: Sequence[str], rows: Mapping[str, Row], columns: Sequence[str]
) -> list[str]:
    return [
        "| " + " | ".join((head, *titles)) + " |",
        "|---" * (1 + len(titles)) + "|",
        *(
            "| " + " | ".join((name, *(shown(row.get(column)) for column in columns))) + " |"
            for name, row in rows.items()
        ),
        "",
    ]


def rewritten(text: str, name: str, inside: str) -> str:
    r"""Give a document with one block replaced.

    >>> rewritten("a\n<!-- evaluate x: begin -->\nold\n<!-- end -->\nb", "x", "new\n")
    'a\n<!-- evaluate x: begin -->\nnew\n<!-- end -->\nb'

    Raises
    ------
    LookupError
        The document has no such block.
    """
    for found in _BLOCK.finditer(text):
        if found["name"] == name:
            return text[: found.start("inside")] + inside + text[found.end("inside") :]
    raise LookupError(name)


def update(path: Path, evaluation: Evaluation) -> None:
    """Write the block of an evaluation into a document.

    Raises
    ------
    SettingError
        The document cannot be read, or has no block for it; or the code differs from its commit.
    """
    name = evaluation.setting.database
    if not evaluation.commit or evaluation.commit.endswith("+"):
        raise SettingError("--docs", "figures name a commit: the code that runs has to be one")
    try:
        path.write_text(rewritten(path.read_text("utf-8"), name, block(evaluation)), "utf-8")
    except OSError as error:
        raise SettingError("--docs", f"{path} cannot be written ({error.strerror})") from error
    except LookupError as error:
        problem = f"{path} has no line <!-- evaluate {name}: begin -->"
        raise SettingError("--docs", problem) from error
