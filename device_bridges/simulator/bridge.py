"""Simulated participants as a bridge: the plan's people, played step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from device_bridges.pacing import STEP_NS, Step
from device_bridges.simulator.bodies import Bodies
from device_bridges.simulator.controls import ControlScript
from device_bridges.simulator.delivery import PACKET_NS, Account, Outbox, Way
from device_bridges.simulator.devices import (
    BeatDevice,
    Device,
    Postbag,
    RateDevice,
    Readings,
    SlowDevice,
    WaveDevice,
)
from device_bridges.simulator.hearts import Hearts
from device_bridges.simulator.noise import NoiseBank, made_noise
from device_bridges.simulator.plan import Plan, Sensor
from device_bridges.simulator.tables import SECONDS_KEPT
from device_bridges.simulator.waves import EcgWaves, MotionWaves, PpgWaves
from processors.records import NS_PER_S, Block, Control, pack, row_chunk

AHEAD_S = 0.5  # beats are drawn ahead: the P wave comes before its R
_BEAT_SIGNALS = ("ecg", "ppg", "rr", "heart_rate")
_SLOW_WINDOW_NS = 5 * NS_PER_S  # without anything per sample or beat, steps may be longer


class Record(Protocol):
    """Whoever writes down the truth while it happens."""

    def on_second(self, second: int, rows: NDArray[Any]) -> None: ...

    def on_beats(self, beats: NDArray[Any]) -> None: ...


class _Wire:
    """One sensor with its way to the engine."""

    def __init__(
        self, plan: Plan, sensor: Sensor, device: Device, outbox: Outbox, account: Account
    ) -> None:
        self._device = device
        self._account = account
        self._fs_hz = sensor.fs_hz
        self._postbag = Postbag(plan, sensor, device.scale)
        self._way = Way(plan, sensor, outbox, account)

    def blocks(self, from_ns: int, to_ns: int, base_ns: int) -> Iterator[Block]:
        """Give what arrives at once of what was measured in a span."""
        readings = self._device.measure(from_ns, to_ns)
        if readings is None:
            return
        self._account.measured += len(readings.samples)
        clock_ns = self._way.clock_ns(from_ns / NS_PER_S)
        block = self._postbag.block(readings, base_ns, clock_ns)
        troubled = self._way.troubled(from_ns / NS_PER_S, to_ns / NS_PER_S)
        if not troubled:
            yield block
            return
        hit = np.isin(readings.rows, np.fromiter(troubled, np.int64))
        spans = zip(block.offsets[:-1].tolist(), block.offsets[1:].tolist(), strict=True)
        for r, (first, stop) in enumerate(spans):
            if not hit[r]:
                continue
            row = int(readings.rows[r])
            t_s = self._true_s(readings, r, first, stop)
            sent = self._way.send(row_chunk(block, r), t_s, row, troubled[row], (from_ns, to_ns))
            if sent is not None:
                yield pack([sent])
        if not hit.all():
            yield self._postbag.block(_only(readings, ~hit), base_ns, clock_ns)

    def _true_s(self, readings: Readings, r: int, first: int, stop: int) -> NDArray[np.float64]:
        if readings.t_s is not None:
            return readings.t_s[first:stop]
        times: NDArray[np.float64] = (readings.seq[r] + np.arange(stop - first)) / self._fs_hz
        return times


class SimulatorBridge:
    """The people of a plan, who all begin at `base_ns`.

    Parameters
    ----------
    record
        Is told every second and every beat, for the truth.
    noise
        Real noise for faults of the signal; None: made-up noise.

    Attributes
    ----------
    participants
        Who they are; put them into a `Registry`.
    account
        How many samples were measured, and what the script's faults did to them.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        base_ns: int = 0,
        record: Record | None = None,
        noise: NoiseBank | None = None,
    ) -> None:
        self.plan = plan
        self.participants = plan.participants
        self.base_ns = base_ns
        self._record = record
        self._bodies = Bodies(plan)
        self._hearts = Hearts(plan, self._bodies.seconds, keep_log=record is not None)
        self._has_hearts = any(sensor.signal in _BEAT_SIGNALS for sensor in plan.sensors)
        self._has_hearts |= record is not None
        self._outbox = Outbox()
        self.account = Account()
        bank = noise or made_noise()
        self._wires = [
            _Wire(plan, sensor, self._device(sensor, bank), self._outbox, self.account)
            for sensor in plan.sensors
            if len(sensor.slots)
        ]
        fine = any(sensor.fs_hz or sensor.signal in _BEAT_SIGNALS for sensor in plan.sensors)
        self._window_ns = PACKET_NS if fine else _SLOW_WINDOW_NS
        self._recorded = -1
        self._controls = ControlScript(plan, base_ns)

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        """Give (until_ns, blocks) step by step, until the plan ends and all has arrived.

        Hearts only go on: take the steps of a bridge once.
        """
        end_ns = math.inf if math.isinf(self.plan.duration_s) else self._end_ns()
        at_ns = 0
        while at_ns < end_ns or len(self._outbox):
            until_ns = at_ns + step_ns
            blocks: list[Block] = []
            while at_ns < until_ns:
                to_ns = min((at_ns // self._window_ns + 1) * self._window_ns, until_ns)
                if at_ns < end_ns:
                    blocks += self._window(at_ns, int(min(to_ns, end_ns)))
                blocks += self._outbox.take(to_ns)
                at_ns = to_ns
            yield self.base_ns + until_ns, blocks

    def controls(self, from_ns: int, to_ns: int) -> list[Control]:
        """Give what is said beside samples in ``[from_ns, to_ns)``, device time of the plan."""
        return self._controls.between(
            (from_ns - self.base_ns) / NS_PER_S, (to_ns - self.base_ns) / NS_PER_S
        )

    def _end_ns(self) -> int:
        return round(self.plan.duration_s * NS_PER_S)

    def _window(self, from_ns: int, to_ns: int) -> Iterator[Block]:
        ahead_s = to_ns / NS_PER_S + AHEAD_S
        self._advance(math.ceil(ahead_s) + 1)
        if self._has_hearts:
            self._hearts.until(ahead_s)
            if self._record is not None:
                self._record.on_beats(self._hearts.log())
        for wire in self._wires:
            yield from wire.blocks(from_ns, to_ns, self.base_ns)

    def _advance(self, second: int) -> None:
        """Compute the body up to a second, and have every new second written down."""
        self._bodies.until(second)
        if self._record is None:
            return
        for k in range(self._recorded + 1, second + 1):
            self._record.on_second(k, self._bodies.seconds[:, k % SECONDS_KEPT])
        self._recorded = max(second, self._recorded)

    def _device(self, sensor: Sensor, noise: NoiseBank) -> Device:
        plan, hearts, bodies = self.plan, self._hearts, self._bodies
        if sensor.signal == "ecg":
            return WaveDevice(sensor, EcgWaves(plan, sensor.slots, noise), hearts, bodies)
        if sensor.signal == "ppg":
            return WaveDevice(sensor, PpgWaves(plan, sensor.slots), hearts, bodies)
        if sensor.signal == "acceleration":
            return WaveDevice(sensor, MotionWaves(plan, sensor.slots), hearts, bodies)
        if sensor.signal == "rr":
            return BeatDevice(sensor, hearts)
        if sensor.signal == "heart_rate":
            return RateDevice(sensor, hearts)
        return SlowDevice(sensor, bodies)


def _only(readings: Readings, chosen: NDArray[np.bool_]) -> Readings:
    """Give the chosen rows of readings."""
    samples = np.repeat(chosen, readings.lengths)
    return Readings(
        readings.rows[chosen],
        readings.lengths[chosen],
        readings.seq[chosen],
        readings.samples[samples],
        None if readings.t_s is None else readings.t_s[samples],
    )
