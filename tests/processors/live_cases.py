"""Values of one person, played through detectors and the alarms of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from alerts.alarm import AlarmChange
from alerts.policy import load_policy
from processors.records import NS_PER_S, Block, Chunk, Control, Finding, Processor, pack
from streams.live import LiveCore

Reading = tuple[float, str, tuple[float, ...]]  # time in s, stream, values


def play(
    processors: Sequence[Processor], readings: Iterable[Reading], until_s: float = 0.0
) -> tuple[list[Finding], list[AlarmChange]]:
    """Give the findings, and the alarms that were raised; a reading comes when it is taken.

    A stream is a signal, ``signal.variant``, or a control and its column.
    """
    core = LiveCore(load_policy(), processors)
    findings: list[Finding] = []
    changes: list[AlarmChange] = []
    count: dict[str, int] = {}
    times: list[float] = []
    for t_s, stream, values in readings:
        times.append(t_s)
        count[stream] = count.get(stream, -1) + 1
        told = core.step(round(t_s * NS_PER_S), [_row(t_s, stream, values, count[stream])])
        findings += told.findings
        changes += told.alarms
    for t_s in np.arange(max(times, default=0.0), until_s, 60.0).tolist():
        told = core.step(round((t_s + 60.0) * NS_PER_S), [])
        findings += told.findings
        changes += told.alarms
    return findings, [change for change in changes if change.kind == "raised"]


def _row(t_s: float, stream: str, values: tuple[float, ...], seq: int) -> Block | Control:
    t_ns = round(t_s * NS_PER_S)
    kind, _, column = stream.partition(" ")
    if column:
        return Control("p1", t_ns, kind, {column: values[0]})
    signal, _, variant = stream.partition(".")
    samples = np.array([values], np.float32)
    times = np.array([t_ns], np.int64)
    return pack([Chunk("p1", "d", signal, t_ns, samples, seq=seq, variant=variant, t_ns=times)])


def minutes(
    stream: str, values: Iterable[float], every: float = 1.0, first: float = 1.0
) -> list[Reading]:
    """Give one value every so many minutes."""
    return [(60.0 * (first + k * every), stream, (value,)) for k, value in enumerate(values)]


def short(findings: Iterable[Finding]) -> list[tuple[str, str, float, float]]:
    """Give code, state, minute in which it was known, value."""
    return [(f.code, f.state, f.t_ns / 60e9, round(f.value, 2)) for f in findings]


def raised(changes: Iterable[AlarmChange]) -> list[tuple[str, str, float]]:
    """Give code, priority and minute of alarms."""
    return [(c.alarm.code, c.alarm.priority, round(c.t_ns / 60e9, 3)) for c in changes]
