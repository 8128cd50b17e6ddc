"""The tables of the SQLite store and how older files come up to date.

A file's ``user_version`` is the number of migrations it has had. A migration is never changed once
it has been released; a change of the tables is one more at the end.
"""

# ruff: noqa: S608 - what is put into a statement is a constant of this file

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

# Before an alarm or its acknowledgement changes it is taken out of its count, then put in again.
_UNCOUNT = """
update alarm_days set
    alarms = alarm_days.alarms - 1, acknowledged = alarm_days.acknowledged - c.acknowledged,
    waited_ns = alarm_days.waited_ns - c.waited_ns
from alarm_counts c
where c.id = {row}
    and alarm_days.day = c.day and alarm_days.code = c.code and alarm_days.priority = c.priority;
"""
_COUNT = """
insert into alarm_days
select day, code, priority, alarms, acknowledged, waited_ns from alarm_counts where id = {row}
on conflict do update set
    alarms = alarm_days.alarms + 1, acknowledged = alarm_days.acknowledged + excluded.acknowledged,
    waited_ns = alarm_days.waited_ns + excluded.waited_ns;
"""
_COUNTING = (
    ("after insert on alarms", _COUNT, "new.id"),
    ("before update on alarms", _UNCOUNT, "old.id"),
    ("after update on alarms", _COUNT, "new.id"),
    ("before insert on acknowledgements", _UNCOUNT, "new.alarm_id"),
    ("after insert on acknowledgements", _COUNT, "new.alarm_id"),
)

_SECOND = """
-- What the alarm core goes on from; one row a participant, overwritten.
create table alarm_states (
    participant text primary key, t_ns integer not null, plain text not null
) without rowid;

-- Only ever added to. The same thing written again (a retry) is the same row.
create table audit (
    key integer primary key, t_ns integer not null, person text not null, action text not null,
    participant text not null, code text not null, reason text not null, details text not null,
    unique (t_ns, person, action, participant, code, reason, details)
);
create index audit_by_participant on audit (participant, t_ns);
create trigger audit_is_not_changed before update on audit
begin select raise(abort, 'the audit is only ever added to'); end;
create trigger audit_is_not_deleted before delete on audit
begin select raise(abort, 'the audit is only ever added to'); end;

-- Alarms by day and code, so that a year of them is not counted for each page. `alarms` are
-- upserted, never replaced: a row that is replaced would be taken out of its count by nobody.
create table alarm_days (
    day integer not null, code text not null, priority text not null, alarms integer not null,
    acknowledged integer not null, waited_ns integer not null,
    primary key (day, code, priority)
) without rowid;
create index acknowledgements_by_alarm on acknowledgements (alarm_id, t_ns);
create view alarm_counts as
select
    id, participant, onset_ns, onset_ns / 86400000000000 as day, code, priority, 1 as alarms,
    seen_ns is not null as acknowledged,
    coalesce(max(seen_ns - coalesce(raised_ns, onset_ns), 0), 0) as waited_ns
from (
    select
        *,
        (select min(t_ns) from acknowledgements where alarm_id = alarms.id) as seen_ns,
        (select min(t_ns) from alarm_changes c where alarm_id = alarms.id and c.kind = 'raised')
            as raised_ns
    from alarms
);
insert into alarm_days
select day, code, priority, sum(alarms), sum(acknowledged), sum(waited_ns)
from alarm_counts group by day, code, priority;
""" + "".join(
    f"create trigger alarm_count_{k} {when} begin {what.format(row=row)} end;"
    for k, (when, what, row) in enumerate(_COUNTING)
)

MIGRATIONS = (_FIRST, _SECOND)


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
