"""Records as rows of the SQLite tables, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.alarm import (
    Alarm,
    AlarmChange,
    AlarmState,
    alarm_from_plain,
    alarm_to_plain,
)
from alerts.audit import Audit
from alerts.lifecycle import stage
from processors.records import Finding
from registry.participants import Participant
from streams.stores import FEATURES, Acknowledgement, SeriesRows, StoredStrip

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS

FINDING_COLUMNS = (
    "id", "stage", "participant", "code", "state", "revision", "onset_ns", "at_ns", "t_ns",
    "value", "evidence",
)  # fmt: skip
ALARM_COLUMNS = (
    "id", "participant", "code", "priority", "sounds_as", "state", "latched", "sounding",
    "onset_ns", "t_ns", "acknowledged_by", "finding_id", "count", "suppressed", "value",
    "reason_en", "reason_ko", "raised_ns", "more",
)  # fmt: skip
ALARM_EVER = ("heard", "judged")  # what stays true of an alarm whatever it becomes
STRIP_COLUMNS = (
    "finding_id", "participant", "at_ns", "t0_ns", "fs_hz", "scale", "offset", "samples",
)  # fmt: skip
STATE_COLUMNS = ("participant", "t_ns", "plain")
AUDIT_COLUMNS = ("t_ns", "person", "action", "participant", "code", "reason", "details")
PARTICIPANT_COLUMNS = (
    "id", "name", "group", "age_years", "heart_rate_max", "heart_rate_rest", "event", "posture",
    "beta_blocker", "sensitive", "spo2_low", "place",
)  # fmt: skip

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Of an alarm, in one JSON column: what no question selects by.
_MORE = ("step", "reached", "inactivation", "useful", "evidence", "limits", "rule", "revision")

# Order of the changes that one moment can bring to one alarm.
_STEPS = (
    "restored", "raised", "realarmed", "repeated", "revised", "latched", "acknowledged", "ended",
    "suppressed", "sound", "escalated", "inactivated", "reactivated",
)  # fmt: skip


def finding_row(finding: Finding) -> tuple[Any, ...]:
    """Give the row of `FINDING_COLUMNS`; evidence that is not a number is left out."""
    evidence = {k: v for k, v in finding.evidence.items() if math.isfinite(v)}
    return (
        finding.id, stage(finding), finding.participant, finding.code, finding.state,
        finding.revision, finding.onset_ns, finding.at_ns, finding.t_ns, finding.value,
        json.dumps(evidence),
    )  # fmt: skip


def finding_of(row: Sequence[Any]) -> Finding:
    """Give the finding of a row."""
    key, _, participant, code, state, revision, onset_ns, at_ns, t_ns, value, evidence = row
    return Finding(
        key, revision, participant, code, state, onset_ns, at_ns, t_ns,
        _number(value), json.loads(evidence),
    )  # fmt: skip


def alarm_row(alarm: Alarm) -> tuple[Any, ...]:
    """Give the row of `ALARM_COLUMNS` and `ALARM_EVER`."""
    plain = _plain(alarm)
    plain["reason_en"], plain["reason_ko"] = plain["reason"]
    plain["more"] = _json({name: plain[name] for name in _MORE})
    return (*(plain[name] for name in ALARM_COLUMNS), alarm.sounding, alarm.useful)


def alarm_of(row: Sequence[Any]) -> Alarm:
    """Give the alarm of a row."""
    *first, en, ko, raised_ns, more = row
    plain = dict(zip(ALARM_COLUMNS, first, strict=False))
    plain["latched"], plain["sounding"] = bool(plain["latched"]), bool(plain["sounding"])
    return _alarm({**plain, "reason": (en, ko), "raised_ns": raised_ns, **json.loads(more)})


def change_row(change: AlarmChange) -> tuple[Any, ...]:
    """Give the row of ``alarm_changes``."""
    body = _json(_plain(change.alarm))
    return change.alarm.id, change.t_ns, _STEPS.index(change.kind), change.kind, body


def change_of(kind: str, t_ns: int, body: str) -> AlarmChange:
    """Give the change of a row."""
    return AlarmChange(kind, t_ns, _alarm(json.loads(body)))


def acknowledgement_row(change: AlarmChange) -> tuple[Any, ...]:
    """Give the row of ``acknowledgements`` for a change of that kind."""
    alarm = change.alarm
    return alarm.participant, change.t_ns, alarm.id, alarm.acknowledged_by


def acknowledgement_of(row: Sequence[Any]) -> Acknowledgement:
    """Give the acknowledgement of a row."""
    participant, t_ns, alarm_id, by = row
    return Acknowledgement(alarm_id, participant, by, t_ns)


def state_row(state: AlarmState) -> tuple[Any, ...]:
    """Give the row of `STATE_COLUMNS`."""
    return state.participant, state.t_ns, _json(state.plain)


def state_of(row: Sequence[Any]) -> AlarmState:
    """Give the state of a row."""
    participant, t_ns, plain = row
    return AlarmState(participant, t_ns, json.loads(plain))


def audit_row(audit: Audit) -> tuple[Any, ...]:
    """Give the row of `AUDIT_COLUMNS`."""
    return (*(getattr(audit, name) for name in AUDIT_COLUMNS[:-1]), _json(audit.details))


def audit_of(row: Sequence[Any]) -> Audit:
    """Give the audit record of a row."""
    t_ns, person, action, participant, code, reason, details = row
    return Audit(t_ns, person, action, participant, code, reason, json.loads(details))


def strip_row(strip: StoredStrip) -> tuple[Any, ...]:
    """Give the row of `STRIP_COLUMNS`."""
    samples = np.ascontiguousarray(strip.samples, "<i2").tobytes()
    return (*(getattr(strip, name) for name in STRIP_COLUMNS[:-1]), samples)


def strip_of(row: Sequence[Any]) -> StoredStrip:
    """Give the strip of a row."""
    values = dict(zip(STRIP_COLUMNS, row, strict=True))
    values["samples"] = np.frombuffer(values["samples"], "<i2").astype(np.int16)
    return StoredStrip(**values)


def participant_row(participant: Participant) -> tuple[Any, ...]:
    """Give the row of `PARTICIPANT_COLUMNS`."""
    return tuple(getattr(participant, name) for name in PARTICIPANT_COLUMNS)


def participant_of(row: Sequence[Any]) -> Participant:
    """Give the participant of a row."""
    values = dict(zip(PARTICIPANT_COLUMNS, row, strict=True))
    flags = {name: bool(values[name]) for name in ("event", "sensitive")}
    if values["beta_blocker"] is not None:
        flags["beta_blocker"] = bool(values["beta_blocker"])
    return Participant(**{**values, **flags})


def series_rows(rows: SeriesRows, series: int, people: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of ``features`` or ``scalars``; values as little-endian float64."""
    times = rows.t_ns.tolist()
    body = np.ascontiguousarray(rows.values, "<f8").tobytes()
    width = 8 * len(rows.columns)
    blobs = [body[i * width : (i + 1) * width] for i in range(len(times))]
    if rows.kind == FEATURES:
        minutes = (rows.t_ns // MINUTE_NS).tolist()
        return zip(minutes, repeat(series), people, times, blobs, strict=False)
    return zip(people, repeat(series), times, blobs, strict=False)


def values_of(
    blobs: Sequence[bytes], columns: tuple[str, ...], wanted: tuple[str, ...]
) -> NDArray[np.float64]:
    """Give the values of rows in the order of the columns that are wanted, NaN where unknown."""
    stored = np.frombuffer(b"".join(blobs), "<f8").reshape(len(blobs), len(columns))
    values = np.full((len(blobs), len(wanted)), np.nan)
    for c, name in enumerate(wanted):
        if name in columns:
            values[:, c] = stored[:, columns.index(name)]
    return values


def join_columns(columns: tuple[str, ...]) -> str:
    """Give column names as one text."""
    return "\n".join(columns)


def split_columns(text: str) -> tuple[str, ...]:
    """Give the column names that `join_columns` was given."""
    return tuple(text.split("\n"))


def _plain(alarm: Alarm) -> dict[str, Any]:
    """Give an alarm as SQLite and JSON have it, where NaN is null."""
    plain = alarm_to_plain(alarm)
    plain["value"] = None if math.isnan(alarm.value) else alarm.value
    for name in ("evidence", "limits"):
        plain[name] = {k: None if math.isnan(v) else v for k, v in plain[name].items()}
    return plain


def _alarm(plain: dict[str, Any]) -> Alarm:
    """Give the alarm that `_plain` was given; of an older version, what it had."""
    plain["value"] = _number(plain["value"])
    for name in ("evidence", "limits"):
        numbers = plain.get(name)
        if numbers:
            plain[name] = {k: _number(v) for k, v in numbers.items()}
    return alarm_from_plain(plain)


def _json(plain: Mapping[str, Any]) -> str:
    return _ENCODE(dict(plain))


def _number(value: float | None) -> float:
    """SQLite keeps NaN as null."""
    return math.nan if value is None else value
