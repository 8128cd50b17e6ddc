"""A strip of ECG for each finding, however the topics are read and whenever the sink is killed."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from processors.records import Chunk, pack
from streams import wire
from streams.bus import Place, Record
from streams.bus.topics import EVENTS, PROGRESS, raw
from streams.messages import encode_findings, encode_progress
from streams.sink.strips import SILENT_S, StripsWork
from streams.stores.sqlite import SqliteStore
from tests.streams.stores.stories import T0_NS, at, told

FS = 250
LENGTH_S = 120
BLOCKS, TOLD, DONE = Place(raw("ecg"), 0), Place(EVENTS, 0), Place(PROGRESS, 0)
PAUSES = {"p1": (30, 33), "p2": (80, 83)}  # participant: when it was, when it was told
ECG = {
    who: np.random.default_rng(k).integers(-500, 500, LENGTH_S * FS).astype(np.int16)
    for k, who in enumerate(PAUSES)
}


def ms(second):
    return T0_NS // 10**6 + 1000 * second


def records():
    """Give what is on each topic, in the order of its times."""
    blocks, findings, done = [], [], []
    for second in range(LENGTH_S):
        rows = [
            Chunk(who, "strap", "ecg", at(second), samples[FS * second :][:FS, None], float(FS),
                  FS * second, scale=0.005)
            for who, samples in ECG.items()
        ]  # fmt: skip
        blocks.append(Record(BLOCKS, second, ms(second + 1), wire.encode(pack(rows))))
        done.append(Record(DONE, second, ms(second + 1), encode_progress("a", ms(second + 1))))
        for who, (was_s, told_s) in PAUSES.items():
            if told_s == second:
                value = encode_findings([told("pause", "point", was_s, told_s, who=who)])
                findings.append(Record(TOLD, len(findings), ms(second), value))
    return blocks, findings, done


def together(*topics):
    """Give them as they come while nothing lags: by time, what was found before what comes then."""
    all_of_them = [record for topic in topics for record in topic]
    return sorted(all_of_them, key=lambda one: (one.at_ms, one.place != TOLD))


def strip_of(store, who):
    (finding,) = store.findings(who) or [told("pause", "point", *PAUSES[who], who=who)]
    return store.strips([finding.id]).get(finding.id)


def expected(who):
    was_s = PAUSES[who][0]
    return ECG[who][FS * (was_s - 7) : FS * (was_s + 3)].tolist()


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(SqliteStore(tmp_path / "vitals.sqlite")) as one:
        yield one


def run(work, some, keep_every=1):
    for k, record in enumerate(some):
        work.take(record)
        if k % keep_every == 0:
            work.keep()
    work.keep()


def test_a_strip_is_the_ecg_from_7_s_before_to_3_s_after_as_the_device_gave_it(store):
    run(StripsWork(store, monotonic=lambda: 0.0), together(*records()))
    for who, (was_s, _) in PAUSES.items():
        strip = strip_of(store, who)
        assert strip.samples.tolist() == expected(who)
        assert (strip.participant, strip.at_ns, strip.t0_ns) == (who, at(was_s), at(was_s - 7))
        assert (strip.fs_hz, strip.scale, strip.offset) == (250.0, 0.005, 0.0)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)])
def test_topics_that_are_read_one_after_the_other_give_the_same(store, order):
    topics = records()
    run(StripsWork(store, monotonic=lambda: 0.0), [r for n in order for r in topics[n]], 50)
    assert [strip_of(store, who).samples.tolist() for who in PAUSES] == [
        expected(who) for who in PAUSES
    ]


def test_ecg_waits_for_a_worker_that_is_behind_also_when_no_more_comes(store):
    now_s = [0.0]
    work = StripsWork(store, monotonic=lambda: now_s[0])
    blocks, findings, done = records()
    run(work, blocks)
    for record in together(findings, done):
        now_s[0] += 5.0
        run(work, [record])
    assert strip_of(store, "p2").samples.tolist() == expected("p2")
    assert work.safe(TOLD, 2) == 2


@pytest.mark.parametrize("killed", range(5, 245, 7))
def test_killed_at_any_moment_it_goes_on_from_what_it_said_is_safe(store, killed):
    story = together(*records())
    first = StripsWork(store, monotonic=lambda: 0.0)
    run(first, story[:killed])
    taken = {r.place: r.offset + 1 for r in story[:killed]}
    safe = {place: first.safe(place, offset) for place, offset in taken.items()}
    again = [r for r in story if r.offset >= safe.get(r.place, 0)]
    run(StripsWork(store, monotonic=lambda: 0.0), again)
    for who in PAUSES:
        assert strip_of(store, who).samples.tolist() == expected(who)
    assert taken.get(BLOCKS, 0) - safe.get(BLOCKS, 0) <= 62  # so much is read again at most


def test_a_finding_that_is_told_again_keeps_its_strip(store):
    blocks, findings, done = records()
    work = StripsWork(store, monotonic=lambda: 0.0)
    run(work, together(blocks, findings, done))
    # Another sink hears of it again, when most of its ECG is not to be had there.
    other = StripsWork(store, monotonic=lambda: 0.0)
    run(other, together(blocks[30:], findings, done))
    assert strip_of(store, "p1").samples.tolist() == expected("p1")


def test_a_finding_without_ecg_is_given_up_when_none_comes(store):
    now_s = [0.0]
    work = StripsWork(store, monotonic=lambda: now_s[0])
    _, findings, done = records()
    run(work, together(findings, done))
    assert work.safe(TOLD, 2) == 0
    now_s[0] = SILENT_S
    work.keep()
    assert work.safe(TOLD, 2) == 2
    assert strip_of(store, "p1") is None


def test_what_cannot_be_read_stops_nothing(store):
    spoilt = [Record(place, 999, ms(1), b"nothing") for place in (BLOCKS, TOLD, DONE)]
    run(StripsWork(store, monotonic=lambda: 0.0), [*spoilt, *together(*records())])
    assert strip_of(store, "p1").samples.tolist() == expected("p1")
