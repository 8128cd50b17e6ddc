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
from streams.worker.arrivals import Arrivals
from streams.worker.journal import Turn
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


def coming_late(records: list[Record], seed: int) -> list[tuple[float, Record]]:
    """Give when each record comes, the last first: now and then a topic stalls for some seconds."""
    random = np.random.default_rng(seed)
    reached_s: dict[str, float] = {}
    found = []
    for record in records:
        topic = record.place.topic
        stalls_s = 6.0 * random.random() if random.random() < 0.02 else 0.05 * random.random()
        comes_s = max(record.at_ms / 1000 + stalls_s, reached_s.get(topic, 0.0))
        reached_s[topic] = comes_s
        found.append((comes_s, record))
    return sorted(found, key=lambda one: -one[0])


def live(number: int, seed: int, *, deaths: int, journal: bool = True) -> tuple[set[str], Values]:
    """Work at the live edge; it dies now and then and goes on from a snapshot of before."""
    coming = coming_late(published()[number], seed)
    findings: set[str] = set()
    values: Values = {}
    came: list[Record] = []
    written: list[Turn] = []
    dying = sorted(np.random.default_rng(seed + 1).uniform(3, LENGTH_S, deaths), reverse=True)

    def work(partition: Partition, settled_ms: int) -> None:
        while one := partition.next({}, settled_ms, 0):
            written.extend([one.turn] if one.is_new else [])
            said = partition.do(one)
            findings.update(map(repr, said.findings))
            collect(values, said)

    partition = Partition(number)
    saved = partition.snapshot()
    arrivals = Arrivals(0.0)
    for now_s in np.arange(0, LENGTH_S + 4, 0.1).tolist():
        while coming and coming[-1][0] <= now_s:
            came.append(coming.pop()[1])
            partition.order.put(came[-1])
            arrivals.note(now_s, partition.order.newest_ms)
        settled_ms = arrivals.settled_ms(now_s)
        work(partition, settled_ms)
        if round(now_s * 10) % 70 == 0:
            saved = partition.snapshot()
        if dying and dying[-1] <= now_s:
            dying.pop()
            partition = Partition(number)
            partition.restore(saved)
            partition.take_over(written if journal else [])
            for record in interleaved(came, seed):
                partition.order.put(record)
            work(partition, settled_ms)
    return findings, values


@cache
def undisturbed(seed: int) -> tuple[set[str], Values]:
    return live(seed % N_PARTITIONS, seed, deaths=0)


@pytest.mark.parametrize("seed", range(2))
def test_what_was_processed_late_is_processed_late_again(seed):
    assert live(seed % N_PARTITIONS, seed, deaths=5) == undisturbed(seed)


def test_without_the_journal_it_would_say_something_else():
    try:
        found = live(0, 0, deaths=5, journal=False)
    except AssertionError:  # a value that was said before is said differently
        return
    assert found != undisturbed(0)


def test_time_that_passed_by_the_clock_passes_again_before_what_came_after_it():
    number = partition_of("quiet", N_PARTITIONS)
    records = [r for r in published()[number] if r.at_ms <= 60_000]
    behind = [r for r in published()[number] if 60_000 < r.at_ms <= 64_000]

    def begin() -> Partition:
        partition = Partition(number)
        for record in records:
            partition.order.put(record)
        return partition

    first, written, said = begin(), [], []
    while one := first.next({}, 10**9, 70_000):  # nothing comes for 10 s
        written.append(one.turn)
        said += first.do(one).findings
    assert first.next({}, 10**9, 70_500) is None  # no whole second has passed
    for record in behind:  # and then something that is 10 s late
        first.order.put(record)
    again, said_again = begin(), []
    for record in behind:
        again.order.put(record)
    again.take_over(written)
    for partition, found in ((first, said), (again, said_again)):
        while one := partition.next({}, 10**9, 0):
            found.extend(partition.do(one).findings)
    assert said_again == said
    assert again.now_ms == first.now_ms


def test_a_turn_waits_for_all_of_its_records_and_takes_no_others():
    number = partition_of("calm", N_PARTITIONS)
    ecg = [r for r in published()[number] if r.place.topic == raw("ecg")][:4]
    partition = Partition(number)
    partition.take_over([Turn(1, 0, {raw("ecg"): 3})])
    for record in ecg[:2]:
        partition.order.put(record)
    assert partition.next({}, 10**9, 0) is None
    assert partition.behind({}) == {raw("ecg"): 3}
    for record in ecg[2:]:
        partition.order.put(record)
    work = partition.next({}, 10**9, 0)
    assert ([r.offset for _, r in work.taken], work.is_new) == ([0, 1, 2], False)
    partition.do(work)
    work = partition.next({}, 10**9, 0)
    assert ([r.offset for _, r in work.taken], work.is_new) == ([3], True)
    assert (work.turn.term, work.turn.number) == (2, 1)


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
