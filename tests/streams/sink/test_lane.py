"""Lanes over the bus in memory: ended at any moment and begun again, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial

import numpy as np
import pytest

from processors.records import NS_PER_S, Chunk, pack
from registry.participants import Participant, consent
from streams import wire
from streams.alarm_messages import AlarmNews, encode_alarms
from streams.bridging import announce
from streams.bus import Place, Record
from streams.bus.memory import MemoryBus
from streams.bus.partitions import partition_of
from streams.bus.topics import ALARMS, CONTROL, DEAD_LETTER, EVENTS, FEATURES, raw
from streams.messages import (
    Enrolment,
    decode_dead_letter,
    encode_controls,
    encode_findings,
    encode_series,
)
from streams.sink.consents import ConsentLog
from streams.sink.lane import Lane
from streams.sink.records import RecordsWork
from streams.sink.series import SeriesWork
from streams.sink.waveforms import WaveformsWork
from streams.stores import FEATURES as KIND
from streams.stores import SCALARS, STORE_EVERY_NS, StoreError, UnfitError
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders
from streams.stores.waveforms.archive import Archive
from tests.streams.stores.stories import FINDINGS, T0_NS, alarm_changes, at, feature_rows

N = 2
PEOPLE = ("p1", "p2", "p6", "p7")  # two in each partition
LENGTH_S = 60


async def publish_story(bus, *, from_ms=T0_NS // 10**6, on_second=None):
    """Publish a minute, a record a second for each topic and partition.

    `on_second` is awaited before each.
    """
    people = [Participant(who, f"name of {who}") for who in PEOPLE]
    await announce(bus, N, Enrolment(people, T0_NS), from_ms)
    for second in range(LENGTH_S):
        if on_second is not None:
            await on_second(second)
        at_ms = from_ms + 1000 * second + 1000
        for number in range(N):
            who = tuple(p for p in PEOPLE if partition_of(p, N) == number)
            rows = feature_rows([second], people=who)
            await bus.publish(Place(FEATURES, number), encode_series([rows]), at_ms)
            chunks = [
                Chunk(p, "strap", "ecg", at(second), ecg(k, second), 250.0, 250 * second)
                for k, p in enumerate(who)
            ]
            await bus.publish(Place(raw("ecg"), number), wire.encode(pack(chunks)), at_ms)
            spot = np.array([[36.5 + second / 100]], np.float32)
            chunk = Chunk(who[0], "ear", "body_temperature", at(second), spot, seq=second,
                          variant="spot", t_ns=np.array([at(second)], np.int64))  # fmt: skip
            value = wire.encode(pack([chunk]))
            await bus.publish(Place(raw("body_temperature"), number), value, at_ms)
    for finding in FINDINGS:
        place = Place(EVENTS, partition_of(finding.participant, N))
        await bus.publish(place, encode_findings([finding]), at_ms)
    for change in alarm_changes():
        place = Place(ALARMS, partition_of(change.alarm.participant, N))
        await bus.publish(place, encode_alarms(AlarmNews(change.t_ns, [change])), at_ms)


def ecg(k, second):
    rng = np.random.default_rng(100 * k + second)
    return rng.integers(-500, 500, (250, 1)).astype(np.int16)


def works(store, folder):
    return [
        SeriesWork(store, monotonic=lambda: 0.0),
        RecordsWork(store),
        WaveformsWork(Folders(folder)),
    ]


def all_of(store, folder):
    series = {
        (who, name): store.series(kind, name, who, 0, 2**62)
        for who in PEOPLE
        for kind, name in ((KIND, "hrv"), (SCALARS, "body_temperature.spot"))
    }
    waves = Archive(Folders(folder))
    return (
        {key: (one.t_ns.tolist(), one.values.tolist()) for key, one in series.items()},
        repr([store.findings(), store.open_alarms(), store.participants(), store.audit()]),
        repr([store.alarm_history(change.alarm.id) for change in alarm_changes()]),
        {
            who: [(c.t0_ns, c.samples[:, 0].tolist()) for c in run]
            for who in PEOPLE
            if (run := waves.read(who, from_ns=0, until_ns=2**62)) is not None
        },
    )


async def drain(bus, work, *, most_keeps=10**9, consents=None):
    """Run a lane until it has kept all there is, or, killed, after so many times keeping."""
    lane, stopping = Lane(work, bus, "vitals", N, consents), asyncio.Event()
    places = [Place(topic, number) for topic in work.topics for number in range(N)]
    ends = await bus.ends(places)
    running = asyncio.create_task(lane.run(stopping))
    seen = lane.kept
    keeps = 0
    while not running.done():
        await asyncio.sleep(0)
        if lane.kept != seen:
            seen, keeps = lane.kept, keeps + 1
        if keeps >= most_keeps:
            running.cancel()  # a kill: nothing more is kept or committed
            break
        if lane.taken and all(lane.taken[p] >= ends[p] for p in places):
            stopping.set()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Keep after every record that is read: so a kill finds something between."""
    monkeypatch.setattr("streams.sink.lane.KEEP_S", 0.0)
    monkeypatch.setattr("streams.sink.lane.READ_S", 0.0)
    monkeypatch.setattr("streams.bus.memory.MOST_AT_ONCE", 7)


def test_what_the_lanes_keep_is_what_was_published(tmp_path):
    async def run():
        bus = MemoryBus(N)
        await publish_story(bus)
        store = SqliteStore(tmp_path / "vitals.sqlite")
        for work in works(store, tmp_path):
            await drain(bus, work)
        return all_of(store, tmp_path)

    series, told, _, waves = asyncio.run(run())
    times, values = series["p1", "hrv"]
    # Of each five seconds the last row; T0 is the beginning of one. The last five may go on.
    assert T0_NS % STORE_EVERY_NS == 0
    assert times == [at(second) for second in range(4, LENGTH_S - 5, 5)]
    assert [v[0] for v in values] == [float(second) for second in range(4, LENGTH_S - 5, 5)]
    first = min(p for p in PEOPLE if partition_of(p, N) == partition_of("p1", N))
    assert len(series[first, "body_temperature.spot"][0]) == LENGTH_S  # of spot values each
    assert "name of p7" in told
    for who, runs in waves.items():
        same = [p for p in PEOPLE if partition_of(p, N) == partition_of(who, N)]
        expected = np.concatenate([ecg(same.index(who), s)[:, 0] for s in range(LENGTH_S)])
        ((t0_ns, samples),) = runs
        assert t0_ns == at(0)
        assert samples == expected.tolist()


def test_the_last_row_of_who_stops_is_kept_when_others_go_on_or_all_is_silent(tmp_path):
    store, now_s = SqliteStore(tmp_path / "vitals.sqlite"), [0.0]
    work = SeriesWork(store, monotonic=lambda: now_s[0])

    def come(second, who):
        value = encode_series([feature_rows([second], people=(who,))])
        work.take(Record(Place(FEATURES, 0), second, at(second) // 10**6, value))
        work.keep()
        found = [store.series(KIND, "hrv", p, 0, 2**62).t_ns.tolist() for p in ("p1", "p2")]
        return [[(t - T0_NS) // NS_PER_S for t in one] for one in found]

    assert come(1, "p1") == [[], []]
    assert work.safe(Place(FEATURES, 0), 2) == 1
    assert come(20, "p2") == [[], []]
    assert come(40, "p2") == [[1], [20]]
    assert work.safe(Place(FEATURES, 0), 41) == 40
    now_s[0] = 601.0
    work.keep()
    assert len(store.series(KIND, "hrv", "p2", 0, 2**62).t_ns) == 2
    assert work.safe(Place(FEATURES, 0), 41) == 41


@pytest.mark.parametrize("most_keeps", [1, 2, 3, 5])
def test_killed_again_and_again_they_keep_the_same(tmp_path, most_keeps):
    async def run(folder, killed):
        bus = MemoryBus(N)
        await publish_story(bus)
        store = SqliteStore(folder / "vitals.sqlite")
        for number in range(3):
            for _ in range(killed):
                await drain(bus, works(store, folder)[number], most_keeps=most_keeps)
            await drain(bus, works(store, folder)[number])
        return all_of(store, folder)

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = asyncio.run(run(tmp_path / "a", 0))
    assert asyncio.run(run(tmp_path / "b", 8)) == whole


def test_what_is_published_twice_is_kept_once(tmp_path):
    async def run(folder, times):
        bus = MemoryBus(N)
        for _ in range(times):
            await publish_story(bus)
        store = SqliteStore(folder / "vitals.sqlite")
        for work in works(store, folder):
            await drain(bus, work)
        return all_of(store, folder)

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert asyncio.run(run(tmp_path / "b", 2)) == asyncio.run(run(tmp_path / "a", 1))


class Away:
    """A store that takes nothing for a while."""

    def __init__(self, store, times):
        self._store, self.left = store, times

    def write(self, records, *, durable=False):
        if self.left:
            self.left -= 1
            raise StoreError("here", "away")
        return self._store.write(records, durable=durable)


def test_a_store_that_is_away_is_asked_again_and_offsets_wait_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.sink.lane.FIRST_WAIT_S", 0.0)

    async def run():
        bus = MemoryBus(N)
        await publish_story(bus)
        store = SqliteStore(tmp_path / "vitals.sqlite")
        away = Away(store, 5)
        work = RecordsWork(away)
        lane, stopping = Lane(work, bus, "vitals", N), asyncio.Event()
        running = asyncio.create_task(lane.run(stopping))
        places = [Place(topic, n) for topic in work.topics for n in range(N)]
        while away.left:
            assert await bus.committed("vitals-sink-records", places) == {}
            await asyncio.sleep(0)
        while lane.kept < len(FINDINGS):  # noqa: ASYNC110 - the lane has no event for it
            await asyncio.sleep(0)
        stopping.set()
        await running
        return store.findings()

    assert len(asyncio.run(run())) == 3


@pytest.mark.parametrize("most_keeps", [10**9, 1])
def test_samples_of_who_has_withdrawn_consent_are_not_kept(tmp_path, most_keeps):
    folder = tmp_path / "waves"

    async def change(bus, second):
        if second in {20, 40}:
            at_ms = T0_NS // 10**6 + 1000 * second + 1000  # that of the samples of this second
            one = consent("p1", at(second), given=second == 40)
            place = Place(CONTROL, partition_of("p1", N))
            await bus.publish(place, encode_controls([one]), at_ms)

    async def run():
        bus = MemoryBus(N)
        await publish_story(bus, on_second=partial(change, bus))
        with closing(SqliteStore(tmp_path / "vitals.sqlite")) as store:
            for each in (most_keeps, 10**9):  # killed, and begun again
                consents = ConsentLog(bus, N)
                for work in (
                    SeriesWork(store, sift=consents.sift, monotonic=lambda: 0.0),
                    WaveformsWork(Folders(folder), consents.sift),
                ):
                    await drain(bus, work, most_keeps=each, consents=consents)
            return [
                store.series(SCALARS, "body_temperature.spot", who, 0, 2**62).t_ns.tolist()
                for who in PEOPLE
            ]

    temperatures = asyncio.run(run())
    seconds = [*range(20), *range(40, 60)]
    assert [at(second) for second in seconds] in temperatures
    runs = Archive(Folders(folder)).read("p1", from_ns=0, until_ns=2**62)
    assert [(run.t0_ns, len(run.samples)) for run in runs] == [(at(0), 5000), (at(40), 5000)]
    (whole,) = Archive(Folders(folder)).read("p2", from_ns=0, until_ns=2**62)
    assert len(whole.samples) == 250 * LENGTH_S


class Picky:
    """A store that will never take what was found of one participant."""

    def __init__(self, store):
        self._store = store

    def write(self, records, *, durable=False):
        records = list(records)
        if any(getattr(one, "participant", "") == "p2" for one in records):
            raise UnfitError("here", "no p2")
        return self._store.write(records, durable=durable)


def test_what_cannot_be_used_is_a_dead_letter_and_holds_nothing_up(tmp_path):
    async def run():
        bus = MemoryBus(N)
        await bus.publish(Place(EVENTS, 1), b"no findings", 5)
        await bus.publish(Place(EVENTS, 1), encode_findings(FINDINGS), 6)
        store = SqliteStore(tmp_path / "vitals.sqlite")
        await drain(bus, RecordsWork(Picky(store)))
        reader = await bus.reader({Place(DEAD_LETTER, 1): 0})
        letters = [decode_dead_letter(one.value) for one in await reader.read(0.0)]
        return letters, store.findings()

    letters, findings = asyncio.run(run())
    assert [(one.topic, one.offset) for one in letters] == [(EVENTS, 0), (EVENTS, 1)]
    assert letters[0].value == b"no findings"
    assert "no p2" in letters[1].reason
    assert {one.participant for one in findings} == {"p1"}


def test_a_wave_that_cannot_be_read_is_left_to_the_worker_to_say(tmp_path):
    async def run():
        bus = MemoryBus(N)
        await bus.publish(Place(raw("ecg"), 0), b"no block", 5)
        await drain(bus, WaveformsWork(Folders(tmp_path)))
        return await bus.ends([Place(DEAD_LETTER, 0)])

    assert asyncio.run(run()) == {Place(DEAD_LETTER, 0): 0}
