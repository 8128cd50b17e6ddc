"""Drive everything-in-one-process by an open-loop schedule, and measure what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alerts.policy import load_policy
from device_bridges.pacing import STEP_NS
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.events import Kind
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.truth import Recorder, Truth
from loadtest.meter import CountedBridge, Meter, Schedule
from processors.errors import VitalsError
from processors.records import NS_PER_MS, NS_PER_S
from streams import embedded
from streams.live import LiveCore

WARM_S = 8.0  # s of signal that make every kernel known before the clock starts
DRAIN_S = 1.5  # s for the last messages to reach pages
PAGE_TRACES = 24  # participants whose traces a page shows
LOOK_S = 0.1
PROBE_END_S = 20.0


class ProbeError(VitalsError, RuntimeError):
    """A page of the load test ended before the run."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"page probe: {self.problem}"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Attributes
    ----------
    samples
        What became of the samples: see `_samples`.
    results
        Findings and rows given to the store, and found in it afterwards.
    elapsed_s, cpu_s
        Of the run; processor time of the generator.
    """

    plan: Plan
    meter: Meter
    truth: list[Truth]
    samples: dict[str, int]
    by_signal: dict[str, int]
    results: dict[str, int]
    elapsed_s: float
    cpu_s: float
    pages: list[dict[str, Any]]


def warm(plan: Plan) -> None:
    """Compile or load every kernel: a deployment does that once, not during an event."""
    bridge = SimulatorBridge(plan)
    core = LiveCore(load_policy())
    for until_ns, blocks in bridge.steps(STEP_NS):
        core.step(until_ns, [*bridge.controls(until_ns - STEP_NS, until_ns), *blocks])
        if until_ns >= WARM_S * NS_PER_S:
            return


def drive(plan: Plan, folder: Path, *, pages: int, say: Callable[[str], None]) -> Run:
    """Run a plan at the clock against a whole embedded program with open pages.

    Parameters
    ----------
    folder
        Empty; the store of the run is written there.

    Raises
    ------
    ProbeError
        A page was closed before the end.
    """
    say("loading kernels")
    warm(plan)
    recorder = Recorder(plan)
    simulator = SimulatorBridge(plan, base_ns=time.time_ns(), record=recorder)
    bridge = CountedBridge(simulator)
    meter = Meter(Schedule(bridge.base_ns, STEP_NS), _timed(plan))
    address = _listen()
    program = embedded.Embedded(
        embedded.Plan(
            bridge=bridge,
            participants=plan.participants,
            controls=simulator.controls,
            simulated=True,
            speed=1.0,
            greeting=f"{plan.name}: {plan.n} people, {plan.duration_s:g} s",
            block_ms=STEP_NS // NS_PER_MS,
        ),
        load_policy(),
        folder,
        address,
        say,
        meter,
    )
    with contextlib.closing(address), _probes(address, pages, min(plan.n, PAGE_TRACES)) as probes:
        began = time.monotonic()
        asyncio.run(_until_it_ends(program))
        elapsed_s = time.monotonic() - began
        notes = [_notes(probe) for probe in probes]
    _take_pages(meter, notes)
    return Run(
        plan=plan,
        meter=meter,
        truth=recorder.truth(plan.duration_s),
        samples=_samples(simulator, program.account),
        by_signal=bridge.samples,
        results=_results(meter, program.store_path),
        elapsed_s=elapsed_s,
        cpu_s=bridge.cpu_s,
        pages=notes,
    )


async def _until_it_ends(program: embedded.Embedded) -> None:
    async def end() -> None:
        while not program.ended:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(DRAIN_S)
        program.stop()

    watching = asyncio.create_task(end())
    try:
        await program.serve()
    finally:
        watching.cancel()


def _timed(plan: Plan) -> set[str]:
    """Name those whose clocks are right and whose packets are not held back by the script."""
    kinds = plan.events["kind"]
    held = plan.events["slot"][(kinds >= Kind.DROPOUTS) & (kinds <= Kind.CLOCK_JUMP)]
    return {plan.participants[k].id for k in np.setdiff1d(np.arange(plan.n), held).tolist()}


def _listen() -> socket.socket:
    address = socket.socket()
    address.bind(("127.0.0.1", 0))
    address.listen(128)
    return address


@contextlib.contextmanager
def _probes(
    address: socket.socket, pages: int, traces: int
) -> Iterator[list[subprocess.Popen[str]]]:
    """Open pages; connecting waits until they are served."""
    url = f"ws://127.0.0.1:{address.getsockname()[1]}/ws"
    command = [sys.executable, "-m", "loadtest.page_probe", url, str(traces)]
    probes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        for _ in range(pages)
    ]
    try:
        yield probes
    finally:
        for probe in probes:
            probe.kill()
            probe.wait()


def _notes(probe: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        said, _ = probe.communicate(timeout=PROBE_END_S)
        notes: dict[str, Any] = json.loads(said)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise ProbeError("gave no notes") from error
    return notes


def _take_pages(meter: Meter, notes: list[dict[str, Any]]) -> None:
    """Count what pages read, from the intended send of the block that it came of."""
    for page in notes:
        for newest_ns, read_ns in page["traces"]:
            intended_ns = meter.schedule.intended_ns(newest_ns)
            meter.histograms.add("page_trace", read_ns - intended_ns)
        for alarm, t_ns in meter.raised_ns.items():
            if alarm in page["alarms"]:
                latency_ns = page["alarms"][alarm] - meter.schedule.intended_ns(t_ns)
                meter.histograms.add("page_alarm", latency_ns)
    meter.alarms_unseen = sum(
        alarm not in page["alarms"] for page in notes for alarm in meter.raised_ns
    )


def _samples(simulator: SimulatorBridge, account: dict[str, int]) -> dict[str, int]:
    """Say what became of the samples.

    Of two devices that measure the same, one is listened to; what the other sends, and what comes
    too late, is stored and set aside. ``lost`` is what was sent and is nowhere in the account;
    ``doubled`` what the engine met twice though it was sent once.
    """
    sent = simulator.account
    taken, repeated, aside = (account.get(k, 0) for k in ("samples", "duplicates", "late"))
    return {
        "measured": sent.measured,
        "withheld_by_script": sent.silenced + sent.dropped,
        "repeated_by_script": sent.doubled,
        "sent": sent.sent,
        "repetitions_dropped": repeated,
        "set_aside": aside,
        "processed": taken,
        "lost": sent.sent - taken - repeated - aside,
        "doubled": max(repeated - sent.doubled, 0),
    }


def _results(meter: Meter, store: Path) -> dict[str, int]:
    """Count results that were given to the store and those that are in it."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    with contextlib.closing(connection):
        found, series = (
            sum(connection.execute(f"select count(*) from {name}").fetchone()[0] for name in names)  # noqa: S608 - constants
            for names in (("findings",), ("features", "scalars"))
        )
    return {
        "findings_given": len(meter.told_given),
        "findings_stored": found,
        "rows_given": meter.series_given,
        "rows_stored": series,
        "alarms_raised": len(meter.raised_ns),
        "alarms_unseen_by_pages": meter.alarms_unseen,
    }
