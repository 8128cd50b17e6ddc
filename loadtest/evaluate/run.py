"""Annotate recordings as ``vitals annotate`` does, score what was said, lay it out in parts."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.policy import load_policy
from device_bridges.replay.link import Source, find_recordings
from loadtest.evaluate.cases import Case, Judge, Part, Setting
from loadtest.evaluate.databases import Database
from loadtest.evaluate.figures import Check
from loadtest.evaluate.parts import (
    alarms,
    beats,
    challenge,
    fibrillation,
    quality,
    recovery,
    rhythms,
)
from processors.errors import InputError, SettingError
from processors.profiles import NO_RULES, Rules
from streams.annotate import Options, Progress, annotate
from streams.annotations import record_file_names

_CODE = (":/*.py", ":/*.toml")  # what figures hang on
JUDGES: tuple[Judge, ...] = (
    beats.judge,
    fibrillation.judge,
    rhythms.judge,
    quality.judge,
    recovery.judge,
    challenge.judge,
    alarms.judge,
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found of a database.

    Attributes
    ----------
    command
        What was asked for, to ask for it again.
    commit
        Of the code that ran; empty outside a checkout.
    """

    setting: Setting
    says: str
    command: str
    commit: str
    records: tuple[str, ...]
    hours: float
    parts: tuple[Part, ...]

    @property
    def checks(self) -> list[Check]:
        return [check for part in self.parts for check in part.checks]

    def plain(self) -> dict[str, Any]:
        """Give everything as plain numbers, for files."""
        return {
            "database": self.setting.database,
            "command": self.command,
            "commit": self.commit,
            "lead": "all" if self.setting.lead is None else self.setting.lead,
            "chunk_ms": self.setting.chunk_ms,
            "hours": self.hours,
            "records": list(self.records),
            "checks": {
                check.figure: {
                    "value": check.value, "unit": check.unit, "goal": check.limit,
                    "at_most": check.at_most, "met": check.met, "baseline": check.baseline,
                }
                for part in self.parts for check in part.checks
            },
            "tables": {
                table.key: {name: dict(row) for name, row in table.rows.items()}
                for part in self.parts for table in part.tables
            },
        }  # fmt: skip


def chosen(
    database: Database, records: Collection[str], among: Collection[str] | None
) -> list[Source]:
    """Find the recordings of a database, all or those asked for.

    Raises
    ------
    SettingError
        A record that was asked for is not there, or none is left.
    """
    found = find_recordings(database.paths, beats_extension=database.beats_extension).sources
    names = {source.participant for source in found}
    for name in records:
        if name not in names:
            raise SettingError("--record", f"expected a record of {database.name}, found {name!r}")
    wanted = set(records) or names
    if among is not None:
        wanted &= set(among)
    sources = [source for source in found if source.participant in wanted]
    if not sources:
        raise SettingError("--set", f"no record of it is in {database.name}")
    return sources


def play(
    sources: Sequence[Source],
    database: Database,
    setting: Setting,
    out: Path,
    *,
    values: Mapping[str, float] | None = None,
    rules: Rules = NO_RULES,
    fault: Callable[[InputError | SettingError], None],
    show: Callable[[int, float], None] = lambda _, __: None,
) -> Progress:
    """Stream recordings through the engine into files of `out`.

    Parameters
    ----------
    values, rules
        Who everybody is, and numbers of processors in place of their own.
    show
        Told how many recordings and how many seconds of signal are done.
    """

    def progress(at: Progress) -> None:
        show(at.done, at.signal_s)

    out.mkdir(parents=True, exist_ok=True)
    options = Options(
        out=out,
        lead=setting.lead,
        chunk_ns=setting.chunk_ms * 1_000_000,
        profile=values,
        rules=rules,
        streams=database.streams,
    )
    return annotate(sources, options, policy=load_policy(), fault=fault, progress=progress)


def cases_of(sources: Sequence[Source], out: Path) -> list[Case]:
    """Give what was said of recordings; those of which nothing was written are left out."""
    files = record_file_names(source.participant for source in sources)
    cases = [
        Case(source.participant, source.path, out / f"{files[source.participant]}.jsonl",
             has_signal=not source.beats_extension)
        for source in sources
    ]  # fmt: skip
    return [case for case in cases if case.log.is_file()]


def judged(
    cases: Sequence[Case],
    setting: Setting,
    says: str,
    command: str,
    judges: Sequence[Judge] = JUDGES,
) -> Evaluation:
    """Score recordings by every judge that has something to say of them."""
    parts = [part for judge in judges if (part := judge(cases, setting)) is not None]
    hours = math.fsum(case.reference.hours for case in cases if not case.is_table)
    names = tuple(case.name for case in cases)
    return Evaluation(setting, says, command, commit(), names, hours, tuple(parts))


def commit() -> str:
    """Name the commit of this code; ``+`` where code differs from it, empty outside a checkout."""

    def git(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["git", *arguments],  # noqa: S607 - that of whoever develops here
            cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    try:
        name = git("rev-parse", "--short=7", "HEAD")
        return name + ("+" if git("status", "--porcelain", "-uno", "--", *_CODE) else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
