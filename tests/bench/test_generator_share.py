"""The generator of load must leave the machine to the system: 10,000 people on 0.3 of a core."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.plan import Sensor
from tests.device_bridges.simulator.plans import make_plan

PEOPLE = 10_000
SECONDS = 4
CORE_SHARE = 0.3  # of a core, the goal


def _plan():
    slots = np.arange(PEOPLE, dtype=np.int32)
    phase = (0.1 + 0.2 * slots) % 1.0
    worn = (
        Sensor("ecg", "patch", slots, fs_hz=250),
        Sensor("ppg", "watch", slots, fs_hz=100),
        Sensor("rr", "strap", slots),
        *(Sensor(s, "watch", slots, every_s=1, phase_s=phase) for s in ("heart_rate", "spo2")),
    )
    return make_plan(PEOPLE, duration_s=60, sensors=worn, body=np.arange(PEOPLE) % 48)


@pytest.mark.bench
def test_ten_thousand_people_take_less_than_a_third_of_a_core():
    steps = SimulatorBridge(_plan()).steps()
    list(islice(steps, 10))  # kernels are loaded
    shares = []
    for _ in range(3):
        began = time.thread_time()
        n = sum(b.n_samples for _, blocks in islice(steps, 5 * SECONDS) for b in blocks)
        shares.append((time.thread_time() - began) / SECONDS)
    assert n >= PEOPLE * SECONDS * 350
    print(
        f"\n10,000 people: {min(shares):.3f} of a core, {n / SECONDS / min(shares):,.0f} samples/s"
    )
    assert min(shares) <= CORE_SHARE
