"""What only the SQLite store has: files that cannot be used, older and newer files, kill -9."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.audit import Audit
from processors.errors import SettingError
from processors.records import NS_PER_S
from streams.stores import FEATURES, StoreError
from streams.stores import rows as to
from streams.stores import statements as sql
from streams.stores.schema import APPLICATION_ID, MIGRATIONS
from streams.stores.sqlite import SqliteStore
from tests.naive import burden as naive
from tests.streams.stores.stories import FINDINGS, alarm_changes, at, feature_rows

PROJECT = Path(__file__).parents[3]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(SettingError, match="the folder cannot be made"):
        SqliteStore(tmp_path / "data" / "vitals.sqlite")


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    with pytest.raises(SettingError, match="cannot be opened"):
        SqliteStore(tmp_path)


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "vitals.sqlite"
    path.write_text("participant,t_s\n" * 100)
    with pytest.raises(SettingError, match="file is not a database"):
        SqliteStore(path)
    assert path.read_text().startswith("participant")


def test_a_database_of_another_program_is_left_as_it_is(tmp_path):
    path = tmp_path / "vitals.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("create table songs (name)")
    with pytest.raises(SettingError, match="another program"):
        SqliteStore(path)
    with sqlite3.connect(path) as other:
        assert other.execute("select name from sqlite_master").fetchall() == [("songs",)]


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "vitals.sqlite"
    SqliteStore(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(SettingError, match="newer version"):
        SqliteStore(path)


def test_a_new_file_says_whose_it_is_and_which_tables_it_has(tmp_path):
    path = tmp_path / "new" / "folder" / "vitals.sqlite"
    SqliteStore(path).close()
    with sqlite3.connect(path) as file:
        assert file.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)
        assert file.execute("pragma application_id").fetchone() == (APPLICATION_ID,)


def test_a_file_of_the_first_version_is_brought_up_to_date_with_all_that_is_in_it(
    tmp_path, monkeypatch
):
    path = tmp_path / "vitals.sqlite"
    changes = alarm_changes()
    monkeypatch.setattr("streams.stores.schema.MIGRATIONS", MIGRATIONS[:1])
    SqliteStore(path).close()
    monkeypatch.undo()
    with sqlite3.connect(path) as old:  # as the first version wrote it, without triggers
        marks = ", ".join("?" * 17)  # the columns that it had
        put = f"insert or replace into alarms values ({marks})"  # noqa: S608
        old.executemany(put, [to.alarm_row(c.alarm)[:17] for c in changes])
        old.executemany(sql.PUT_CHANGE, map(to.change_row, changes))
        seen = [to.acknowledgement_row(c) for c in changes if c.kind == "acknowledged"]
        old.executemany(sql.PUT_ACKNOWLEDGEMENT, seen)
        old.execute("insert into series values (1, 'features', 'heart_rate', 'rate')")
        values = [(k // 60, 1, 1, k * NS_PER_S, b"") for k in (0, 5, 90_000, 90_005)]
        old.executemany(sql.PUT_FEATURES, values)
    old.close()
    store = SqliteStore(path)
    day = at(0), at(86_400)
    counts, answers = store.alarm_counts(*day), store.answer_counts(*day)
    assert counts == naive.alarm_counts(changes)
    assert [(c.priority, c.n) for c in answers] == [("high", 1)]
    assert [a.evidence for a in store.alarms()] == [{}, {}, {}]
    assert [store.watched_s(k, k + 1) for k in (0, 86_400 * NS_PER_S)] == [10.0, 10.0]
    store.write(changes)
    assert (store.alarm_counts(*day), store.answer_counts(*day)) == (counts, answers)
    store.close()


@pytest.mark.parametrize("statement", ["delete from audit", "update audit set reason = ''"])
def test_the_audit_is_only_ever_added_to(tmp_path, statement):
    path = tmp_path / "vitals.sqlite"
    store = SqliteStore(path)
    store.write([Audit(1, "kim", "limits", "p1", "", "why", {})])
    with sqlite3.connect(path) as file, pytest.raises(sqlite3.Error, match="only ever added"):
        file.execute(statement)
    file.close()
    assert len(store.audit()) == 1
    store.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "vitals.sqlite"
    broken = (*MIGRATIONS, "create table half (a); create table half (b);")
    monkeypatch.setattr("streams.stores.schema.MIGRATIONS", broken)
    with pytest.raises(SettingError, match="half"):
        SqliteStore(path)
    monkeypatch.undo()
    store = SqliteStore(path)  # those before it stand, it is as if never begun
    store.write(FINDINGS)
    store.close()
    with sqlite3.connect(path) as file:
        assert file.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)
        assert not file.execute("select * from sqlite_master where name = 'half'").fetchall()


def test_a_full_disk_is_said_and_nothing_of_the_batch_is_kept(tmp_path):
    store = SqliteStore(tmp_path / "vitals.sqlite")
    store.write([feature_rows([0])])
    # SQLite's own limit of pages gives the same error as a full disk.
    (pages,) = store._writer.execute("pragma page_count").fetchone()
    store._writer.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full"):
        store.write([feature_rows(range(1, 20_000))])
    assert len(store.series(FEATURES, "hrv", "p1", 0, at(99_999)).t_ns) == 1
    store._writer.execute("pragma max_page_count = 1000000")
    store.write([feature_rows(range(1, 20_000))])
    assert len(store.series(FEATURES, "hrv", "p1", 0, at(99_999)).t_ns) == 20_000
    store.close()


def write_until_full(store):
    for first in range(0, 100_000, 2_000):
        store.write([feature_rows(range(first, first + 2_000))])


def test_a_full_file_system_is_said_and_the_store_goes_on_when_there_is_room(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        check=False, capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no small file system: {mounted.stderr.decode().strip()}")
    try:
        store = SqliteStore(folder / "vitals.sqlite")
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(1_400_000))
        with pytest.raises(StoreError, match="full"):
            write_until_full(store)
        kept = len(store.series(FEATURES, "hrv", "p1", 0, at(999_999)).t_ns)
        assert kept % 2_000 == 0
        ballast.unlink()
        assert store.write([feature_rows([999_000])]) == 2
        assert len(store.series(FEATURES, "hrv", "p1", 0, at(999_999)).t_ns) == kept + 1
        store.close()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# Says a number once the batch of that number has been committed.
_WRITES_WITHOUT_END = """
import sys
from itertools import count
from pathlib import Path
from streams.stores.sqlite import SqliteStore
from tests.streams.stores.stories import feature_rows, told
store = SqliteStore(Path(sys.argv[1]))
for n in count():
    store.write([feature_rows(range(50 * n, 50 * n + 50)), told("pause", "point", n, n)])
    print(n, flush=True)
"""


@pytest.mark.parametrize("kill_after", [1, 7, 30])
def test_after_kill_9_all_that_was_committed_is_there(tmp_path, kill_after):
    path = tmp_path / "vitals.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITES_WITHOUT_END, str(path)],
        cwd=PROJECT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert process.stdout is not None
    last = -1
    while last < kill_after:
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    store = SqliteStore(path)
    times = store.series(FEATURES, "hrv", "p1", 0, at(10**6)).t_ns
    assert len(times) >= 50 * (last + 1)
    assert len(times) % 50 == 0  # whole batches only
    assert len(times) == 50 * len(store.findings(limit=10**6))
    assert store._writer.execute("pragma integrity_check").fetchone() == ("ok",)
    assert store.write([feature_rows([0])]) == 2
    store.close()
