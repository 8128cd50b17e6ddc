"""Stream recordings through the engine and write what it finds, with honest emission times.

Many recordings go through one engine side by side, each a participant of its own: that is how the
engine works live, and it pays the cost of a step once for all of them. Every step gives the engine
the next `chunk_ns` of each recording; what it says in that step was said when the newest sample
given was the last one of the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alerts.alarm import STATE_KINDS, AlarmChange
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from device_bridges.pacing import pack_all
from device_bridges.replay.link import Source, read_recording
from device_bridges.replay.recording import Recording
from processors.errors import InputError, SettingError
from processors.features.qrs import Params as QrsParams
from processors.features.qrs import Qrs
from processors.profiles import NO_RULES, Rules, make_processors
from processors.records import (
    NS_PER_S,
    Control,
    DerivedBlock,
    FeatureBlock,
    Finding,
    Processor,
    StreamSpec,
)
from streams.alarm_clock import AlarmClock
from streams.annotations import LABELS, PROVISIONAL, Line, RecordWriter, record_file_names
from streams.engine import Engine, EngineOutput

TAPPED: Final = ("beats", "beat_labels", "rr_intervals")
SIDE_BY_SIDE: Final = 64  # recordings in memory at a time
TICK_NS: Final = 200_000_000  # how often time is told to pass, as blocks do it live
QUIET_STEP_NS: Final = NS_PER_S  # how often time is told to pass where no recording has samples
QUIET_SHARE: Final = 100  # ... and later every hundredth of the silence: tables may span years
_STRAP: Final = 1  # source column of `rr_intervals`


@dataclass(frozen=True, slots=True)
class Options:
    """What ``vitals annotate`` was asked for.

    Attributes
    ----------
    lead
        Number of the ECG lead; None for all of them.
    profile
        Control ``profile`` columns for every participant.
    rules
        Numbers of processors in place of their own.
    streams
        Derived streams of which every record is written as a feature line, too; with `features`
        none that has the name of a feature.
    """

    out: Path
    lead: int | None = 0
    chunk_ns: int = 40_000_000
    features: bool = False
    profile: Mapping[str, float] | None = None
    rules: Rules = field(default_factory=dict)
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, for whoever shows it: recordings done, signal done of all in seconds."""

    done: int
    signal_s: float


Fault = InputError | SettingError


def annotate(
    sources: Sequence[Source],
    options: Options,
    *,
    policy: Policy,
    warn: Callable[[str], None] = lambda _: None,
    fault: Callable[[Fault], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Annotate recordings and give how many there were, and how many seconds of signal.

    Parameters
    ----------
    fault
        Told of each recording that cannot be read or does not have the lead; the rest goes on.

    Raises
    ------
    SettingError
        The output folder cannot be written.
    """
    files = record_file_names(source.participant for source in sources)
    at = Progress(0, 0.0)
    for first in range(0, len(sources), SIDE_BY_SIDE):
        group = []
        for source in sources[first : first + SIDE_BY_SIDE]:
            try:
                group.append(_read(source, options, warn))
            except (InputError, SettingError) as error:
                fault(error)
        if not group:
            continue
        run = _Run(group, files, options, policy)

        def report(done_s: float, *, before: Progress = at) -> None:
            progress(Progress(before.done, before.signal_s + done_s))

        at = Progress(at.done + len(group), at.signal_s + run.all_steps(report))
        progress(at)
    return at


def _read(source: Source, options: Options, warn: Callable[[str], None]) -> Recording:
    recording = read_recording(source)
    for text in recording.warnings:
        warn(text)
    if options.lead is not None and "ecg" in recording.signals:
        return recording.with_lead(options.lead)
    return recording


def processors_for(*, all_leads: bool, rules: Rules = NO_RULES) -> list[Processor]:
    """Give one of each processor; QRS by a vote of all leads if asked for."""
    found = make_processors(rules)
    if not all_leads:
        return found
    return [Qrs(QrsParams(leads=())) if isinstance(each, Qrs) else each for each in found]


class _Run:
    """Some recordings, the engine and alarm core they go through, and their files."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        files: Mapping[str, str],
        options: Options,
        policy: Policy,
    ) -> None:
        self._options = options
        processors = processors_for(all_leads=options.lead is None, rules=options.rules)
        self._engine = Engine(processors, tap=(*TAPPED, *options.streams))
        self._columns = self._engine.feature_columns
        self._stream_columns = _stream_columns(processors)
        self._alarms = AlarmCore(policy)
        self._alarm_clock = AlarmClock(self._engine, self._alarms)
        self._playing = {recording.participant: recording for recording in recordings}
        self._beats_only = {r.participant for r in recordings if "ecg" not in r.signals}
        self._writers = {
            recording.participant: RecordWriter(
                files[recording.participant],
                options.out,
                recording.fs_hz,
                recording.duration_ns,
                recording.start_ns / NS_PER_S,
            )
            for recording in recordings
        }
        self._heard_ns = self._ticked_ns = 0  # ends of the last steps with samples, with a tick

    def all_steps(self, report: Callable[[float], None]) -> float:
        """Play everything; give the seconds of signal."""
        total_s = sum(r.duration_ns for r in self._playing.values()) / NS_PER_S
        done_s = 0.0
        self._begin()
        from_ns = 0
        while self._playing:
            # A recording ends where it ends, however long the steps are.
            end_ns = min(recording.duration_ns for recording in self._playing.values())
            to_ns = max(min(self._next_end(from_ns), end_ns), from_ns)
            self._step(from_ns, to_ns, is_end=to_ns == end_ns)
            for recording in [r for r in self._playing.values() if r.duration_ns <= to_ns]:
                done_s += recording.duration_ns / NS_PER_S
                self._finish(recording.participant)
            from_ns = to_ns
            report(done_s + len(self._playing) * to_ns / NS_PER_S)
        return total_s

    def _next_end(self, from_ns: int) -> int:
        """Give where a step ends: at the next multiple of its length at which something happens.

        Time is told to pass once a second, and in a long silence more rarely.
        """
        chunk_ns = self._options.chunk_ns
        next_ns = from_ns // chunk_ns + 1
        silence_ns = from_ns - self._heard_ns
        if silence_ns:
            tick_ns = self._ticked_ns + max(QUIET_STEP_NS, silence_ns // QUIET_SHARE)
            due = (recording.next_due_ns(from_ns) for recording in self._playing.values())
            due_ns = min((at_ns for at_ns in due if at_ns is not None), default=tick_ns)
            next_ns = max(next_ns, min(-(-tick_ns // chunk_ns), due_ns // chunk_ns + 1))
        return next_ns * chunk_ns

    def _begin(self) -> None:
        profile = self._options.profile
        if profile:
            controls = [Control(name, 0, "profile", profile) for name in self._playing]
            self._engine.feed(controls)

    def _step(self, from_ns: int, to_ns: int, *, is_end: bool) -> None:
        chunks = [
            chunk
            for recording in self._playing.values()
            for chunk in recording.chunks(from_ns, to_ns, base_ns=0)
        ]
        lines: dict[str, list[Line]] = {}
        if chunks:
            self._heard_ns = to_ns
            self._take(self._engine.feed(pack_all(chunks)), lines)
        if to_ns - self._ticked_ns >= TICK_NS or is_end:
            self._ticked_ns = to_ns
            self._take(self._engine.tick(to_ns), lines)
            self._take_alarms(self._alarm_clock.tick(to_ns), lines)
        for participant, found in lines.items():
            self._writers[participant].write(found, to_ns)

    def _take(self, output: EngineOutput, lines: dict[str, list[Line]]) -> None:
        roster = self._engine.roster
        for block in output.derived:
            for k, participant in enumerate(roster.names(block.slots)):
                strap = block.name == "rr_intervals"
                if block.name in TAPPED and (not strap or participant in self._beats_only):
                    line = _BEAT_LINES[block.name](block, k)
                    if line:
                        lines.setdefault(participant, []).append(line)
                if block.name in self._options.streams:
                    written = _feature_line(block, k, self._stream_columns[block.name])
                    lines.setdefault(participant, []).append(written)
        for finding in output.findings:
            self._writers[finding.participant].note(finding)
            lines.setdefault(finding.participant, []).append(_finding_line(finding))
            self._take_alarms(self._alarms.apply(finding), lines)
        if self._options.features:
            for features in output.features:
                names = self._columns[features.name]
                for k, participant in enumerate(roster.names(features.slots)):
                    lines.setdefault(participant, []).append(_feature_line(features, k, names))

    def _take_alarms(self, changes: Iterable[AlarmChange], lines: dict[str, list[Line]]) -> None:
        for change in changes:
            if change.kind in STATE_KINDS and change.alarm.participant in self._playing:
                lines.setdefault(change.alarm.participant, []).append(_alarm_line(change))

    def _finish(self, participant: str) -> None:
        self._writers.pop(participant).close()
        self._alarms.forget(participant)
        self._engine.release(participant)
        del self._playing[participant]


def _provisional_line(block: DerivedBlock, k: int) -> Line:
    lag_ns, withdrawn = block.values[k, 0], block.values[k, 1]
    fields: dict[str, Any] = {"kind": "beat", "label": None if withdrawn else PROVISIONAL}
    if not withdrawn:
        fields["provisional"] = True
    return Line(int(block.t_ns[k]), int(block.t_ns[k] - lag_ns), "", fields)


def _label_line(block: DerivedBlock, k: int) -> Line:
    lag_ns, label, _, revised = block.values[k, :4]
    fields: dict[str, Any] = {"kind": "beat", "label": LABELS[int(label)]}
    if revised:
        fields["revised"] = True
    return Line(int(block.t_ns[k]), int(block.t_ns[k] - lag_ns), "", fields)


def _strap_line(block: DerivedBlock, k: int) -> Line | None:
    lag_ns, _, source = block.values[k, :3]
    if source != _STRAP:
        return None
    fields = {"kind": "beat", "label": PROVISIONAL}
    return Line(int(block.t_ns[k]), int(block.t_ns[k] - lag_ns), "", fields)


_BEAT_LINES: Final[dict[str, Callable[[DerivedBlock, int], Line | None]]] = {
    "beats": _provisional_line,
    "beat_labels": _label_line,
    "rr_intervals": _strap_line,
}


def _finding_line(finding: Finding) -> Line:
    fields = {
        "kind": "finding",
        "id": finding.id,
        "revision": finding.revision,
        "code": finding.code,
        "state": finding.state,
        "value": _number(finding.value),
        "evidence": {name: _number(value) for name, value in finding.evidence.items()},
    }
    return Line(finding.t_ns, finding.at_ns, "onset_", fields)


def _stream_columns(processors: Iterable[Processor]) -> dict[str, tuple[str, ...]]:
    """Name the columns of every derived stream."""
    return {
        spec.name: tuple(column.name for column in spec.columns)
        for processor in processors
        for spec in processor.produces
        if isinstance(spec, StreamSpec)
    }


def _feature_line(block: FeatureBlock | DerivedBlock, k: int, names: Sequence[str]) -> Line:
    values = {name: _number(v) for name, v in zip(names, block.values[k].tolist(), strict=True)}
    fields = {"kind": "feature", "name": block.name, "values": values}
    return Line(int(block.t_ns[k]), int(block.t_ns[k]), "", fields)


def _alarm_line(change: AlarmChange) -> Line:
    alarm = change.alarm
    fields = {
        "kind": "alarm",
        "id": alarm.id,
        "code": alarm.code,
        "priority": alarm.priority,
        "state": alarm.state,
    }
    return Line(change.t_ns, change.t_ns, "", fields)


def _number(value: float) -> float | None:
    """Give a number that JSON has, with no more digits than mean anything."""
    return round(value, 6) if math.isfinite(value) else None
