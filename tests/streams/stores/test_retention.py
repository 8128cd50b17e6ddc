"""What goes first, what never goes, and what is said about it."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.records import pack
from streams.stores import FEATURES, SCALARS
from streams.stores.housekeeper import Housekeeper
from streams.stores.retention import Disk, Keep, due
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import HOUR_NS, Folders, Segment
from streams.stores.waveforms.log import LogWriter
from tests.streams.stores.stories import (
    FINDINGS,
    alarm_changes,
    at,
    feature_rows,
    scalar_rows,
    strip,
)
from tests.streams.stores.waveforms.recordings import chunk

NOW_HOUR = 500_000
NOW_NS = NOW_HOUR * HOUR_NS
ROOMY = Disk(10**12, 9 * 10**11)


def hours(*ages):
    """Give a segment of 1 GB for each age in hours."""
    return [(Segment(NOW_HOUR - age, 1), 10**9) for age in ages]


def test_waveforms_go_by_age():
    going = due(hours(1, 100, 47, 49, 50), NOW_NS, ROOMY, Keep(waveforms_days=2))
    assert [s.hour - NOW_HOUR for s in going.segments] == [-100, -50, -49]
    assert going.problem == ""


def test_a_disk_that_fills_takes_the_oldest_hours_and_no_more_than_it_needs():
    disk = Disk(100 * 10**9, 12 * 10**9)  # 15 GB are to be free: 3 too few
    going = due(hours(*range(1, 100)), NOW_NS, disk, Keep())
    assert [s.hour - NOW_HOUR for s in going.segments] == [-99, -98, -97]


def test_what_is_younger_than_the_floor_stays_and_that_is_said():
    disk = Disk(100 * 10**9, 0)
    going = due(hours(*range(1, 30)), NOW_NS, disk, Keep(at_least_hours=24))
    assert [s.hour - NOW_HOUR for s in going.segments] == [-29, -28, -27, -26, -25]
    assert "10.0 GB fuller than allowed" in going.problem


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 10**10)), max_size=40),
    st.integers(0, 10**11),
    st.floats(1, 60),
    st.floats(1, 100),
)
@example([(2, 0)], 0, 1.0, 1.0 + 2**-52)  # a floor that is an hour in whole nanoseconds
def test_the_floor_holds_and_the_oldest_go_first_whatever_is_set(ages, free, days, floor_hours):
    given_ = [(Segment(NOW_HOUR - age, k), size) for k, (age, size) in enumerate(ages)]
    keep = Keep(waveforms_days=days, at_least_hours=floor_hours)
    going = due(given_, NOW_NS, Disk(10**11, free), keep).segments
    for segment in going:
        assert NOW_NS - (segment.hour + 1) * HOUR_NS >= round(floor_hours * HOUR_NS)
    staying = {segment for segment, _ in given_} - set(going)
    assert all(s.hour >= g.hour for s in staying for g in going)


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    yield store
    store.close()


def test_old_values_and_findings_are_forgotten_and_younger_ones_stay(store):
    changes = alarm_changes()
    store.write([feature_rows([0, 59, 60, 200]), scalar_rows([0, 200]), *FINDINGS, *changes,
                 strip(FINDINGS[0])])  # fmt: skip
    assert store.alarm_history(next(c.alarm.id for c in changes if c.alarm.code == "asystole"))
    counts, answers = store.alarm_counts(at(0), at(99)), store.answer_counts(at(0), at(99))
    assert counts
    assert answers
    assert store.forget(at(100), at(60)) > 0
    # Features go by whole minutes.
    assert store.series(FEATURES, "hrv", "p1", 0, at(999)).t_ns.tolist() == [at(200)]
    assert store.series(SCALARS, "spo2", "p1", 0, at(999)).t_ns.tolist() == [at(200)]
    assert [f.code for f in store.findings()] == ["tachycardia"]
    assert store.strips([FINDINGS[0].id]) == {}
    ended = {c.alarm.id for c in changes if c.kind == "ended" and c.t_ns < at(60)}
    assert ended
    assert not ended & {a.id for a in store.alarms()}
    assert not any(store.alarm_history(key) for key in ended)
    assert {a.code for a in store.open_alarms()} == {"pause", "tachycardia"}  # never forgotten
    assert store.alarm_counts(at(0), at(99)) == counts
    assert store.answer_counts(at(0), at(99)) == answers
    assert store.forget(at(100), at(60)) == 0


def log(folders: Folders, segment: Segment) -> None:
    writer = LogWriter(folders.log(segment))
    writer.append([pack([chunk(100, t0_ns=segment.hour * HOUR_NS, seq=segment.serial * 1000)])])
    writer.close()


def keeper(folders, store, free=9 * 10**11, now_ns=NOW_NS, **keep):
    return Housekeeper(
        folders, store, Keep(**keep), lambda: now_ns, disk=lambda _: Disk(10**12, free)
    )


def test_hours_left_behind_are_compacted_and_those_too_old_deleted(tmp_path, store):
    folders = Folders(tmp_path)
    folders.make()
    old, young, open_ = Segment(NOW_HOUR - 50, 1), Segment(NOW_HOUR - 1, 1), Segment(NOW_HOUR, 2)
    for segment in (old, young):
        log(folders, segment)
    tidier = keeper(folders, store, waveforms_days=2)
    log(folders, open_)  # begun by this run after the start: not complete
    tidier.tidy()
    assert tidier.problem == ""
    assert folders.in_hours() == [young]
    assert folders.in_logs() == [open_]


def test_a_deletion_that_was_interrupted_is_finished_and_not_read(tmp_path, store):
    folders = Folders(tmp_path)
    folders.make()
    log(folders, Segment(NOW_HOUR - 1, 1))
    keeper(folders, store).tidy()
    folder = folders.hour(Segment(NOW_HOUR - 1, 1))
    folder.rename(folder.with_name(folder.name + ".part"))
    assert folders.in_hours() == []
    keeper(folders, store).tidy()
    assert list(folders.hours.iterdir()) == []


def test_an_hour_that_cannot_be_compacted_is_said_and_does_not_keep_the_others_waiting(
    tmp_path, store
):
    folders = Folders(tmp_path)
    folders.make()
    bad, good = Segment(NOW_HOUR - 2, 1), Segment(NOW_HOUR - 1, 1)
    folders.log(bad).mkdir()  # a folder in the place of the file
    log(folders, good)
    tidier = keeper(folders, store)
    tidier.tidy()
    assert bad.name in tidier.problem
    assert folders.in_hours() == [good]
    assert folders.in_logs() == [bad]


def test_a_disk_that_stays_too_full_is_said(tmp_path, store):
    folders = Folders(tmp_path)
    folders.make()
    log(folders, Segment(NOW_HOUR - 1, 1))
    tidier = keeper(folders, store, free=0)
    tidier.tidy()
    assert "fuller than allowed" in tidier.problem
    assert len(folders.in_hours()) == 1


def test_the_thread_compacts_what_is_handed_over(tmp_path, store):
    folders = Folders(tmp_path)
    tidier = keeper(folders, store)
    tidier.start()
    log(folders, Segment(NOW_HOUR - 1, 1))
    tidier.hand_over(Segment(NOW_HOUR - 1, 1))
    deadline = time.monotonic() + 60
    while folders.in_logs() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    tidier.close(60)
    assert folders.in_hours() == [Segment(NOW_HOUR - 1, 1)]
