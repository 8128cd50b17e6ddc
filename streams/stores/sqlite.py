"""The embedded store: one SQLite file in write-ahead mode.

One connection writes, under a lock; every thread that reads has a connection of its own, and reads
do not wait for writes. After ``kill -9`` all committed transactions are there. A power cut never
damages the file; it may lose the newest transactions after the last durable one (``synchronous`` is
``full`` for these, ``normal`` for the others).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.burden import AlarmCount, AnswerCount
from processors.errors import ContractError
from processors.records import NS_PER_S, Finding
from registry.participants import Participant
from streams.stores import (
    FEATURES,
    SCALARS,
    STORE_EVERY_NS,
    WATCHED,
    Acknowledgement,
    Record,
    Series,
    SeriesRows,
    StoredStrip,
    StoreError,
    Watched,
    n_rows,
)
from streams.stores import rows as to
from streams.stores import statements as sql
from streams.stores.file import connect, open_file

_ALWAYS_NS = -(2**63)


class SqliteStore:
    """A `Store` in one file.

    Parameters
    ----------
    path
        The file; it and its folder are made when they are not there.

    Raises
    ------
    SettingError
        The folder or file cannot be made, read or written, or the file is not a store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._people: dict[str, int] = {}
        self._series: dict[tuple[str, ...], int] = {}
        self._closed = False
        self._writer = open_file(path)

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """Keep all of these in one transaction or, when it raises, none."""
        with self._lock, self._faults():
            if self._closed:
                raise StoreError(str(self.path), "the store is closed")
            # Outside of the transaction: SQLite does not change it inside.
            self._writer.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
            try:
                self._writer.execute("begin immediate")
                n = sum(self._put(kind, several) for kind, several in _by_kind(records))
                self._writer.execute("commit")
            except BaseException:
                # Numbers given out in the transaction are void with it.
                self._people.clear()
                self._series.clear()
                if self._writer.in_transaction:
                    self._writer.execute("rollback")
                raise
        return n

    def findings(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Finding]:
        """Give the newest findings, newest first, each as last told."""
        query = sql.FINDINGS if participant is None else sql.FINDINGS_OF
        return [
            to.finding_of(row) for row in self._read(query, _newest(participant, since_ns, limit))
        ]

    def finding_history(self, finding_id: str) -> list[Finding]:
        """Give all that was told of one finding, in its order."""
        return [to.finding_of(row) for row in self._read(sql.FINDING_HISTORY, (finding_id,))]

    def open_alarms(self) -> list[Alarm]:
        """Give the alarms that have not ended, in the order of their onset."""
        return [to.alarm_of(row) for row in self._read(sql.OPEN_ALARMS)]

    def alarms(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Alarm]:
        """Give the newest alarms, by the time of their state, newest first."""
        query = sql.ALARMS if participant is None else sql.ALARMS_OF
        return [
            to.alarm_of(row) for row in self._read(query, _newest(participant, since_ns, limit))
        ]

    def alarm_history(self, alarm_id: str) -> list[AlarmChange]:
        """Give every change of one alarm, in its order."""
        return [to.change_of(*row) for row in self._read(sql.ALARM_HISTORY, (alarm_id,))]

    def acknowledgements(self, participant: str) -> list[Acknowledgement]:
        """Give who acknowledged what, in the order of time."""
        rows = self._read(sql.ACKNOWLEDGEMENTS, (participant,))
        return [to.acknowledgement_of(row) for row in rows]

    def alarm_counts(
        self, from_ns: int, until_ns: int, participant: str | None = None
    ) -> list[AlarmCount]:
        """Count alarms by code and priority; of all participants by whole days (UTC)."""
        query = sql.ALARM_COUNTS if participant is None else sql.ALARM_COUNTS_OF
        span = {"from_ns": from_ns, "until_ns": until_ns, "participant": participant}
        return [AlarmCount(*row) for row in self._read(query, span)]

    def answer_counts(self, from_ns: int, until_ns: int) -> list[AnswerCount]:
        """Count how long alarms waited for somebody, by whole days (UTC)."""
        rows = self._read(sql.ANSWER_COUNTS, {"from_ns": from_ns, "until_ns": until_ns})
        return [AnswerCount(*row) for row in rows if row[2]]

    def watched_s(self, from_ns: int, until_ns: int) -> float:
        """Give the person-time watched, in seconds, by whole days (UTC)."""
        ((n,),) = self._read(sql.WATCHED, {"from_ns": from_ns, "until_ns": until_ns})
        return float(n) * STORE_EVERY_NS / NS_PER_S

    def watched(self, people: Iterable[str], from_ns: int, until_ns: int) -> dict[str, Watched]:
        """Tell how long each of these was watched."""
        span = {"kind": FEATURES, "name": WATCHED, "from_ns": from_ns, "until_ns": until_ns,
                "from_minute": from_ns // to.MINUTE_NS,
                "until_minute": until_ns // to.MINUTE_NS}  # fmt: skip
        rows = self._read(sql.WATCHED_OF_ALL, span)
        found = {who: Watched(n * STORE_EVERY_NS / NS_PER_S, t_ns) for who, n, t_ns in rows}
        return {who: found[who] for who in people if who in found}

    def alarm_states(self) -> list[AlarmState]:
        """Give what the alarm core goes on from, by participant."""
        return [to.state_of(row) for row in self._read(sql.ALARM_STATES)]

    def audit(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Audit]:
        """Give the newest that persons did, newest first; of a participant: that of them only."""
        query = sql.AUDIT if participant is None else sql.AUDIT_OF
        return [
            to.audit_of(row) for row in self._read(query, _newest(participant, since_ns, limit))
        ]

    def series(self, kind: str, name: str, participant: str, from_ns: int, until_ns: int) -> Series:
        """Give the rows with ``from_ns <= t_ns < until_ns``; none for names never stored."""
        _check_kind(kind)
        known = self._read(sql.SERIES_OF_NAME, (kind, name))
        if not known:
            return Series((), np.zeros(0, np.int64), np.zeros((0, 0)))
        columns = to.split_columns(known[-1][1])
        query = sql.FEATURE_ROWS if kind == FEATURES else sql.SCALAR_ROWS
        t_ns: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float64]] = []
        for key, names in known:  # one for each set of columns the name has had
            span = {"series": key, "participant": participant, "from_ns": from_ns,
                    "until_ns": until_ns, "from_minute": from_ns // to.MINUTE_NS,
                    "until_minute": until_ns // to.MINUTE_NS}  # fmt: skip
            rows = self._read(query, span)
            t_ns.append(np.array([row[0] for row in rows], np.int64))
            values.append(to.values_of([row[1] for row in rows], to.split_columns(names), columns))
        order = np.argsort(np.concatenate(t_ns), kind="stable")
        return Series(columns, np.concatenate(t_ns)[order], np.concatenate(values)[order])

    def names(self, kind: str) -> list[str]:
        """Give the names of the features or scalar signals that anybody has."""
        _check_kind(kind)
        return [row[0] for row in self._read(sql.SERIES_NAMES, (kind,))]

    def strips(self, finding_ids: Iterable[str]) -> dict[str, StoredStrip]:
        """Give the strips there are, by the id of the finding."""
        found = (self._read(sql.STRIP, (key,)) for key in dict.fromkeys(finding_ids))
        return {row[0]: to.strip_of(row) for rows in found for row in rows}

    def participants(self) -> list[Participant]:
        """Give the participants by id."""
        return [to.participant_of(row) for row in self._read(sql.PARTICIPANTS)]

    def forget(self, values_before_ns: int, records_before_ns: int) -> int:
        """Delete what is older, in short transactions; gives the number of rows."""
        people = [row[0] for row in self._read(sql.PEOPLE)]
        values = {"before_ns": values_before_ns, "before_minute": values_before_ns // to.MINUTE_NS}
        records = {"before_ns": records_before_ns}
        n = self._delete(sql.FORGET_FEATURES, values)
        n += sum(self._delete(sql.FORGET_SCALARS, {**values, "person": key}) for key in people)
        return (
            n
            + self._delete(sql.FORGET_ALARMS, records)
            + self._delete(sql.FORGET_FINDINGS, records)
        )

    def close(self) -> None:
        """Close all connections; SQLite then folds its log into the file."""
        with self._lock:
            self._closed = True
            for connection in (*self._readers, self._writer):
                connection.close()
            self._readers.clear()

    def _put(self, kind: type[Record], several: list[Any]) -> int:
        """Write records of one kind; gives the number of rows."""
        if kind is SeriesRows:
            for rows in several:
                self._put_series(rows)
        elif kind is AlarmChange:
            self._writer.executemany(sql.PUT_ALARM, [to.alarm_row(c.alarm) for c in several])
            self._writer.executemany(sql.PUT_CHANGE, map(to.change_row, several))
            seen = [to.acknowledgement_row(c) for c in several if c.kind == "acknowledged"]
            self._writer.executemany(sql.PUT_ACKNOWLEDGEMENT, seen)
        elif kind in _ONE_TABLE:
            query, row_of = _ONE_TABLE[kind]
            self._writer.executemany(query, map(row_of, several))
        else:
            raise ContractError(f"a store does not take {kind.__name__}")
        return sum(map(n_rows, several))

    def _put_series(self, rows: SeriesRows) -> None:
        _check_kind(rows.kind)
        shape = (len(rows.participants), len(rows.columns))
        found = (*rows.t_ns.shape, *rows.values.shape[1:])
        if found != shape or len(rows.values) != shape[0]:
            raise ContractError(f"{rows.name}: expected values {shape}, found {rows.values.shape}")
        people = [self._people.get(one) or self._person(one) for one in rows.participants]
        made = to.series_rows(rows, self._series_key(rows), people)
        if rows.kind == SCALARS:
            self._writer.executemany(sql.PUT_SCALARS, made)
        elif rows.name == WATCHED:
            self._put_watched(rows.t_ns, list(made))
        else:
            self._writer.executemany(sql.PUT_FEATURES, made)

    def _put_watched(self, t_ns: NDArray[np.int64], made: list[tuple[Any, ...]]) -> None:
        """Write rows that tell who is watched; only those that are new count for their day."""
        days = t_ns // to.DAY_NS
        for day in np.unique(days).tolist():
            of_day = [made[i] for i in np.flatnonzero(days == day)]
            n_new = self._writer.executemany(sql.ADD_FEATURES, of_day).rowcount
            self._writer.execute(sql.ADD_WATCHED, (day, n_new))
            if n_new < len(of_day):
                self._writer.executemany(sql.PUT_FEATURES, of_day)

    def _person(self, participant: str) -> int:
        if participant not in self._people:
            self._writer.execute(sql.NEW_PERSON, (participant,))
            found = self._writer.execute(sql.PERSON, (participant,)).fetchone()
            self._people[participant] = found[0]
        return self._people[participant]

    def _series_key(self, rows: SeriesRows) -> int:
        identity = (rows.kind, rows.name, to.join_columns(rows.columns))
        if identity not in self._series:
            self._writer.execute(sql.NEW_SERIES, identity)
            self._series[identity] = self._writer.execute(sql.SERIES, identity).fetchone()[0]
        return self._series[identity]

    def _delete(self, queries: Sequence[str], values: Mapping[str, Any]) -> int:
        """Run deletions, each round a transaction, until a round finds nothing."""
        total, n = 0, 1
        while n:
            with self._lock, self._faults():
                if self._closed:
                    raise StoreError(str(self.path), "the store is closed")
                self._writer.execute("begin immediate")
                try:
                    n = sum(self._writer.execute(query, values).rowcount for query in queries)
                    self._writer.execute("commit")
                except BaseException:
                    self._writer.execute("rollback")
                    raise
            total += n
        return total

    def _read(
        self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        with self._faults():
            return self._reader().execute(query, values).fetchall()

    def _reader(self) -> sqlite3.Connection:
        """Give this thread's connection for reading."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._lock:
                if self._closed:
                    raise StoreError(str(self.path), "the store is closed")
                connection = connect(self.path, query_only=True)
                self._readers.append(connection)
            self._local.connection = connection
        return connection

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(str(self.path), str(error)) from error


_ONE_TABLE: dict[type[Record], tuple[str, Any]] = {
    Finding: (sql.PUT_FINDING, to.finding_row),
    AlarmState: (sql.PUT_STATE, to.state_row),
    Audit: (sql.PUT_AUDIT, to.audit_row),
    StoredStrip: (sql.PUT_STRIP, to.strip_row),
    Participant: (sql.PUT_PARTICIPANT, to.participant_row),
}


def _check_kind(kind: str) -> None:
    if kind not in {FEATURES, SCALARS}:
        raise ContractError(f"series: expected {FEATURES} or {SCALARS}, found {kind!r}")


def _by_kind(records: Iterable[Record]) -> Iterable[tuple[type[Record], list[Record]]]:
    sorted_out: dict[type[Record], list[Record]] = {}
    for record in records:
        sorted_out.setdefault(type(record), []).append(record)
    return sorted_out.items()


def _newest(participant: str | None, since_ns: int | None, limit: int) -> dict[str, Any]:
    since_ns = _ALWAYS_NS if since_ns is None else since_ns
    return {"participant": participant, "since_ns": since_ns, "limit": limit}
