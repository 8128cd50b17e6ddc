"""What a monitor's event loop spends on the samples of 2,000 people."""

from __future__ import annotations

import time

import pytest

from alerts.policy import load_policy
from dashboards.monitor.hub import Hub
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from processors.records import NS_PER_MS
from streams.bus import Place, Record
from streams.bus.partitions import split_block
from streams.bus.topics import raw
from streams.monitor.feed import Feed
from streams.monitor.stalls import Stalls
from streams.wire import encode

pytestmark = pytest.mark.bench

N_PEOPLE, N_PARTITIONS, N_STEPS = 2_000, 8, 25
STEP_NS = 200 * NS_PER_MS
MOST_SHARE = 0.3  # of a core; 0.07 on a quiet one


def test_samples_of_2000_people_take_a_small_share_of_a_core():
    bridge = SimulatorBridge(expand(load("demo"), 1, N_PEOPLE))
    now_ns = bridge.base_ns
    hub = Hub(lambda: now_ns)
    feed = Feed(hub, Stalls(load_policy()), N_PARTITIONS, lambda: now_ns)
    feed.begin(bridge.participants, [], [])
    spent_s = 0.0
    steps = bridge.steps(STEP_NS)
    for k in range(N_STEPS):
        until_ns, blocks = next(steps)
        records = [
            Record(Place(raw(block.signal), number), k, until_ns // NS_PER_MS, encode(part))
            for block in blocks
            for number, part in split_block(block, N_PARTITIONS).items()
        ]
        now_ns = until_ns
        began_s = time.process_time()
        feed.take(records)
        if k % 5 == 0:
            feed.pass_time()
            hub.advance()
        if k:  # the rings are made with the first
            spent_s += time.process_time() - began_s
    share = spent_s / (N_STEPS - 1) / (STEP_NS / 1e9)
    print(f"\nmonitor: {N_PEOPLE} people take {share:.3f} of a core")
    assert share < MOST_SHARE
