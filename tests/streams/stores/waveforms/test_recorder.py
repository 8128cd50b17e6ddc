"""The recording thread: nothing dropped while the disk works, alarms not held up when it fails."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace

import numpy as np
import pytest

from processors.records import NS_PER_S, Chunk, pack
from streams.stores.waveforms import HOUR_NS, Folders
from streams.stores.waveforms import recorder as recording
from streams.stores.waveforms.archive import Archive
from streams.stores.waveforms.log import LogWriter
from streams.stores.waveforms.recorder import Recorder
from tests.streams.stores.waveforms.recordings import T0_NS, chunk, cut, same

HOURS = 3600.0
ALWAYS = {"from_ns": -(2**62), "until_ns": 2**62}


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path)


@pytest.fixture
def open_recorder(folders):
    opened = []

    def begin(**options):
        options = {"flush_s": HOURS, "retry_s": 0.01, **options}
        opened.append(Recorder(folders, **options))
        opened[-1].start()
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def steps(whole: Chunk, n=50):
    for piece in cut(whole, [n] * (len(whole.samples) // n)):
        yield piece.t0_ns + n * 4_000_000, [pack([piece])]


def test_what_was_offered_is_in_the_log_once_it_is_flushed(folders, open_recorder):
    recorder = open_recorder()
    whole = chunk(1000)
    for until_ns, blocks in steps(whole):
        assert recorder.offer(until_ns, blocks)
    recorder.flush()
    (back,) = Archive(folders).read("p1", **ALWAYS)
    assert same(back, whole)
    assert (recorder.counts.taken, recorder.counts.written, recorder.counts.left_out) == (
        1000, 1000, 0,
    )  # fmt: skip


def test_only_regular_waveforms_are_recorded(folders, open_recorder):
    recorder = open_recorder()
    times = np.array([T0_NS], np.int64)
    value = np.ones((1, 1), np.float32)
    recorder.offer(T0_NS, [
        pack([Chunk("p1", "d", "spo2", T0_NS, value, t_ns=times)]),
        pack([Chunk("p1", "d", "heart_rate", T0_NS, value, 1.0)]),
        pack([Chunk("p1", "d", "no_such_signal", T0_NS, value, 1.0)]),
        pack([Chunk("p1", "d", "ecg", T0_NS, value.astype(np.float64), 250.0)]),
        pack([chunk(5, fs_hz=0.0)]),
        pack([chunk(5, scale=np.nan)]),
        pack([chunk(5)]),
    ])  # fmt: skip
    recorder.flush()
    assert [run.signal for run in Archive(folders).read("p1", **ALWAYS)] == ["ecg"]


def test_each_hour_is_a_log_of_its_own_and_the_one_before_is_told(folders, open_recorder):
    told = []
    recorder = open_recorder(on_closed=told.append)
    whole = replace(chunk(1000), t0_ns=T0_NS + HOUR_NS - 2 * NS_PER_S)
    for until_ns, blocks in steps(whole):
        recorder.offer(until_ns, blocks)
    recorder.flush()
    first, second = folders.in_logs()
    assert second.hour == first.hour + 1
    assert told == [first]
    (back,) = Archive(folders).read("p1", **ALWAYS)
    assert same(back, whole)


def test_a_second_run_in_the_same_hour_begins_a_log_of_its_own(folders, open_recorder):
    for seed in (1, 2):
        recorder = open_recorder()
        recorder.offer(T0_NS, [pack([chunk(10, t0_ns=T0_NS + seed * NS_PER_S, seed=seed)])])
        recorder.close()
    assert [s.serial for s in folders.in_logs()] == [1, 2]
    assert len(Archive(folders).read("p1", **ALWAYS)) == 2


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(folders):
    recorder = Recorder(folders, capacity_bytes=250)  # not started: nothing is taken out
    assert recorder.offer(T0_NS, [pack([chunk(100)])])
    assert not recorder.offer(T0_NS, [pack([chunk(100, seq=100)])])
    recorder.start()
    recorder.flush()
    assert recorder.offer(T0_NS, [pack([chunk(100, seq=100)])])
    recorder.close()
    assert recorder.counts.written == 200


def test_one_step_larger_than_the_queue_is_taken_all_the_same(folders):
    recorder = Recorder(folders, capacity_bytes=10)
    assert recorder.offer(T0_NS, [pack([chunk(100)])])
    recorder.start()
    recorder.close()
    assert recorder.counts.written == 100


def test_a_disk_that_fails_is_said_and_what_came_meanwhile_is_recorded_later(
    folders, open_recorder, monkeypatch
):
    broken = threading.Event()
    broken.set()

    class Failing(LogWriter):
        def append(self, blocks):
            if broken.is_set():
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().append(blocks)

    monkeypatch.setattr(recording, "LogWriter", Failing)
    recorder = open_recorder(capacity_bytes=2000)
    whole = chunk(1200)
    taken = list(steps(whole))
    for until_ns, blocks in taken[:20]:
        assert recorder.offer(until_ns, blocks)
    recorder.flush()
    assert "No space left" in str(recorder.error)
    for until_ns, blocks in taken[20:]:  # the queue is full: left out, but nobody waits
        assert recorder.offer(until_ns, blocks)
    assert recorder.counts.left_out == 200
    broken.clear()
    recorder.close()
    assert recorder.error is None
    (back,) = Archive(folders).read("p1", **ALWAYS)
    assert len(back.samples) == recorder.counts.written == 1000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_recorder_is_said_and_nobody_waits_for_it(
    folders, open_recorder, monkeypatch
):
    def broken(_):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(recording, "join", broken)
    recorder = open_recorder(capacity_bytes=10)
    recorder.offer(T0_NS, [pack([chunk(100)])])
    recorder.close()
    assert "a fault" in str(recorder.error)
    assert recorder.offer(T0_NS, [pack([chunk(100)])])
    assert recorder.counts.left_out == 200


def test_half_a_write_is_taken_back(tmp_path, monkeypatch):
    log = LogWriter(tmp_path / "a.log")
    log.append([pack([chunk(50)])])
    size = log.path.stat().st_size
    real = os.write
    calls = []

    def short(handle, data):
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:30])

    monkeypatch.setattr("os.write", short)
    with pytest.raises(OSError, match="No space"):
        log.append([pack([chunk(50, seq=50)])])
    monkeypatch.undo()
    assert log.path.stat().st_size == size
    log.close()
