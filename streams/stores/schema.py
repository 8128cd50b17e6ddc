"""The tables of the SQLite store and how older files come up to date.

A file's ``user_version`` is the number of migrations it has had. A migration is never changed once
it has been released; a change of the tables is one more at the end.
"""

from __future__ import annotations

import sqlite3

from processors.errors import SettingError

APPLICATION_ID = 0x56495453  # "VITS": tells the file apart from other SQLite databases

_FIRST = """
-- Short numbers for names that millions of rows repeat.
create table people (key integer primary key, id text not null unique);
create table series (
    key integer primary key, kind text not null, name text not null, columns text not null,
    unique (kind, name, columns)
);

-- Dense: all participants at once, every few seconds. Rows of one minute and name lie together, so
-- that a transaction touches few pages: 250,000 rows/s against 45,000 with the participant first
-- (2,000 participants, 5 features, batches of 10,000).
create table features (
    minute integer not null, series integer not null, person integer not null,
    t_ns integer not null, value blob not null,
    primary key (minute, series, person, t_ns)
) without rowid;

-- Sparse: a weight a day. Read over months, so the participant comes first.
create table scalars (
    person integer not null, series integer not null, t_ns integer not null, value blob not null,
    primary key (person, series, t_ns)
) without rowid;

-- One row for each thing told of a finding; stage orders them.
create table findings (
    id text not null, stage integer not null, participant text not null, code text not null,
    state text not null, revision integer not null, onset_ns integer not null,
    at_ns integer not null, t_ns integer not null, value real, evidence text not null,
    primary key (id, stage)
) without rowid;
create index findings_by_participant on findings (participant, t_ns);
create index findings_by_time on findings (t_ns);

create table alarms (
    id text primary key, participant text not null, code text not null, priority text not null,
    sounds_as text not null, state text not null, latched integer not null,
    sounding integer not null, onset_ns integer not null, t_ns integer not null,
    acknowledged_by text not null, finding_id text not null, count integer not null,
    suppressed integer not null, value real, reason_en text not null, reason_ko text not null
) without rowid;
create index alarms_by_participant on alarms (participant, t_ns);
create index alarms_by_time on alarms (t_ns);
create index alarms_open on alarms (onset_ns) where state <> 'ended';

create table alarm_changes (
    alarm_id text not null, t_ns integer not null, step integer not null, kind text not null,
    alarm text not null,
    primary key (alarm_id, t_ns, step)
) without rowid;

create table acknowledgements (
    participant text not null, t_ns integer not null, alarm_id text not null, by text not null,
    primary key (participant, t_ns, alarm_id)
) without rowid;

create table strips (
    finding_id text primary key, participant text not null, at_ns integer not null,
    t0_ns integer not null, fs_hz real not null, scale real not null, offset real not null,
    samples blob not null
) without rowid;

create table participants (
    id text primary key, name text not null, "group" text not null, age_years real,
    heart_rate_max real, heart_rate_rest real, event integer not null
) without rowid;
"""

MIGRATIONS = (_FIRST,)


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring a file up to date, each migration in a transaction of its own.

    Raises
    ------
    SettingError
        The file belongs to another program or to a newer version of this one.
    """
    (version,) = connection.execute("pragma user_version").fetchone()
    (application,) = connection.execute("pragma application_id").fetchone()
    (n_tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or n_tables):
        raise SettingError(where, "is a database of another program")
    if version > len(MIGRATIONS):
        raise SettingError(
            where, f"was written by a newer version (tables {version}, known {len(MIGRATIONS)})"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"begin immediate; {script} pragma application_id = {APPLICATION_ID};"
            f" pragma user_version = {number}; commit;"
        )
