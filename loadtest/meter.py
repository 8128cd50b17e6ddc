"""Latencies of a run, from the intended send time of a block to each stage behind it.

A block is due when its last sample has been measured. Were latency counted from when it was really
sent, a generator that falls behind would hide the wait it causes ("coordinated omission"); so
everything is counted from when it should have been sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence

from hdrh.histogram import HdrHistogram

from device_bridges.pacing import STEP_NS, Bridge, Step
from loadtest.scoring import Emitted
from processors.records import NS_PER_MS, NS_PER_S, Finding
from streams.live import Told
from streams.observe import Observer
from streams.stores import Record

HIGHEST_US = 600_000_000  # ten minutes; beyond it a latency is counted as that
DIGITS = 3
STAGES = (
    "sent", "processed", "finding", "stored", "alarm", "alarm_by_delay", "page_trace", "page_alarm",
)  # fmt: skip


class Histograms:
    """One histogram of microseconds per stage; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of = {stage: HdrHistogram(1, HIGHEST_US, DIGITS) for stage in STAGES}

    def add(self, stage: str, latency_ns: int) -> None:
        """Count one latency; below a microsecond counts as one."""
        with self._lock:
            self._of[stage].record_value(min(max(latency_ns // 1000, 1), HIGHEST_US))

    def count(self, stage: str) -> int:
        return int(self._of[stage].get_total_count())

    def percentile_ms(self, stage: str, percent: float) -> float:
        """Give a percentile in ms; NaN where nothing was counted."""
        if not self.count(stage):
            return float("nan")
        return float(self._of[stage].get_value_at_percentile(percent)) / 1000.0

    def summary(self, stage: str) -> dict[str, float]:
        """Give count, median, p90, p99, p99.9 and maximum, in ms."""
        found = {"count": float(self.count(stage))}
        for name, percent in (
            ("p50_ms", 50.0), ("p90_ms", 90.0), ("p99_ms", 99.0), ("p99_9_ms", 99.9),
            ("max_ms", 100.0),
        ):  # fmt: skip
            found[name] = self.percentile_ms(stage, percent)
        return found

    def curve(self, stage: str) -> list[tuple[float, float]]:
        """Give (percentile, ms) points for a plot, dense towards 100."""
        percents = [100.0 * (1.0 - 10.0 ** (-k / 10.0)) for k in range(41)]
        return [(percent, self.percentile_ms(stage, percent)) for percent in percents]


class Schedule:
    """When each step should have been sent, on the machine's monotonic clock."""

    def __init__(self, base_ns: int, step_ns: int) -> None:
        self.base_ns = base_ns
        self.step_ns = step_ns
        self._zero_ns: int | None = None

    def fix(self, until_ns: int, intended_ns: int) -> None:
        """Learn from a step that was sent when the run began; every step says the same."""
        self._zero_ns = intended_ns - (until_ns - self.base_ns)

    def intended_ns(self, t_ns: int) -> int:
        """Give when the block with the sample of a device time was to be sent.

        A time on the edge of two blocks counts to the earlier one, which can only add latency.

        Raises
        ------
        LookupError
            Nothing has been sent yet.
        """
        if self._zero_ns is None:
            raise LookupError("nothing has been sent yet")
        steps = max(-(-(t_ns - self.base_ns) // self.step_ns), 1)
        return self._zero_ns + steps * self.step_ns


class Meter(Observer):
    """Measures a run of `streams.embedded.Embedded`.

    Parameters
    ----------
    timed
        Participants whose device times are true and whose packets arrive at once: latencies are of
        theirs only. Counts are of everybody.

    Attributes
    ----------
    findings
        All that came out, in order.
    sent_s, late_ms, behind_ms
        Per step: its time, how late it was sent, how much later it was processed.
    alarms
        Per change: time, kind, participant, code.
    raised_ns
        Alarm id to the device time that its way to a page is counted from, of timed participants:
        when it was raised, or, where the policy had it wait, the step in which it came out.
    series_given, told_given
        Rows of series, and distinct things told of findings, that were meant for the store.
    """

    def __init__(self, schedule: Schedule, timed: Collection[str]) -> None:
        self.schedule = schedule
        self.histograms = Histograms()
        self.findings: list[Emitted] = []
        self.alarms: list[tuple[float, str, str, str]] = []
        self.sent_s: list[float] = []
        self.late_ms: list[float] = []
        self.behind_ms: list[tuple[float, float]] = []
        self.raised_ns: dict[str, int] = {}
        self.alarms_unseen = 0
        self.series_given = 0
        self.told_given: set[tuple[str, str, int]] = set()
        self._timed = frozenset(timed)

    def sent(self, until_ns: int, late_ns: int) -> None:
        """Note how late a step left."""
        now_ns = time.monotonic_ns()
        self.schedule.fix(until_ns, now_ns - late_ns)
        self.histograms.add("sent", late_ns)
        self.sent_s.append((until_ns - self.schedule.base_ns) / NS_PER_S)
        self.late_ms.append(late_ns / NS_PER_MS)

    def processed(self, told: Told) -> None:
        """Note when a step was done, and each finding and alarm that came of it."""
        now_ns = time.monotonic_ns()
        base_ns, schedule = self.schedule.base_ns, self.schedule
        done_ns = now_ns - schedule.intended_ns(told.until_ns)
        self.histograms.add("processed", done_ns)
        at_s = (told.until_ns - base_ns) / NS_PER_S
        self.behind_ms.append((at_s, done_ns / NS_PER_MS))
        found = {finding.id for finding in told.findings}
        for finding in told.findings:
            self.findings.append(Emitted(finding, at_s))
            if finding.participant in self._timed and finding.t_ns >= base_ns:
                self.histograms.add("finding", now_ns - schedule.intended_ns(finding.t_ns))
        for change in told.alarms:
            alarm = change.alarm
            self.alarms.append((at_s, change.kind, alarm.participant, alarm.code))
            timed = alarm.participant in self._timed and change.t_ns >= base_ns
            if change.kind == "raised" and timed:
                prompt = alarm.finding_id in found
                stage = "alarm" if prompt else "alarm_by_delay"
                self.histograms.add(stage, now_ns - schedule.intended_ns(change.t_ns))
                # What a page adds to an alarm that had to wait is counted from where it came out.
                self.raised_ns[alarm.id] = change.t_ns if prompt else told.until_ns
        self.ended(told)
        self.told_given.update((f.id, f.state, f.revision) for f in told.findings)

    def ended(self, told: Told) -> None:
        """Count the rows that the store is given of a step, or at the end."""
        self.series_given += sum(len(rows.participants) for rows in told.kept)

    def written(self, records: Sequence[Record]) -> None:
        """Note how long it took until findings were committed."""
        now_ns = time.monotonic_ns()
        for record in records:
            if not isinstance(record, Finding) or record.participant not in self._timed:
                continue
            if record.t_ns >= self.schedule.base_ns:
                latency_ns = now_ns - self.schedule.intended_ns(record.t_ns)
                self.histograms.add("stored", latency_ns)


class CountedBridge:
    """A bridge whose samples and processor time are counted.

    Attributes
    ----------
    samples, rows
        By signal: how much was given.
    cpu_s
        Time of the processor that making the steps took.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.base_ns = bridge.base_ns
        self.samples: dict[str, int] = {}
        self.rows: dict[str, int] = {}
        self.cpu_s = 0.0

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        """Give the bridge's steps."""
        steps = self._bridge.steps(step_ns)
        while True:
            before_ns = time.thread_time_ns()
            step = next(steps, None)
            self.cpu_s += (time.thread_time_ns() - before_ns) / NS_PER_S
            if step is None:
                return
            for block in step[1]:
                self.samples[block.signal] = self.samples.get(block.signal, 0) + block.n_samples
                self.rows[block.signal] = self.rows.get(block.signal, 0) + block.n_rows
            yield step
