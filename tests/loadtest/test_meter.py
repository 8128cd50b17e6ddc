from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from device_bridges.pacing import STEP_NS
from loadtest.meter import CountedBridge, Histograms, Meter, Schedule
from processors.records import NS_PER_MS, NS_PER_S, Chunk, Finding, pack
from streams.live import Told

BASE_NS = 1_700_000_000 * NS_PER_S


def _told(until_ns: int, *findings: Finding) -> Told:
    return Told(until_ns, (), (), tuple(findings), ())


def _finding(participant: str, t_ns: int) -> Finding:
    return Finding("f1", 0, participant, "pause", "point", t_ns, t_ns, t_ns, 3.1)


def test_percentiles_are_those_of_what_was_counted_to_three_digits():
    histograms = Histograms()
    for ms in range(1, 1001):
        histograms.add("finding", ms * NS_PER_MS)
    assert histograms.percentile_ms("finding", 50) == pytest.approx(500, rel=2e-3)
    assert histograms.percentile_ms("finding", 99) == pytest.approx(990, rel=2e-3)
    assert histograms.summary("finding")["max_ms"] == pytest.approx(1000, rel=2e-3)


def test_nothing_counted_has_no_percentile_instead_of_zero():
    assert np.isnan(Histograms().percentile_ms("finding", 99))


def test_a_sample_is_due_at_the_end_of_its_block():
    schedule = Schedule(BASE_NS, STEP_NS)
    schedule.fix(BASE_NS + STEP_NS, 5_000_000)
    assert schedule.intended_ns(BASE_NS + 1) == 5_000_000
    assert schedule.intended_ns(BASE_NS + STEP_NS) == 5_000_000
    assert schedule.intended_ns(BASE_NS + STEP_NS + 1) == 5_000_000 + STEP_NS


def test_before_anything_was_sent_nothing_is_due():
    with pytest.raises(LookupError):
        Schedule(BASE_NS, STEP_NS).intended_ns(BASE_NS)


def test_lateness_of_the_generator_is_part_of_every_latency():
    # A generator that stalls for a second must not make the latency look short.
    on_time, stalled = (Meter(Schedule(BASE_NS, STEP_NS), {"p"}) for _ in range(2))
    finding = _finding("p", BASE_NS + STEP_NS // 2)
    for meter, late_ns in ((on_time, 0), (stalled, NS_PER_S)):
        meter.sent(BASE_NS + STEP_NS, late_ns)
        meter.processed(_told(BASE_NS + STEP_NS, finding))
    assert on_time.histograms.percentile_ms("finding", 50) < 500
    assert stalled.histograms.percentile_ms("finding", 50) >= 1000


def test_participants_whose_packets_are_held_back_by_the_script_are_not_timed_but_counted():
    meter = Meter(Schedule(BASE_NS, STEP_NS), {"p"})
    meter.sent(BASE_NS + STEP_NS, 0)
    meter.processed(_told(BASE_NS + STEP_NS, _finding("late", BASE_NS)))
    assert meter.histograms.count("finding") == 0
    assert len(meter.findings) == 1


def test_samples_and_rows_of_a_bridge_are_counted_by_signal():
    class Two:
        base_ns = BASE_NS

        def steps(self, _step_ns=STEP_NS):
            chunk = Chunk("p", "d", "ecg", BASE_NS, np.zeros((50, 1), np.int16), 250.0)
            yield from ((BASE_NS + k * STEP_NS, [pack([chunk])]) for k in (1, 2))

    bridge = CountedBridge(Two())
    assert len(list(bridge.steps(STEP_NS))) == 2
    assert bridge.samples == {"ecg": 100}
    assert bridge.rows == {"ecg": 2}


def test_the_processor_time_of_the_generator_is_that_of_making_steps_only():
    class Busy:
        base_ns = BASE_NS

        def steps(self, _step_ns=STEP_NS):
            for k in itertools.count(1):
                until = time.thread_time() + 0.02
                while time.thread_time() < until:
                    pass
                yield BASE_NS + k * STEP_NS, []

    bridge = CountedBridge(Busy())
    for _ in itertools.islice(bridge.steps(STEP_NS), 3):
        sum(range(100_000))  # the taker's own work
    assert 0.06 <= bridge.cpu_s < 0.2
