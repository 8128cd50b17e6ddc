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

# An alarm is taken out of its counts before what is counted of it changes, then put in again.
_COUNT = """
insert into alarm_days
select day, code, priority, {sign}1, {sign}heard, {sign}acknowledged, {sign}judged, {sign}useful
from alarm_counts where id = {row}
on conflict do update set
    alarms = alarm_days.alarms + excluded.alarms, heard = alarm_days.heard + excluded.heard,
    acknowledged = alarm_days.acknowledged + excluded.acknowledged,
    judged = alarm_days.judged + excluded.judged, useful = alarm_days.useful + excluded.useful;
insert into answer_days
select priority, least_s, day, {sign}1 from alarm_counts where id = {row} and acknowledged
on conflict do update set n = answer_days.n + excluded.n;
"""
_MOVES = (
    "when (old.onset_ns, old.raised_ns, old.code, old.priority, old.heard, old.judged)"
    " is not (new.onset_ns, new.raised_ns, new.code, new.priority, new.heard, new.judged)"
)
_COUNTING = (
    ("after insert on alarms", "", "new.id"),
    (f"before update on alarms {_MOVES}", "-", "old.id"),
    (f"after update on alarms {_MOVES}", "", "new.id"),
    ("before insert on acknowledgements", "-", "new.alarm_id"),
    ("after insert on acknowledgements", "", "new.alarm_id"),
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

-- The whole of an alarm: `more` is JSON of what is never asked for. `heard` (was ever to be heard)
-- and `judged` (useful or not, as a person said last) are kept while the alarm changes.
alter table alarms add column raised_ns integer not null default 0;
alter table alarms add column more text not null default '{}';
alter table alarms add column heard integer not null default 0;
alter table alarms add column judged integer;
update alarms set
    raised_ns = coalesce(
        (select min(t_ns) from alarm_changes c where alarm_id = alarms.id and c.kind = 'raised'), 0
    ),
    heard = exists (
        select 1 from alarm_changes c
        where alarm_id = alarms.id and instr(c.alarm, '"sounding":true') > 0
    );
alter table participants add column posture integer;
alter table participants add column beta_blocker integer;
alter table participants add column sensitive integer not null default 0;
alter table participants add column spo2_low real;
alter table participants add column place text not null default '';

-- Alarms by day and code, so that a year of them is not counted for each page. `alarms` are
-- upserted, never replaced: a row that is replaced would be taken out of its count by nobody.
create table alarm_days (
    day integer not null, code text not null, priority text not null, alarms integer not null,
    heard integer not null, acknowledged integer not null, judged integer not null,
    useful integer not null,
    primary key (day, code, priority)
) without rowid;

-- How long alarms of a day waited for the first acknowledgement: how many within each step of a
-- quarter octave of seconds (the first: below one second). The day comes last, so that days are
-- added up where they lie and nothing is sorted.
create table answer_days (
    priority text not null, least_s real not null, day integer not null, n integer not null,
    primary key (priority, least_s, day)
) without rowid;
create table answer_steps (least_s real primary key) without rowid;
insert into answer_steps
with recursive steps (least_s) as (
    select 1.0 union all select least_s * 1.189207115002721 from steps where least_s < 1e8
)
select 0.0 union all select least_s from steps;

create index acknowledgements_by_alarm on acknowledgements (alarm_id, t_ns);
create view alarm_counts as
select
    id, participant, onset_ns, onset_ns / 86400000000000 as day, code, priority, heard,
    seen_ns is not null as acknowledged, judged is not null as judged,
    coalesce(judged, 0) as useful,
    (
        select max(least_s) from answer_steps
        where least_s <= max(seen_ns - coalesce(nullif(raised_ns, 0), onset_ns), 0) / 1e9
    ) as least_s
from (
    select *, (select min(t_ns) from acknowledgements where alarm_id = alarms.id) as seen_ns
    from alarms
);
insert into alarm_days
select day, code, priority, count(*), sum(heard), sum(acknowledged), sum(judged), sum(useful)
from alarm_counts group by day, code, priority;
insert into answer_days
select priority, least_s, day, count(*) from alarm_counts where acknowledged
group by priority, least_s, day;

-- How many rows of heart rate a day has: person-time watched. Who writes features counts them.
create table watched_days (day integer primary key, n integer not null);
insert into watched_days
with recursive minutes (minute) as (
    select min(minute) from features
    union all
    select (select min(minute) from features f where f.minute > minutes.minute)
    from minutes where minute is not null
)
select minute / 1440, count(*) from minutes cross join features using (minute)
where series in (select key from series where kind = 'features' and name = 'heart_rate')
group by 1;
""" + "".join(
    f"create trigger alarm_count_{k} {when} begin {_COUNT.format(sign=sign, row=row)} end;"
    for k, (when, sign, row) in enumerate(_COUNTING)
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
