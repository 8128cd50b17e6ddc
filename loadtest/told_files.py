"""Findings, alarms and features as files: written by a run, read from whatever there is.

What can be read: the lines of ``vitals truth run``, those of ``vitals annotate``, folders of
either, and the store of a ``vitals run``.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from device_bridges.simulator.truth_rows import TruthError, json_lines
from loadtest.matching import Emitted
from loadtest.offline import AlarmLine, raised
from loadtest.scoring import RaisedAlarm
from loadtest.value_errors import FEATURE_OF
from processors.errors import InputError
from processors.records import NS_PER_S, STATE_WORDS, Finding
from streams.stores import FEATURES, SeriesRows
from streams.stores.sqlite import SqliteStore

STORE_MAGIC = b"SQLite format 3\0"
STORE_NAME = "vitals.sqlite"
NOT_FINDINGS = ("truth.jsonl",)
_ALL = 1_000_000_000  # rows asked of a store
_LARGEST_S = 1e9  # s, default: a time beyond is none; what is left of int64 for base_ns


class ToldError(InputError):
    """A file of findings cannot be used."""


@dataclass(slots=True)
class ToldThings:
    """What was read."""

    findings: list[Emitted] = field(default_factory=list)
    alarms: list[RaisedAlarm] = field(default_factory=list)
    features: list[SeriesRows] = field(default_factory=list)

    def add(self, other: ToldThings) -> None:
        """Take in what another file holds."""
        self.findings += other.findings
        self.alarms += other.alarms
        self.features += other.features


def finding_line(emitted: Emitted) -> dict[str, Any]:
    """Give a finding as a line of JSON, as ``vitals annotate`` writes it for times in seconds."""
    finding = emitted.finding
    return {
        "kind": "finding",
        "participant": finding.participant,
        "id": finding.id,
        "revision": finding.revision,
        "code": finding.code,
        "state": finding.state,
        "onset_t_s": finding.at_ns / NS_PER_S,
        "emitted_t_s": emitted.emitted_s,
        "value": _number(finding.value),
        "evidence": {name: _number(value) for name, value in finding.evidence.items()},
    }


def alarm_line(alarm: AlarmLine) -> dict[str, Any]:
    """Give a change of an alarm as a line of JSON."""
    return {**asdict(alarm), "change": alarm.kind, "kind": "alarm"}


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write objects, one a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def read_told(
    paths: Sequence[Path], *, base_ns: int, participants: Iterable[str], fs_hz: float | None = None
) -> ToldThings:
    """Read findings, alarms and features of files, folders and stores.

    Parameters
    ----------
    base_ns
        Time of the start on the time base of a store.
    participants
        Whose features to read of a store.
    fs_hz
        Of lines whose positions are samples; None: of the annotation file beside them.

    Raises
    ------
    ToldError
        A file cannot be read or is none of these; a folder holds none.
    """
    told = ToldThings()
    people = sorted(set(participants))
    for path in _files(paths):
        if _is_store(path):
            told.add(_read_store(path, base_ns, people))
        else:
            told.add(_read_lines(path, fs_hz))
    return told


def _files(paths: Sequence[Path]) -> list[Path]:
    """Give the files that are meant: of a folder its lines, or else its store."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        lines = [each for each in sorted(path.glob("*.jsonl")) if each.name not in NOT_FINDINGS]
        store = path / STORE_NAME
        if not lines and not store.is_file():
            raise ToldError(str(path), f"expected files NAME.jsonl or {STORE_NAME}, found neither")
        found += lines or [store]
    return found


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(STORE_MAGIC)) == STORE_MAGIC
    except OSError as error:
        raise ToldError(str(path), f"cannot be read ({error.strerror})") from error


# --- lines ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lines:
    """What the lines of one file come to; a file of ``annotate`` is about who it is named for."""

    path: Path
    stem: str
    fs_hz: float | None
    told: ToldThings = field(default_factory=ToldThings)
    onset_s: dict[str, float] = field(default_factory=dict)
    changes: list[AlarmLine] = field(default_factory=list)
    features: dict[str, list[tuple[str, float, dict[str, float]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def take(self, line: Mapping[str, Any]) -> None:
        kind = line.get("kind")
        who = str(line.get("participant", self.stem))
        if kind == "finding":
            self._finding(line, who)
        elif kind == "alarm" and "change" in line:
            self.changes.append(_change(line))
        elif kind == "alarm" and line["state"] == "active":
            self._alarm(line, who)
        elif kind == "feature":
            values = {str(k): _value(v) for k, v in line["values"].items()}
            self.features[str(line["name"])].append((who, self._time(line, ""), values))

    def _finding(self, line: Mapping[str, Any], who: str) -> None:
        state = str(line["state"])
        if state not in STATE_WORDS:
            raise ValueError(f"state {state!r}")
        onset_s, emitted_s = self._time(line, "onset_"), self._time(line, "emitted_")
        if state != "offset":
            self.onset_s[str(line["id"])] = onset_s
        finding = Finding(
            id=f"{who}/{line['id']}",
            revision=int(line["revision"]),
            participant=who,
            code=str(line["code"]),
            state=state,
            onset_ns=round(onset_s * NS_PER_S),
            at_ns=round(onset_s * NS_PER_S),
            t_ns=round(emitted_s * NS_PER_S),
            value=_value(line.get("value")),
            evidence={str(k): float(v) for k, v in line["evidence"].items() if v is not None},
        )
        self.told.findings.append(Emitted(finding, emitted_s))

    def _alarm(self, line: Mapping[str, Any], who: str) -> None:
        raised_s = self._time(line, "emitted_")
        onset_s = self.onset_s.get(str(line["id"]).removeprefix("a"), self._time(line, ""))
        self.told.alarms.append(RaisedAlarm(who, str(line["code"]), onset_s, raised_s))

    def _time(self, line: Mapping[str, Any], which: str) -> float:
        """Give a time of a line, s."""
        if f"{which}t_s" in line:
            at_s = float(line[f"{which}t_s"])
        else:
            if self.fs_hz is None:
                self.fs_hz = _rate_beside(self.path)
            at_s = float(line[f"{which}sample"]) / self.fs_hz
        if not abs(at_s) <= _LARGEST_S:
            raise ValueError(f"time {at_s!r}")
        return at_s

    def done(self) -> ToldThings:
        self.told.alarms += raised(self.changes)
        for name, rows in self.features.items():
            columns = tuple(dict.fromkeys(c for _, _, values in rows for c in values))
            self.told.features.append(
                SeriesRows(
                    FEATURES,
                    name,
                    columns,
                    [who for who, _, _ in rows],
                    np.array([round(at_s * NS_PER_S) for _, at_s, _ in rows], np.int64),
                    np.array([[v.get(c, math.nan) for c in columns] for _, _, v in rows]),
                )
            )
        return self.told


def _read_lines(path: Path, fs_hz: float | None) -> ToldThings:
    lines = _Lines(path, path.stem, fs_hz)
    try:
        for number, line in json_lines(path):
            try:
                lines.take(line)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                if isinstance(error, ToldError):
                    raise
                problem = f"is no line of findings ({error!r})"
                raise ToldError(f"{path}:{number}", problem) from error
    except TruthError as error:
        raise ToldError(error.where, error.problem) from error
    return lines.done()


def _change(line: Mapping[str, Any]) -> AlarmLine:
    return AlarmLine(
        participant=str(line["participant"]),
        code=str(line["code"]),
        priority=str(line["priority"]),
        kind=str(line["change"]),
        id=str(line["id"]),
        onset_s=float(line["onset_s"]),
        t_s=float(line["t_s"]),
        emitted_s=float(line["emitted_s"]),
    )


def _value(value: Any) -> float:
    return math.nan if value is None else float(value)


def _rate_beside(path: Path) -> float:
    """Give the sampling rate that the annotation file beside some lines names."""
    import wfdb

    notes = path.with_suffix(".vit")
    problem = f"positions are samples, and {notes.name} does not say how many a second has"
    try:
        rate = wfdb.rdann(str(notes.with_suffix("")), "vit").fs
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ToldError(str(path), f"{problem}: give --fs-hz") from error
    if not rate or not math.isfinite(rate):
        raise ToldError(str(path), f"{problem}: give --fs-hz")
    return float(rate)


# --- store ----------------------------------------------------------------------------------------


def _read_store(path: Path, base_ns: int, people: Sequence[str]) -> ToldThings:
    """Read a store; when a finding became known is by the clock of the device."""
    told = ToldThings()
    store = SqliteStore(path)
    try:
        for last in store.findings(limit=_ALL):
            told.findings += [_since(base_ns, each) for each in store.finding_history(last.id)]
        for alarm in store.alarms(limit=_ALL):
            began = [each for each in store.alarm_history(alarm.id) if each.kind == "raised"]
            if began:
                onset_s, raised_s = (
                    (t_ns - base_ns) / NS_PER_S for t_ns in (alarm.onset_ns, began[0].t_ns)
                )
                told.alarms.append(
                    RaisedAlarm(alarm.participant, alarm.code, onset_s, raised_s, by_device=True)
                )
        for name in dict.fromkeys(feature.name for feature in FEATURE_OF.values()):
            for who in people:
                found = store.series(FEATURES, name, who, base_ns, 2**63 - 1)
                if len(found.t_ns):
                    whose = [who] * len(found.t_ns)
                    t_ns = found.t_ns - base_ns
                    told.features.append(
                        SeriesRows(FEATURES, name, found.columns, whose, t_ns, found.values)
                    )
    finally:
        store.close()
    return told


def _since(base_ns: int, finding: Finding) -> Emitted:
    """Give a finding with its times since the start."""
    moved = replace(
        finding,
        onset_ns=finding.onset_ns - base_ns,
        at_ns=finding.at_ns - base_ns,
        t_ns=finding.t_ns - base_ns,
    )
    return Emitted(moved, moved.t_ns / NS_PER_S, by_device=True)
