"""The whole program in one process, where a part of it fails."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.policy import load_policy
from device_bridges.pacing import STEP_NS, Step
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from loadtest.embedded_run import warm
from streams.commands.run import bind
from streams.embedded import Embedded, Plan


class Broken:
    """A bridge that gives half a minute and then fails."""

    def __init__(self) -> None:
        self._good = SimulatorBridge(expand(load("quiet"), 1, 3))
        self.base_ns = self._good.base_ns
        self.participants = self._good.participants

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        for k, step in enumerate(self._good.steps(step_ns)):
            if k == 150:
                raise ConnectionError("the radio is gone")
            yield step


@pytest.fixture
def signals() -> Iterator[None]:
    """Put back the signal handlers that the program sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_a_bridge_that_fails_ends_the_program_with_its_reason_and_what_it_gave_is_kept(
    tmp_path: Path,
) -> None:
    warm(expand(load("quiet"), 1, 3))  # the end of a run does not wait for kernels to compile
    bridge = Broken()
    said: list[str] = []
    plan = Plan(
        bridge=bridge,
        participants=bridge.participants,
        controls=lambda _from, _until: (),
        simulated=True,
        speed=None,
        greeting="test",
        block_ms=200,
    )

    async def serve() -> None:
        with bind("127.0.0.1", 0) as address:
            program = Embedded(plan, load_policy(), tmp_path, address, said.append)
            async with asyncio.timeout(90):
                await program.serve()

    with pytest.raises(ConnectionError, match="the radio is gone"):
        asyncio.run(serve())
    store = sqlite3.connect(tmp_path / "vitals.sqlite")
    assert store.execute("select count(*) from features").fetchone()[0] > 0
