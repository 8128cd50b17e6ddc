"""What the participant view shows beside live traces: findings with strips, past alarms."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.monitor.alarm_view import AlarmView, Words, as_json, grounds_json
from processors.records import Finding

MAX_FINDINGS = 20  # shown in the list, newest first
MAX_ALARMS = 50


@dataclass(frozen=True, slots=True)
class Strip:
    """About 10 s of ECG around a moment, in the device's numbers.

    Attributes
    ----------
    at_ns
        The moment it was cut for; it may lie before the strip (a back-dated onset).
    t0_ns
        Time of the first sample.
    samples
        int16 ``[n]``; mV = sample * scale + offset; -32768 where there is none.
    """

    participant: str
    at_ns: int
    t0_ns: int
    fs_hz: float
    scale: float
    offset: float
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class ParticipantHistory:
    """What a store remembers of one participant; `strips` by the id of the finding."""

    findings: Sequence[Finding] = ()
    alarms: Sequence[AlarmView] = ()
    strips: Mapping[str, Strip] = field(default_factory=dict)


# Runs in a worker thread, so it may read a store and must be safe to call from there.
HistoryReader = Callable[[str], ParticipantHistory]

# Says in words what a finding found; None leaves it at name and evidence.
Describer = Callable[[Finding], Words]


def merge(stored: ParticipantHistory, live: ParticipantHistory) -> ParticipantHistory:
    """Join store and live view, newest first; of one id the live one, which is newer, stays."""
    findings = {finding.id: finding for finding in (*stored.findings, *live.findings)}
    alarms = {alarm.id: alarm for alarm in (*stored.alarms, *live.alarms)}
    return ParticipantHistory(
        sorted(findings.values(), key=lambda f: (f.t_ns, f.id), reverse=True)[:MAX_FINDINGS],
        sorted(alarms.values(), key=lambda a: (a.onset_ns, a.id), reverse=True)[:MAX_ALARMS],
        {**stored.strips, **live.strips},
    )


def history_json(history: ParticipantHistory, describe: Describer | None = None) -> dict[str, Any]:
    """Give a history as the page reads it; times in ms, strips as base64 of int16."""
    return {
        "findings": [
            _finding_json(each, history.strips.get(each.id), describe) for each in history.findings
        ],
        "alarms": [as_json(each, None, 0) | grounds_json(each) for each in history.alarms],
    }


def _finding_json(
    finding: Finding, strip: Strip | None, describe: Describer | None
) -> dict[str, Any]:
    words = None if describe is None else describe(finding)
    return {
        "id": finding.id,
        "code": finding.code,
        "state": finding.state,
        "revision": finding.revision,
        "onset_ms": finding.onset_ns / 1e6,
        "at_ms": finding.at_ns / 1e6,
        "t_ms": finding.t_ns / 1e6,
        "words": "" if words is None else words.en,
        "words_ko": "" if words is None else words.ko,
        "evidence": {k: v for k, v in finding.evidence.items() if math.isfinite(v)},
        "strip": None if strip is None else _strip_json(strip),
    }


def _strip_json(strip: Strip) -> dict[str, Any]:
    return {
        "t0_ms": strip.t0_ns / 1e6,
        "at_ms": strip.at_ns / 1e6,
        "fs_hz": strip.fs_hz,
        "scale": strip.scale,
        "offset": strip.offset,
        "samples": base64.b64encode(strip.samples.astype("<i2").tobytes()).decode("ascii"),
    }
