"""A partition of the bus says what one process says, however often it dies and is read again."""

from __future__ import annotations

import asyncio
from functools import cache

import numpy as np
import pytest

from processors.errors import InputError
from processors.records import NS_PER_S, Control, Finding
from streams.bridging import publish_step
from streams.bus import Place, Record
from streams.bus.memory import MemoryBus
from streams.bus.partitions import partition_of
from streams.bus.topics import CONTROL, inputs, raw
from streams.engine import Engine
from streams.messages import decode_controls, encode_controls
from streams.wire import decode
from streams.worker.partition import Partition, Said
from tests.scenes import LENGTH_S, even_bounds, scene, steps

N_PARTITIONS = 2
STEP_MS = 250
Values = dict[tuple[str, str, int], str]  # feature, participant, time: the values


def collect(values: Values, said: Said) -> None:
    for rows in said.features:
        for who, t_ns, row in zip(
            rows.participants, rows.t_ns.tolist(), rows.values.tolist(), strict=True
        ):
            key = (rows.name, who, t_ns)
            assert values.setdefault(key, repr(row)) == repr(row), key


@cache
def one_process() -> tuple[tuple[Finding, ...], Values]:
    engine = Engine()
    columns = engine.feature_columns
    findings: list[Finding] = []
    values: Values = {}
    for until_ns, rows in steps(scene(), even_bounds(STEP_MS)):
        for output in (engine.feed(rows), engine.tick(until_ns)):
            findings += output.findings
            for block in output.features:
                assert columns[block.name]
                names = engine.roster.names(block.slots)
                for who, t_ns, row in zip(
                    names, block.t_ns.tolist(), block.values.tolist(), strict=True
                ):
                    values[block.name, who, t_ns] = repr(row)
    return tuple(findings), values


@cache
def published() -> dict[int, list[Record]]:
    """Give what a bridge publishes of the scene, by partition, topics one after the other."""

    async def play() -> dict[int, list[Record]]:
        bus = MemoryBus(N_PARTITIONS)
        for until_ns, rows in steps(scene(), even_bounds(STEP_MS)):
            await publish_step(bus, N_PARTITIONS, until_ns, rows)
        return {
            p: bus.since({Place(topic, p): 0 for topic in inputs()}, 10**9)
            for p in range(N_PARTITIONS)
        }

    return asyncio.run(play())


def ends_of(records: list[Record]) -> dict[str, int]:
    return {record.place.topic: record.offset + 1 for record in records}


def interleaved(records: list[Record], seed: int) -> list[Record]:
    """Give the records with topics read in a random order and amount, as a client would."""
    random = np.random.default_rng(seed)
    left = {topic: [r for r in records if r.place.topic == topic] for topic in ends_of(records)}
    found: list[Record] = []
    while left:
        topic = random.choice(sorted(left))
        n = int(random.integers(1, 60))
        found += left[topic][:n]
        left[topic] = left[topic][n:]
        if not left[topic]:
            del left[topic]
    return found


def work(number: int, seed: int, *, deaths: int = 0) -> tuple[set[str], Values]:
    """Read a partition to its end; it dies now and then and goes on from an older snapshot."""
    random = np.random.default_rng(seed)
    records = published()[number]
    ends = ends_of(records)
    findings: set[str] = set()
    values: Values = {}

    def keep(said: Said) -> None:
        assert not said.dead
        findings.update(map(repr, said.findings))
        collect(values, said)

    partition = Partition(number)
    saved = partition.snapshot()
    reading = interleaved(records, seed)
    at = 0
    while at < len(reading):
        for record in reading[at : at + 25]:
            partition.order.put(record)
        at += 25
        keep(partition.process(partition.take(ends)))
        if random.random() < 0.2:
            saved = partition.snapshot()
        if deaths and random.random() < 0.1:
            deaths -= 1
            partition = Partition(number)
            partition.restore(saved)
            reading, at = interleaved(records, seed + deaths), 0  # from the beginning: most is old
    while taken := partition.take(ends):
        keep(partition.process(taken))
    return findings, values


def same_until(found, expected, until_s):
    """At the very end a last tick may come or not."""
    until_ns = until_s * NS_PER_S
    return {k: v for k, v in found.items() if k[2] <= until_ns} == {
        k: v for k, v in expected.items() if k[2] <= until_ns
    }


@pytest.mark.parametrize("deaths", [0, 4])
def test_two_partitions_say_what_one_process_says(deaths):
    expected, expected_values = one_process()
    findings: set[str] = set()
    values: Values = {}
    for number in range(N_PARTITIONS):
        some, more = work(number, 10 * number + deaths, deaths=deaths)
        findings |= some
        values |= more
    assert len(expected) > 30
    assert findings == set(map(repr, expected))
    assert same_until(values, expected_values, LENGTH_S - 2)


def test_the_scene_is_in_both_partitions():
    people = {chunk.participant for chunk in scene().chunks}
    assert {partition_of(who, N_PARTITIONS) for who in people} == set(range(N_PARTITIONS))


def test_time_that_passes_while_it_waits_says_what_reading_it_later_says():
    """`quiet` falls silent; a live worker notices by time, one that reads a day later as well."""
    number = partition_of("quiet", N_PARTITIONS)
    records = published()[number]
    early = [r for r in records if r.at_ms <= 60_000]
    late = [r for r in records if r.at_ms > 80_000]

    def found(*, live: bool) -> list[Finding]:
        partition, said = Partition(number), []
        for part in (early, late):
            for record in part:
                partition.order.put(record)
            while taken := partition.take({}):
                said += partition.process(taken).findings
            if live and part is early:
                for now_ms in range(60_000, 80_000, 333):
                    said += partition.wait_until(now_ms).findings
        return said

    live = found(live=True)
    assert list(map(repr, live)) == list(map(repr, found(live=False)))
    assert {f.code for f in live if 60 < f.t_ns / NS_PER_S < 80} >= {"device_silent"}


def test_what_cannot_be_used_is_a_dead_letter_with_its_place_and_the_rest_goes_on():
    number = partition_of("calm", N_PARTITIONS)
    good = [r for r in published()[number] if r.place.topic == raw("ecg")][:2]
    control = next(r for r in published()[number] if r.place.topic == CONTROL)
    strange = Record(Place(raw("rr"), number), 0, 250, good[0].value)
    damaged = Record(Place(CONTROL, number), 0, 250, control.value[:-1] + b"?")
    partition = Partition(number)
    for record in (*good, strange, damaged):
        partition.order.put(record)
    said = partition.process(partition.take({}))
    letters = {(one.topic, one.offset): one for one in said.dead}
    assert "is of ecg, on vitals.raw.rr" in letters[raw("rr"), 0].reason
    assert "checksum" in letters[CONTROL, 0].reason
    assert letters[CONTROL, 0].value == damaged.value
    assert partition.order.offsets[raw("ecg")] == 2
    assert partition.people == len(set(decode_people(good)))


def decode_people(records):
    return [who for record in records for who in decode(record.value).participants]


def test_a_control_that_the_engine_refuses_is_a_dead_letter_of_its_own():
    control = Control("calm", 5, "no such kind", {})
    partition = Partition(0)
    partition.order.put(Record(Place(CONTROL, 0), 0, 1, encode_controls([control])))
    (letter,) = partition.process(partition.take({})).dead
    assert decode_controls(letter.value) == [control]
    assert letter.offset == -1
    assert "no such kind" in letter.reason


def test_a_snapshot_of_another_partition_is_refused():
    with pytest.raises(InputError, match="partition 1"):
        Partition(0).restore(Partition(1).snapshot())
