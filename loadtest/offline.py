"""Play a scenario through engine and alarms as fast as it goes, and keep all that came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.policy import load_policy
from device_bridges.pacing import STEP_NS
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.truth import Recorder, Truth
from loadtest.scoring import Emitted, FeatureRow
from processors.errors import VitalsError
from processors.records import NS_PER_S, Finding
from streams.live import LiveCore, Told
from streams.stores import FEATURES


class FindingsError(VitalsError, ValueError):
    """A file of findings cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One change of an alarm, at the time of the step in which it came out."""

    participant: str
    code: str
    priority: str
    kind: str
    id: str
    t_s: float
    emitted_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario gave.

    Attributes
    ----------
    features
        At most one row per participant, feature and few seconds, as a store keeps them.
    account
        Counters over all channels.
    """

    plan: Plan
    truth: list[Truth]
    findings: list[Emitted]
    alarms: list[AlarmLine]
    features: list[FeatureRow]
    account: dict[str, int]

    @property
    def hours(self) -> float:
        """Participant hours."""
        return self.plan.n * self.plan.duration_s / 3600.0


def run(plan: Plan, *, noise: NoiseBank | None = None, step_ns: int = STEP_NS) -> Outcome:
    """Play a plan from its start to its end; the clock is that of the samples."""
    recorder = Recorder(plan)
    bridge = SimulatorBridge(plan, record=recorder, noise=noise)
    core = LiveCore(load_policy())
    outcome = Outcome(plan, [], [], [], [], {})
    for until_ns, blocks in bridge.steps(step_ns):
        controls = bridge.controls(until_ns - step_ns, until_ns)
        told = core.step(until_ns, [*controls, *blocks])
        at_s = until_ns / NS_PER_S
        outcome.findings.extend(Emitted(finding, at_s) for finding in told.findings)
        outcome.alarms.extend(_alarms(told, at_s))
        outcome.features.extend(_features(told))
    outcome.truth.extend(recorder.truth(plan.duration_s))
    outcome.account.update(core.engine.channels.totals())
    return outcome


def _alarms(told: Told, at_s: float) -> Iterator[AlarmLine]:
    for change in told.alarms:
        alarm = change.alarm
        yield AlarmLine(
            alarm.participant, alarm.code, alarm.priority, change.kind, alarm.id,
            change.t_ns / NS_PER_S, at_s,
        )  # fmt: skip


def _features(told: Told) -> Iterator[FeatureRow]:
    for rows in told.kept:
        if rows.kind != FEATURES:
            continue
        for k, participant in enumerate(rows.participants):
            values = dict(zip(rows.columns, rows.values[k].tolist(), strict=True))
            yield FeatureRow(participant, rows.name, int(rows.t_ns[k]) / NS_PER_S, values)


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
        "value": finding.value,
        "evidence": dict(finding.evidence),
    }


def read_findings(path: Path) -> list[Emitted]:
    """Read findings from JSON lines: of this program's truth run, or of ``vitals annotate``.

    A file of ``annotate`` names no participant: it is the name of the file.

    Raises
    ------
    FindingsError
        No such file, or a line that is none.
    """
    found = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise FindingsError(path, str(error)) from error
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
            if line.get("kind") == "finding":
                found.append(_read_line(line, path.stem))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FindingsError(path, f"line {number} is no finding ({error})") from error
    return found


def _read_line(line: dict[str, Any], stem: str) -> Emitted:
    if "onset_t_s" not in line:
        raise ValueError("positions in samples need times: annotate a table, or use truth run")
    at_ns = round(float(line["onset_t_s"]) * NS_PER_S)
    emitted_s = float(line["emitted_t_s"])
    finding = Finding(
        id=str(line["id"]),
        revision=int(line["revision"]),
        participant=str(line.get("participant", stem)),
        code=str(line["code"]),
        state=str(line["state"]),
        onset_ns=at_ns,
        at_ns=at_ns,
        t_ns=round(emitted_s * NS_PER_S),
        value=float(line.get("value") or 0.0),
        evidence={str(k): float(v) for k, v in dict(line["evidence"]).items() if v is not None},
    )
    return Emitted(finding, emitted_s)
