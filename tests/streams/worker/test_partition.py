"""A partition of the bus says what one process says, however often it dies and is read again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest

from alerts.act import Act
from alerts.alarm import AlarmChange
from alerts.policy import load_policy, parse_policy, read_policy
from processors.errors import InputError
from processors.records import NS_PER_MS, NS_PER_S, Control, Finding, pack, row_chunk
from registry.participants import Participant
from streams.acting import publish_act
from streams.alarm_messages import decode_acts, encode_acts
from streams.bridging import announce, publish_step
from streams.bus import Place, Record
from streams.bus.memory import MemoryBus
from streams.bus.partitions import partition_of
from streams.bus.topics import ACTS, CONTROL, inputs, raw
from streams.live import LiveCore
from streams.messages import Enrolment, decode_controls, encode_controls, encode_people
from streams.wire import decode, encode
from streams.worker.arrivals import Arrivals
from streams.worker.checkpoints import Checkpoints
from streams.worker.journal import Turn
from streams.worker.partition import Partition, Said
from tests.scenes import LENGTH_S, even_bounds, scene, steps

N_PARTITIONS = 2
STEP_MS = 250
POLICY = load_policy()
Values = dict[tuple[str, str, int], str]  # feature, participant, time: the values


def collect(values: Values, said: Said) -> None:
    for rows in said.features:
        for who, t_ns, row in zip(
            rows.participants, rows.t_ns.tolist(), rows.values.tolist(), strict=True
        ):
            key = (rows.name, who, t_ns)
            assert values.setdefault(key, repr(row)) == repr(row), key


def people() -> list[Participant]:
    """Give who takes part: two at one place, one of them with a limit of their own."""
    names = sorted({chunk.participant for chunk in scene().chunks})
    known = {
        "slow": Participant("slow", "Kim", group="hike", spo2_low=93.0),
        "quiet": Participant("quiet", "Lee", group="hike", event=True, age_years=61.0),
    }
    return [known.get(name, Participant(name)) for name in names]


def asked(until_ms: int, core: LiveCore) -> list[Act]:
    """Give what persons ask for at a time of the scene."""

    def seen(participant: str, code: str, **said: bool) -> Act:
        alarm = next(a for a in core.alarms.alarms(participant) if a.code == code)
        return Act("acknowledge", "kim", participant, target=alarm.id, **said)

    if until_ms == 20_000:
        return [seen("quiet", "glucose_urgent_low", useful=True)]
    if until_ms == 26_250:
        limits = {"spo2_low": 97.0, "rate_high": 115.0}
        return [
            Act("limits", "lee", place="hike", reason="altitude", limits=limits),
            seen("slow", "extreme_bradycardia"),
        ]
    if until_ms == 47_000:
        how = {"how": "audio_off", "seconds": 600.0, "reason": "washing"}
        return [Act("inactivate", "lee", "noisy", **how), Act("inactivate", "lee", "calm", **how)]
    if until_ms == 70_500:
        (one,) = core.alarms.inactivations("noisy", 70 * NS_PER_S)
        return [Act("reactivate", "kim", "noisy", target=one.id)]
    return []


Story = dict[tuple[str, str], list[str]]  # participant, strand: what became of the alarms


def add_changes(story: Story, changes: Iterable[AlarmChange]) -> None:
    """Lay changes into a story; what is told again must be what was told before."""
    for change in changes:
        alarm = change.alarm
        told = story.setdefault((alarm.participant, POLICY.rule(alarm.code).strand), [])
        if (text := repr(change)) not in told:
            told.append(text)


def story_until(expected: Expected, until_s: float) -> Story:
    """Give what became of the alarms but for the end."""
    kept: Story = {}
    add_changes(kept, (one for one in expected.changes if one.t_ns <= until_s * NS_PER_S))
    return kept


@dataclass
class Expected:
    """What one process says of the scene, and what persons asked of it."""

    findings: list[Finding] = field(default_factory=list)
    values: Values = field(default_factory=dict)
    changes: list[AlarmChange] = field(default_factory=list)
    audits: list[str] = field(default_factory=list)
    acts: dict[int, list[Act]] = field(default_factory=dict)  # by the ms of the step


@cache
def one_process() -> Expected:
    expected = Expected()
    core = LiveCore(POLICY)
    core.enrol(people(), 0)
    for until_ns, rows in steps(scene(), even_bounds(STEP_MS)):
        told = core.step(until_ns, rows)
        expected.findings += told.findings
        collect(expected.values, Said(features=list(told.features)))
        expected.changes += told.alarms
        until_ms = until_ns // NS_PER_MS
        for act in asked(until_ms, core):
            expected.acts.setdefault(until_ms, []).append(act)
            expected.changes += core.carry_out(act)
        expected.audits += map(repr, core.alarms.take_audits())
    assert len(expected.acts) == 4
    return expected


@cache
def published() -> dict[int, list[Record]]:
    """Give what a bridge publishes of the scene, by partition, topics one after the other."""

    async def play() -> dict[int, list[Record]]:
        bus = MemoryBus(N_PARTITIONS)
        acts = one_process().acts
        await announce(bus, N_PARTITIONS, Enrolment(people(), 0), 0)
        for until_ns, rows in steps(scene(), even_bounds(STEP_MS)):
            until_ms = until_ns // NS_PER_MS
            for act in acts.get(until_ms, ()):
                await publish_act(bus, N_PARTITIONS, act, lambda _, at_ms=until_ms: at_ms)
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


@dataclass
class Found:
    """What a partition, or several, said."""

    findings: set[str] = field(default_factory=set)
    values: Values = field(default_factory=dict)
    story: Story = field(default_factory=dict)
    audits: set[str] = field(default_factory=set)

    def keep(self, said: Said) -> None:
        assert not said.dead
        self.findings.update(map(repr, said.findings))
        collect(self.values, said)
        add_changes(self.story, said.alarms)
        self.audits.update(map(repr, said.audits))


def work(number: int, seed: int, found: Found, *, deaths: int = 0) -> None:
    """Read a partition to its end; it dies now and then and goes on from an older snapshot."""
    random = np.random.default_rng(seed)
    records = published()[number]
    ends = ends_of(records)
    partition = Partition(number, POLICY)
    saved = partition.snapshot()
    reading = interleaved(records, seed)
    at = 0
    while at < len(reading):
        for record in reading[at : at + 25]:
            partition.order.put(record)
        at += 25
        found.keep(partition.process(partition.take(ends)))
        if random.random() < 0.2:
            saved = partition.snapshot()
        if deaths and random.random() < 0.1:
            deaths -= 1
            partition = Partition(number, POLICY)
            partition.restore(saved)
            reading, at = interleaved(records, seed + deaths), 0  # from the beginning: most is old
    while taken := partition.take(ends):
        found.keep(partition.process(taken))


def same_until(found, expected, until_s):
    """At the very end a last tick may come or not."""
    until_ns = until_s * NS_PER_S
    return {k: v for k, v in found.items() if k[2] <= until_ns} == {
        k: v for k, v in expected.items() if k[2] <= until_ns
    }


@pytest.mark.parametrize("deaths", [0, 4])
def test_two_partitions_say_what_one_process_says(deaths):
    expected = one_process()
    found = Found()
    for number in range(N_PARTITIONS):
        work(number, 10 * number + deaths, found, deaths=deaths)
    assert len(expected.findings) > 30
    assert found.findings == set(map(repr, expected.findings))
    assert same_until(found.values, expected.values, LENGTH_S - 2)
    assert len(expected.changes) > 80
    assert found.story == story_until(expected, LENGTH_S)
    assert found.audits == set(expected.audits)
    assert len(found.audits) == 7


def test_a_restored_partition_has_the_same_snapshot_and_goes_on_to_the_bit():
    number = partition_of("noisy", N_PARTITIONS)
    records = published()[number]
    first = Partition(number, POLICY)
    for record in records:
        first.order.put(record)
    early = [r for r in first.take({}) if r[0] <= 55_000]
    first.process(early)
    second = Partition(number, POLICY)
    second.restore(first.snapshot())
    assert second.snapshot() == first.snapshot()
    for now_ms in (60_000, 130_000):
        said = [repr(one.wait_until(now_ms)) for one in (first, second)]
        assert said[0] == said[1]
    assert second.snapshot() == first.snapshot()


def test_limits_of_another_policy_hold_after_a_restart():
    tree = read_policy()
    tree["limits"]["default"] |= {"glucose_high": 90.0}
    other = parse_policy(tree)
    number = partition_of("slow", N_PARTITIONS)
    records = [r for r in published()[number] if r.at_ms <= 10_000]
    late = [r for r in published()[number] if 10_000 < r.at_ms <= 45_000]
    codes = {}
    for policy in (POLICY, other):
        partition = Partition(number, POLICY)
        for record in records:
            partition.order.put(record)
        partition.process(partition.take({}))
        later = Partition(number, policy)
        later.restore(partition.snapshot())
        for record in late:
            later.order.put(record)
        said = later.process(later.take({}))
        codes[policy is other] = {(f.participant, f.code) for f in said.findings}
    assert ("slow", "glucose_high") in codes[True] - codes[False]


def test_an_act_that_cannot_be_done_is_a_dead_letter_with_the_reason():
    partition = Partition(0, POLICY)
    acts = [
        Act("inactivate", "kim", "calm", how="audio_off", seconds=5.0),
        Act("inactivate", "kim", how="audio_off", seconds=5.0, reason="x", target="no such"),
        Act("limits", "kim", reason="x", limits={"spo2_low": 80.0}),
        Act("acknowledge", "kim", "calm", target="it has ended"),  # which is no fault
    ]
    partition.order.put(Record(Place(ACTS, 0), 0, 1, encode_acts(acts)))
    said = partition.process(partition.take({}))
    assert [decode_acts(letter.value) for letter in said.dead] == [[act] for act in acts[:3]]
    assert [letter.reason.partition(":")[0] for letter in said.dead] == [
        "audio_off", "alarm no such is not open", "limits",
    ]  # fmt: skip


def test_what_concerns_a_place_is_done_where_somebody_is():
    """It goes to every partition; in one without anybody of the place it is nothing."""
    act = Act("inactivate", "kim", place="hike", how="audio_off", seconds=60.0, reason="x")
    found = []
    for number in range(N_PARTITIONS):
        partition = Partition(number, POLICY)
        some = [one for one in people() if partition_of(one.id, N_PARTITIONS) == number]
        partition.order.put(Record(Place(CONTROL, number), 0, 1, encode_people(Enrolment(some, 0))))
        partition.order.put(Record(Place(ACTS, number), 0, 2, encode_acts([act])))
        said = partition.process(partition.take({}))
        assert said.dead == []
        found += [(held.participant, held.inactivations[0].place) for held in said.held]
    assert sorted(found) == [("quiet", "hike"), ("slow", "hike")]


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
        partition, said = Partition(number, POLICY), []
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


def live(number: int, seed: int, *, deaths: int, journal: bool = True) -> Found:
    """Work at the live edge; it dies now and then and goes on from a snapshot of before."""
    coming = coming_late(published()[number], seed)
    found = Found()
    came: list[Record] = []
    written: list[Turn] = []
    dying = sorted(np.random.default_rng(seed + 1).uniform(3, LENGTH_S, deaths), reverse=True)

    def work(partition: Partition, settled_ms: int) -> None:
        while one := partition.next({}, settled_ms, 0):
            written.extend([one.turn] if one.is_new else [])
            found.keep(partition.do(one))

    partition = Partition(number, POLICY)
    saved = partition.snapshot()
    arrivals = Arrivals(0.0, {})
    for now_s in np.arange(0, LENGTH_S + 4, 0.1).tolist():
        while coming and coming[-1][0] <= now_s:
            came.append(coming.pop()[1])
            arrivals.note(now_s, partition.order.put(came[-1]))
        settled_ms = arrivals.settled_ms(now_s)
        work(partition, settled_ms)
        if round(now_s * 10) % 70 == 0:
            saved = partition.snapshot()
        if dying and dying[-1] <= now_s:
            dying.pop()
            partition = Partition(number, POLICY)
            partition.restore(saved)
            partition.take_over(written if journal else [])
            for record in interleaved(came, seed):
                partition.order.put(record)
            work(partition, settled_ms)
    return found


@cache
def undisturbed(seed: int) -> Found:
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
        partition = Partition(number, POLICY)
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
    partition = Partition(number, POLICY)
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
    partition = Partition(number, POLICY)
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
    partition = Partition(0, POLICY)
    partition.order.put(Record(Place(CONTROL, 0), 0, 1, encode_controls([control])))
    (letter,) = partition.process(partition.take({})).dead
    assert decode_controls(letter.value) == [control]
    assert letter.offset == -1
    assert "no such kind" in letter.reason


def kept(partition: Partition, folder: Checkpoints) -> bool:
    """Keep a checkpoint as a worker does, and tell whether it is a change."""
    one = partition.checkpoint(partition.image())
    folder.write(partition.number, one.n_taken, one.data, one.stands_on)
    partition.note_kept(one)
    return one.stands_on is not None


def restored(number: int, folder: Checkpoints) -> Partition:
    partition = Partition(number, POLICY)
    assert folder.read(number, partition.restore)
    return partition


def crowded(value: bytes, seed: int) -> bytes:
    """Give a block with its first row for 60 more people, each with other noise."""
    random = np.random.default_rng(seed)
    block = decode(value)
    rows = [row_chunk(block, r) for r in range(block.n_rows)]
    shape = rows[0].samples.shape
    for k in range(60):
        noisy = rows[0].samples + random.integers(-9, 10, shape).astype(np.int16)
        rows.append(replace(rows[0], participant=f"q{k}", samples=noisy))
    return encode(pack(rows))


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_changes_of_a_few_among_silent_people_are_kept_and_go_on_to_the_bit(where, tmp_path):
    folder = Checkpoints(str(tmp_path) if where == "folder" else f"memory://{tmp_path}")
    number = partition_of("calm", N_PARTITIONS)
    partition = Partition(number, POLICY)
    mine = [r for r in published()[number] if r.place.topic == raw("ecg")][:120]
    sizes = {True: [], False: []}
    for k, record in enumerate(mine):
        # Many are there for the first seconds; then those of the scene go on alone.
        value = crowded(record.value, k) if k < 20 else record.value
        partition.order.put(replace(record, value=value))
        partition.process(partition.take({}))
        if k % 20 == 19:
            is_change = kept(partition, folder)
            found = restored(number, folder)
            assert found.snapshot() == partition.snapshot()
            sizes[is_change].append(changed_size(folder, number))
    assert len(sizes[False]) == 1
    assert max(sizes[True]) < sizes[False][0] / 3
    # Whoever takes over begins with a whole one, and goes on as the one before.
    assert not kept(found, folder)


def changed_size(folder: Checkpoints, number: int) -> int:
    sizes: list[int] = []
    folder.read(number, lambda data, stands_on: sizes.append(len(data)))
    return sizes[0]


def halves(records: list[Record]) -> tuple[list[Record], list[Record]]:
    early = [record for record in records if record.at_ms <= 40_000]
    return early, [record for record in records if record.at_ms > 40_000]


def test_a_change_that_would_save_nothing_is_kept_whole(tmp_path):
    folder = Checkpoints(str(tmp_path))
    number = partition_of("calm", N_PARTITIONS)
    partition = Partition(number, POLICY)
    for half in halves(published()[number]):
        for record in half:
            partition.order.put(record)
        while taken := partition.take({}):
            partition.process(taken)
        assert not kept(partition, folder)


def test_a_change_is_refused_on_another_foundation():
    partition = Partition(0, POLICY)
    whole = partition.checkpoint(partition.image())
    partition.note_kept(whole)
    change = partition.checkpoint(partition.image())
    assert change.stands_on == whole.n_taken
    Partition(0, POLICY).restore(change.data, whole.data)
    for below in (None, whole.data[:-1] + b"?"):
        with pytest.raises(InputError, match="stands on another"):
            Partition(0, POLICY).restore(change.data, below)


def test_a_snapshot_of_another_partition_is_refused():
    with pytest.raises(InputError, match="partition 1"):
        Partition(0, POLICY).restore(Partition(1, POLICY).snapshot())
