"""Play a scenario through engine and alarms as fast as it goes, and keep all that came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from alerts.policy import Policy, load_policy
from device_bridges.pacing import STEP_NS
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.truth import Recorder, Truth
from loadtest.scoring import Emitted, RaisedAlarm, Scores, score
from processors.records import NS_PER_S
from streams.live import LiveCore, Told
from streams.stores import SeriesRows

THIN_NS = 5 * NS_PER_S  # of a feature that is given each second, every fifth is kept


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One change of an alarm.

    Attributes
    ----------
    kind
        As `alerts.alarm.AlarmChange.kind`.
    onset_s, t_s
        Onset of the finding and time of the change, by the device's clock.
    emitted_s
        End of the step in which it came out, in true time.
    """

    participant: str
    code: str
    priority: str
    kind: str
    id: str
    onset_s: float
    t_s: float
    emitted_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario gave.

    Attributes
    ----------
    features
        Of those given at whole seconds, every fifth; of others each row.
    account
        Counters over all channels.
    """

    plan: Plan
    truth: list[Truth]
    findings: list[Emitted]
    alarms: list[AlarmLine]
    features: list[SeriesRows]
    account: dict[str, int]
    policy: Policy

    @property
    def hours(self) -> float:
        """Participant hours."""
        return self.plan.n * self.plan.duration_s / 3600.0

    def scores(self) -> Scores:
        """Score everything that came out against what was planted."""
        return score(
            self.truth,
            self.findings,
            hours=self.hours,
            until_s=self.plan.duration_s,
            features=self.features,
            alarms=raised(self.alarms),
            policy=self.policy,
        )


def run(
    plan: Plan,
    *,
    noise: NoiseBank | None = None,
    step_ns: int = STEP_NS,
    policy: Policy | None = None,
) -> Outcome:
    """Play a plan from its start to its end; the clock is that of the samples.

    What comes out of a step was emitted at the end of the step: nothing is known of how long the
    machine took.
    """
    recorder = Recorder(plan)
    bridge = SimulatorBridge(plan, record=recorder, noise=noise)
    policy = policy or load_policy()
    core = LiveCore(policy)
    outcome = Outcome(plan, [], [], [], [], {}, policy)
    for until_ns, blocks in bridge.steps(step_ns):
        controls = bridge.controls(until_ns - step_ns, until_ns)
        told = core.step(until_ns, [*controls, *blocks])
        at_s = until_ns / NS_PER_S
        outcome.findings.extend(Emitted(finding, at_s) for finding in told.findings)
        outcome.alarms.extend(_alarms(told, at_s))
        outcome.features.extend(_thinned(told))
    outcome.truth.extend(recorder.truth(plan.duration_s))
    outcome.account.update(core.engine.channels.totals())
    return outcome


def raised(alarms: list[AlarmLine]) -> Iterator[RaisedAlarm]:
    """Give the alarms that were raised."""
    for alarm in alarms:
        if alarm.kind == "raised":
            yield RaisedAlarm(alarm.participant, alarm.code, alarm.onset_s, alarm.emitted_s)


def _alarms(told: Told, at_s: float) -> Iterator[AlarmLine]:
    for change in told.alarms:
        alarm = change.alarm
        yield AlarmLine(
            alarm.participant, alarm.code, alarm.priority, change.kind, alarm.id,
            alarm.onset_ns / NS_PER_S, change.t_ns / NS_PER_S, at_s,
        )  # fmt: skip


def _thinned(told: Told) -> Iterator[SeriesRows]:
    for rows in told.features:
        kept = np.flatnonzero((rows.t_ns % THIN_NS == 0) | (rows.t_ns % NS_PER_S != 0))
        if len(kept):
            people = [rows.participants[k] for k in kept.tolist()]
            yield replace(rows, participants=people, t_ns=rows.t_ns[kept], values=rows.values[kept])
