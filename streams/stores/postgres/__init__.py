"""What was found, decided and done, on PostgreSQL; and who takes part.

Written through SQLAlchemy Core. Each `PostgresStore.write` is one transaction; a record written
again is the same row. Counts that reach over forgotten alarms are put by when these go.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Executable, Select, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError

from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.burden import AlarmCount, AnswerCount
from processors.errors import ContractError, SettingError
from processors.records import Finding
from registry.participants import Participant
from streams.stores import Acknowledgement, Record, StoredStrip, StoreError, UnfitError, n_rows
from streams.stores import rows as to
from streams.stores.postgres import migrating
from streams.stores.postgres import statements as sql

_ALWAYS_NS: Final = -(2**63)
POOL: Final = 5
CONNECT_S: Final = 5
QUERY_MS: Final = 60_000


def open_engine(url: str, password: str = "") -> Engine:
    """Give the way to a database; nothing is connected yet.

    Raises
    ------
    SettingError
        The URL is none of PostgreSQL, or has a password in it.
    """
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise SettingError("postgres_url", "expected postgresql://user@host/database") from error
    if parts.get_backend_name() != "postgresql":
        raise SettingError(
            "postgres_url", f"expected postgresql://, found {parts.get_backend_name()}"
        )
    if parts.password:
        raise SettingError(
            "postgres_url", "has a password in it: give it as VITALS__POSTGRES_PASSWORD or in .env"
        )
    return create_engine(
        parts.set(drivername="postgresql+psycopg", password=password or None),
        pool_size=POOL,
        pool_pre_ping=True,
        hide_parameters=True,  # what is known of people does not belong into messages and logs
        connect_args={"connect_timeout": CONNECT_S, "application_name": "vitals"},
    )


class PostgresStore:
    """A `RecordStore` in a database.

    Attributes
    ----------
    where
        URL of the database, without the password.

    Raises
    ------
    SettingError
        As `open_engine`.
    StoreError
        It cannot be reached, or its tables are not of this version.
    """

    def __init__(self, url: str, password: str = "") -> None:
        self._engine = open_engine(url, password)
        self.where = self._engine.url.render_as_string(hide_password=True)
        self._closed = False
        try:
            self._check_tables()
        except StoreError:
            self._engine.dispose()
            raise

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """Keep all of these in one transaction or, when it raises, none.

        Raises
        ------
        StoreError
            The server is away or busy.
        UnfitError
            It will never take one of them.
        """
        given = list(records)
        with self._begin() as connection:
            how = "on" if durable else "off"
            connection.execute(text(f"set local synchronous_commit = {how}"))
            for kind, several in _by_kind(given).items():
                _put(connection, kind, several)
        return sum(map(n_rows, given))

    def findings(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Finding]:
        """Give the newest findings, newest first, each as last told."""
        return self._read(
            to.finding_of, sql.findings(participant, limit), since_ns=_since(since_ns)
        )

    def finding_history(self, finding_id: str) -> list[Finding]:
        """Give all that was told of one finding, in its order."""
        return self._read(to.finding_of, sql.FINDING_HISTORY, key=finding_id)

    def open_alarms(self) -> list[Alarm]:
        """Give the alarms that have not ended, in the order of their onset."""
        return self._read(to.alarm_of, sql.OPEN_ALARMS)

    def alarms(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Alarm]:
        """Give the newest alarms, by the time of their state, newest first."""
        return self._read(to.alarm_of, sql.alarms(participant, limit), since_ns=_since(since_ns))

    def alarm_history(self, alarm_id: str) -> list[AlarmChange]:
        """Give every change of one alarm, in its order."""
        return self._read(lambda row: to.change_of(*row), sql.ALARM_HISTORY, key=alarm_id)

    def acknowledgements(self, participant: str) -> list[Acknowledgement]:
        """Give who acknowledged what, in the order of time."""
        return self._read(to.acknowledgement_of, sql.ACKNOWLEDGED, participant=participant)

    def alarm_counts(
        self, from_ns: int, until_ns: int, participant: str | None = None
    ) -> list[AlarmCount]:
        """Count alarms by code and priority; of all participants by whole days (UTC)."""
        if participant is not None:
            span: dict[str, Any] = {"from_ns": from_ns, "until_ns": until_ns}
            rows = self._read(tuple, sql.COUNTS_OF, **span, participant=participant)
        else:
            rows = self._counted(from_ns, until_ns, sql.COUNTS, sql.COUNTS_GONE)
        sums: dict[tuple[str, str], list[int]] = {}
        for code, priority, *counts in rows:
            known = sums.setdefault((code, priority), [0] * len(counts))
            sums[code, priority] = [a + b for a, b in zip(known, counts, strict=True)]
        return [AlarmCount(*key, *sums[key]) for key in sorted(sums)]

    def answer_counts(self, from_ns: int, until_ns: int) -> list[AnswerCount]:
        """Count how long alarms waited for somebody, by whole days (UTC)."""
        sums: Counter[tuple[str, int]] = Counter()
        for priority, step, n in self._counted(from_ns, until_ns, sql.ANSWERS, sql.ANSWERS_GONE):
            sums[priority, step] += n
        return [AnswerCount(key[0], sql.STEPS[key[1]], sums[key]) for key in sorted(sums)]

    def alarm_states(self) -> list[AlarmState]:
        """Give what the alarm core goes on from, by participant."""
        return self._read(to.state_of, sql.STATES)

    def audit(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Audit]:
        """Give the newest that persons did, newest first; of a participant: that of them only."""
        return self._read(to.audit_of, sql.audit(participant, limit), since_ns=_since(since_ns))

    def strips(self, finding_ids: Iterable[str]) -> dict[str, StoredStrip]:
        """Give the strips there are, by the id of the finding."""
        keys = list(dict.fromkeys(finding_ids))
        found = self._read(to.strip_of, sql.STRIPS_OF, keys=keys)
        by_id = {strip.finding_id: strip for strip in found}
        return {key: by_id[key] for key in keys if key in by_id}

    def participants(self) -> list[Participant]:
        """Give the participants by id."""
        return self._read(to.participant_of, sql.PEOPLE)

    def forget(self, before_ns: int) -> int:
        """Delete findings, strips and ended alarms that are older; gives the number of rows."""
        n = self._forget(before_ns, sql.OLD_ALARMS, sql.PUT_BY, sql.FORGET_ALARMS)
        return n + self._forget(before_ns, sql.OLD_FINDINGS, (), sql.FORGET_FINDINGS)

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        self._engine.dispose()

    def _forget(
        self, before_ns: int, old: Select[Any], put_by: Sequence[Executable],
        forget: Sequence[Executable],
    ) -> int:  # fmt: skip
        """Delete in short transactions, until there is nothing old."""
        total = 0
        while True:
            with self._begin() as connection:
                keys = [row[0] for row in connection.execute(old, {"before_ns": before_ns})]
                if not keys:
                    return total
                for statement in (*put_by, *forget):
                    done = connection.execute(statement, {"keys": list(dict.fromkeys(keys))})
                    total += done.rowcount if statement in forget else 0

    def _counted(
        self, from_ns: int, until_ns: int, there: Select[Any], gone: Select[Any]
    ) -> list[tuple[Any, ...]]:
        first, last = from_ns // sql.DAY_NS, (until_ns - 1) // sql.DAY_NS
        span = {"from_ns": first * sql.DAY_NS, "until_ns": (last + 1) * sql.DAY_NS}
        days = {"from_day": first, "until_day": last}
        return self._read(tuple, there, **span) + self._read(tuple, gone, **days)

    def _read(self, of_row: Callable[[Any], Any], query: Select[Any], **params: Any) -> list[Any]:
        with self._begin() as connection:
            return [of_row(row) for row in connection.execute(query, params)]

    def _check_tables(self) -> None:
        with self._begin() as connection:
            found, known = migrating.revision(connection), migrating.revisions()
        if found != known[-1]:
            is_old = found is None or found in known
            problem = (
                "vitals doctor --migrate makes them" if is_old else "a newer version made them"
            )
            raise StoreError(
                self.where,
                f"tables of revision {found or 'none'}, expected {known[-1]}; {problem}",
            )

    @contextlib.contextmanager
    def _begin(self) -> Iterator[Connection]:
        if self._closed:
            raise StoreError(self.where, "the store is closed")
        try:
            with self._engine.begin() as connection:
                connection.execute(text(f"set local statement_timeout = {QUERY_MS}"))
                yield connection
        except (DataError, IntegrityError) as error:
            raise UnfitError(self.where, short(error)) from error
        except SQLAlchemyError as error:
            raise StoreError(self.where, short(error)) from error


def _put(connection: Connection, kind: type[Record], several: Sequence[Any]) -> None:
    if kind is AlarmChange:
        acknowledged = [change for change in several if change.kind == "acknowledged"]
        connection.execute(sql.PUT_ALARM, [_alarm(change) for change in several])
        rows = map(to.change_row, several)
        connection.execute(sql.PUT_CHANGE, _named(_CHANGE_COLUMNS, rows))
        if acknowledged:
            rows = map(to.acknowledgement_row, acknowledged)
            connection.execute(sql.PUT_ACKNOWLEDGEMENT, _named(_ACKNOWLEDGED_COLUMNS, rows))
    elif kind is Audit:
        connection.execute(sql.PUT_AUDIT, [_audit(one) for one in several])
    elif kind in _ONE_TABLE:
        statement, columns, row_of = _ONE_TABLE[kind]
        connection.execute(statement, _named(columns, map(row_of, several)))
    else:
        raise ContractError(f"a record store does not take {kind.__name__}")


_CHANGE_COLUMNS: Final = ("alarm_id", "t_ns", "step", "kind", "alarm")
_ACKNOWLEDGED_COLUMNS: Final = ("participant", "t_ns", "alarm_id", "by")
_ONE_TABLE: Final[dict[type[Record], tuple[Any, Sequence[str], Any]]] = {
    Finding: (sql.PUT_FINDING, to.FINDING_COLUMNS, to.finding_row),
    AlarmState: (sql.PUT_STATE, to.STATE_COLUMNS, to.state_row),
    StoredStrip: (sql.PUT_STRIP, to.STRIP_COLUMNS, to.strip_row),
    Participant: (sql.PUT_PARTICIPANT, to.PARTICIPANT_COLUMNS, to.participant_row),
}


def _named(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, map(_text, row), strict=True)) for row in rows]


def _text(value: Any) -> Any:
    """PostgreSQL has no NUL in texts; it stands for something that cannot be shown either way."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _alarm(change: AlarmChange) -> dict[str, Any]:
    (row,) = _named((*to.ALARM_COLUMNS, *to.ALARM_EVER), [to.alarm_row(change.alarm)])
    return {**row, "seen_ns": change.t_ns if change.kind == "acknowledged" else None}


def _audit(audit: Audit) -> dict[str, Any]:
    (row,) = _named(to.AUDIT_COLUMNS, [to.audit_row(audit)])
    digest = hashlib.sha256(repr(list(row.values())).encode()).hexdigest()
    return {**row, "digest": digest}


def _by_kind(records: Iterable[Record]) -> Mapping[type[Record], list[Record]]:
    sorted_out: dict[type[Record], list[Record]] = {}
    for record in records:
        sorted_out.setdefault(type(record), []).append(record)
    return sorted_out


def _since(since_ns: int | None) -> int:
    return _ALWAYS_NS if since_ns is None else since_ns


def short(error: SQLAlchemyError) -> str:
    """Give what went wrong in one line, without what was to be written."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".strip().splitlines()[0][:300]
