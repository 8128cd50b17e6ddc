"""Commit before show: what cannot be committed waits in its order, and is heard of."""

from __future__ import annotations

import sqlite3

import pytest

from alerts.alarm import AlarmState
from alerts.audit import Audit
from streams.stores.ledger import Ledger
from streams.stores.sqlite import SqliteStore
from tests.streams.stores.stories import FINDINGS, alarm_changes, told


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    yield store
    store.close()


def fill(store) -> None:
    (pages,) = store._writer.execute("pragma page_count").fetchone()
    store._writer.execute(f"pragma max_page_count = {pages}")


def make_room(store) -> None:
    store._writer.execute("pragma max_page_count = 1000000")


def many(first: int, n: int = 400):
    return [told("pause", "point", k, k) for k in range(first, first + n)]


def test_what_is_committed_is_read_by_another_process_at_once(store):
    written = []
    ledger = Ledger(store, on_written=written.extend)
    assert ledger.commit([*FINDINGS, *alarm_changes()])
    other = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    assert other.execute("select count(*) from findings").fetchone() == (len(FINDINGS),)
    assert other.execute("select count(*) from acknowledgements").fetchone() == (1,)
    other.close()
    assert repr(written) == repr([*FINDINGS, *alarm_changes()])


def test_a_commit_is_on_the_disk_and_the_bulk_of_writes_does_not_wait_for_it(store):
    store.write(FINDINGS)
    assert store._writer.execute("pragma synchronous").fetchone() == (1,)
    Ledger(store).commit(FINDINGS)
    assert store._writer.execute("pragma synchronous").fetchone() == (2,)


def test_a_full_disk_keeps_what_was_shown_and_writes_it_first_when_there_is_room(store):
    clock = Clock()
    ledger = Ledger(store, monotonic=clock)
    changes = alarm_changes()
    ledger.commit(changes[:2])
    fill(store)
    assert not ledger.commit([*many(0), *changes[2:4]])
    assert "full" in str(ledger.error)
    waiting = ledger.n_waiting
    make_room(store)
    assert not ledger.commit(changes[4:])  # not due yet: a failing disk is asked once a second
    assert ledger.n_waiting == waiting + len(changes[4:])
    clock.now_s += 1.1
    assert ledger.commit()
    assert (ledger.error, ledger.n_waiting, ledger.left_out) == (None, 0, 0)
    assert len(store.findings(limit=10_000)) == 400
    for alarm in store.alarms():
        assert repr(alarm) == repr([c.alarm for c in changes if c.alarm.id == alarm.id][-1])


def test_what_finds_no_room_among_the_waiting_is_counted(store):
    ledger = Ledger(store, capacity=400, monotonic=Clock())
    fill(store)
    ledger.commit(many(0))
    ledger.commit(many(400, 7))
    assert ledger.left_out == 7
    ledger.close()
    assert ledger.left_out == 407


def test_the_end_makes_a_last_attempt_that_does_not_wait_until_it_is_due(store):
    ledger = Ledger(store, monotonic=Clock())
    fill(store)
    ledger.commit(many(0))
    make_room(store)
    ledger.close()
    assert ledger.left_out == 0
    assert len(store.findings(limit=10_000)) == 400


def test_alarms_their_state_and_the_audit_are_one_transaction(store):
    ledger = Ledger(store)
    audit = Audit(1, "kim", "limits", "p1", "", "why", {})
    with pytest.raises(TypeError):  # JSON cannot hold an object: it fails in the middle
        ledger.commit([*alarm_changes(), audit, AlarmState("p1", 1, {"x": object()})])
    assert store.alarms() == store.audit() == store.alarm_states() == []
