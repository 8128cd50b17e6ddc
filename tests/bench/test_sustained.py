"""2,000 people through Kafka, two workers, a sink and a monitor: how long findings take.

They walk as in `full_2000`, but one in five has pauses or couplets: several hundred findings tell
what the slowest hundredth takes. It needs three minutes and both cores, so it is asked for:
``VITALS_BENCH_SUSTAINED`` gives the seconds that are measured, e.g.
``VITALS_BENCH_SUSTAINED=60 make bench ARGS='-s -k sustained'``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from processors.records import NS_PER_S, Finding
from streams.bus import Place
from streams.bus.admin import create_topics
from streams.bus.kafka import KafkaBus
from streams.bus.topics import CONTROL, EVENTS, topics
from streams.engine import Engine
from streams.messages import PEOPLE, decode_findings, decode_people
from tests.end_to_end.program import COMMAND, environment
from tests.servers.influxdb import influxdb
from tests.servers.kafka import broker
from tests.servers.postgres import postgres

pytestmark = pytest.mark.bench

N_PEOPLE, N_PARTITIONS, STEP_NS = 2000, 8, NS_PER_S // 5
READY_S, SETTLE_S = 25.0, 20.0  # until kernels are there; until the late start has been made up for
SCENARIO = """
inherits = "full_2000"

[[groups.walkers.events]]
kind = "pause"
from = "20 s"
every = "40 s"
to = "9 min"
who = 200
jitter = "40 s"
seconds = [3.3, 3.9]

[[groups.walkers.events]]
kind = "couplet"
from = "20 s"
every = "40 s"
to = "9 min"
who = 200
jitter = "40 s"
"""
Key = tuple[str, str, int, object, int]


def key(finding: Finding) -> Key:
    return (
        finding.participant, finding.code, finding.t_ns, finding.state, finding.revision,
    )  # fmt: skip


@contextlib.contextmanager
def role(folder: Path, environ: dict[str, str], name: str, *words: str) -> Iterator[None]:
    (folder / name).mkdir()
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=folder / name, stdout=log, stderr=log, env=environ
        )
    try:
        yield
        assert process.poll() is None, f"{name} has ended"
    finally:
        process.terminate()
        process.wait(40)


async def listen(address: str, measured_s: float) -> tuple[int, dict[Key, int]]:
    """Give when the scenario began and when each finding was first seen, ns."""
    bus, seen, end_s = KafkaBus(address), dict[Key, int](), None
    places = {Place(name, p): 0 for name in (EVENTS, CONTROL) for p in range(N_PARTITIONS)}
    reader, base_ns = await bus.reader(places), 0
    while end_s is None or time.monotonic() < end_s:
        for record in await reader.read(0.1):
            now_ns = time.time_ns()
            if record.place.topic == EVENTS:
                for finding in decode_findings(record.value):
                    seen.setdefault(key(finding), now_ns)
            elif record.value[: len(PEOPLE.magic)] == PEOPLE.magic:
                base_ns = decode_people(record.value).t_ns
                end_s = end_s or time.monotonic() + SETTLE_S + measured_s
    await reader.close()
    await bus.close()
    return base_ns, seen


def own_times(scenario: Path, base_ns: int, until_ns: int) -> dict[Key, int]:
    """Give the end of the step in which one engine says each finding: the detector's own delay."""
    bridge = SimulatorBridge(expand(load(scenario), 1, N_PEOPLE), base_ns=base_ns)
    engine, said, given_ns = Engine(), dict[Key, int](), base_ns
    for step_ns, blocks in bridge.steps(STEP_NS):
        if step_ns > until_ns:
            break
        rows = [*bridge.controls(given_ns, step_ns), *blocks]
        given_ns = step_ns
        for output in (engine.feed(rows), engine.tick(step_ns)):
            said |= {key(finding): step_ns for finding in output.findings}
    return said


def test_findings_of_2000_people_come_soon(tmp_path):
    measured_s = float(os.environ.get("VITALS_BENCH_SUSTAINED", "0"))
    if not measured_s:
        pytest.skip("VITALS_BENCH_SUSTAINED gives the seconds to measure")
    scenario = tmp_path / "ill.toml"
    scenario.write_text(SCENARIO)
    with contextlib.ExitStack() as running:
        (tmp_path / "kafka").mkdir()
        (tmp_path / "influx").mkdir()
        address = running.enter_context(broker(tmp_path / "kafka")).address
        influx = running.enter_context(influxdb(tmp_path / "influx"))
        create_topics(address, topics(), N_PARTITIONS)
        given = {
            "kafka": address, "partitions": N_PARTITIONS, "checkpoints": tmp_path / "checkpoints",
            "influx_url": influx.url, "influx_org": influx.org, "influx_token": influx.token,
            "postgres_url": running.enter_context(postgres()),
        }  # fmt: skip
        environ = environment(**{f"VITALS__{k.upper()}": str(v) for k, v in given.items()})
        subprocess.run([*COMMAND, "doctor", "--migrate"], env=environ, cwd=tmp_path, check=True)
        for name, words in {
            "a": ("worker", "--name", "a"), "b": ("worker", "--name", "b"),
            "sink": ("sink",), "monitor": ("monitor", "--port", "0"),
        }.items():  # fmt: skip
            running.enter_context(role(tmp_path, environ, name, *words))
        time.sleep(READY_S)
        people = ("--scenario", str(scenario), "--participants", str(N_PEOPLE))
        running.enter_context(role(tmp_path, environ, "bridge", "bridge", *people))
        base_ns, seen = asyncio.run(listen(address, measured_s))
        end_ns = time.time_ns()
    said = own_times(scenario, base_ns, end_ns)
    known_ns = end_ns - 5 * NS_PER_S
    assert set(seen) <= set(said)
    assert {k for k, at_ns in said.items() if at_ns < known_ns} <= set(seen)
    from_ns = end_ns - int(measured_s * NS_PER_S)
    delays_ms = [(at_ns - said[k]) / 1e6 for k, at_ns in seen.items() if at_ns >= from_ns]
    median, p99 = np.percentile(delays_ms, [50, 99])
    print(
        f"\n{len(delays_ms)} findings of {N_PEOPLE} people: median {median:.0f} ms, "
        f"p99 {p99:.0f} ms, at most {max(delays_ms):.0f} ms after one engine would have said them"
    )
    assert median < 1000.0
