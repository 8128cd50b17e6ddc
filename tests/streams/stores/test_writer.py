"""The writing thread: nothing is lost, nothing is dropped, a failing store is heard of."""

from __future__ import annotations

import threading

import pytest

from processors.errors import ContractError
from streams.stores import FEATURES, StoreError
from streams.stores.sqlite import SqliteStore
from streams.stores.writer import StoreWriter
from tests.streams.stores.stories import FINDINGS, at, feature_rows

HOURS = 3600.0  # so that only what a test asks for makes the writer move


class FullDisk:
    """A real store on a disk that is full until told otherwise."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        (pages,) = store._writer.execute("pragma page_count").fetchone()
        store._writer.execute(f"pragma max_page_count = {pages}")

    def make_room(self) -> None:
        self._store._writer.execute("pragma max_page_count = 1000000")


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    yield store
    store.close()


def big_rows(first=0):
    return feature_rows(range(first, first + 5_000))


def count(store):
    return len(store.series(FEATURES, "hrv", "p1", 0, at(10**6)).t_ns)


def test_what_is_put_is_written_in_order_and_counted(store):
    writer = StoreWriter(store, batch_s=HOURS)
    writer.start()
    writer.put([*FINDINGS, feature_rows([1, 2, 3])])
    writer.flush()
    assert store.findings("p1")[1] == FINDINGS[2]
    assert (writer.counts.taken, writer.counts.written) == (len(FINDINGS) + 6,) * 2
    writer.close()


def test_a_full_batch_is_written_without_being_asked(store):
    written = threading.Event()

    class Watched:
        def write(self, records):
            n = store.write(records)
            written.set()
            return n

    writer = StoreWriter(Watched(), batch_rows=10, batch_s=HOURS)
    writer.start()
    writer.put([feature_rows(range(5))])
    assert written.wait(10)
    writer.close()
    assert count(store) == 5


def test_an_old_record_is_written_without_being_asked(store):
    writer = StoreWriter(store, batch_s=0.0)
    writer.start()
    writer.put(FINDINGS[:1])
    with writer._changed:
        assert writer._changed.wait_for(lambda: writer.counts.written == 1, 10)
    writer.close()


def test_close_writes_what_waits(store):
    writer = StoreWriter(store, batch_s=HOURS)
    writer.start()
    writer.put([feature_rows([n]) for n in range(100)])
    writer.close()
    assert count(store) == 100
    with pytest.raises(StoreError, match="closed"):
        writer.put(FINDINGS)


def test_who_puts_more_than_fits_waits_and_nothing_is_dropped(store):
    writer = StoreWriter(store, capacity_rows=50, batch_rows=20, batch_s=HOURS)
    threads = [
        threading.Thread(
            target=lambda k=k: writer.put(feature_rows([n], people=(f"p{k}",)) for n in range(200))
        )
        for k in range(3)
    ]
    for thread in threads:
        thread.start()
    with writer._changed:  # the queue fills before anything takes from it
        assert writer._changed.wait_for(lambda: writer._waiting_rows == 50, 10)
    writer.start()
    for thread in threads:
        thread.join()
    writer.close()
    for k in range(3):
        series = store.series(FEATURES, "hrv", f"p{k}", 0, at(10**6))
        assert series.t_ns.tolist() == [at(n) for n in range(200)]


def test_one_record_larger_than_the_queue_is_taken_when_nothing_waits(store):
    writer = StoreWriter(store, capacity_rows=10)
    writer.start()
    writer.put([big_rows()])
    writer.close()
    assert count(store) == 5_000


def test_a_full_disk_is_heard_of_and_what_waits_is_written_when_there_is_room(store):
    disk = FullDisk(store)
    writer = StoreWriter(store, capacity_rows=25_000, batch_s=0.0, retry_s=0.01)
    writer.start()
    writer.put([big_rows(), big_rows(5_000)])
    with pytest.raises(StoreError, match="full"):
        writer.flush()
    assert isinstance(writer.error, StoreError)
    with pytest.raises(StoreError, match="full"):
        writer.put([big_rows(10_000)])
    disk.make_room()
    with writer._changed:
        assert writer._changed.wait_for(lambda: writer.error is None, 10)
    writer.put([big_rows(10_000)])
    writer.close()
    assert count(store) == 15_000
    assert writer.counts.failures >= 1


def test_close_says_what_could_not_be_written(store):
    FullDisk(store)
    writer = StoreWriter(store, batch_s=HOURS, retry_s=0.01)
    writer.start()
    writer.put([big_rows()])
    with pytest.raises(StoreError, match="10000 rows could not be written"):
        writer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_ends_the_thread_and_is_told_to_who_comes_next(store):
    writer = StoreWriter(store, batch_s=HOURS)
    writer.start()
    writer.put(["not a record"])
    with pytest.raises(StoreError, match="does not take str"):
        writer.flush()
    with pytest.raises(StoreError, match="does not take str"):
        writer.put(FINDINGS)
    with pytest.raises(StoreError, match="1 rows could not be written"):
        writer.close()
    assert isinstance(writer.error, ContractError)
