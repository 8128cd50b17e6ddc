"""Findings, alarms, acknowledgements, audit, strips, participants."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
create table findings (
    id text collate "C" not null, stage bigint not null, participant text collate "C" not null,
    code text collate "C" not null, state text not null, revision integer not null,
    onset_ns bigint not null, at_ns bigint not null, t_ns bigint not null, value double precision,
    evidence text not null,
    primary key (id, stage)
);
create index findings_by_participant on findings (participant, t_ns);
create index findings_by_time on findings (t_ns);

create table alarms (
    id text collate "C" primary key, participant text collate "C" not null,
    code text collate "C" not null, priority text collate "C" not null, sounds_as text not null,
    state text not null, latched boolean not null, sounding boolean not null,
    onset_ns bigint not null, t_ns bigint not null, acknowledged_by text not null,
    finding_id text collate "C" not null, count integer not null, suppressed integer not null,
    value double precision, reason_en text not null, reason_ko text not null,
    raised_ns bigint not null, more text not null, heard boolean not null, judged boolean,
    seen_ns bigint
);
create index alarms_by_participant on alarms (participant, t_ns);
create index alarms_by_time on alarms (t_ns);
create index alarms_by_onset on alarms (onset_ns);
create index alarms_open on alarms (onset_ns) where state <> 'ended';

create table alarm_changes (
    alarm_id text collate "C" not null, t_ns bigint not null, step integer not null,
    kind text not null, alarm text not null,
    primary key (alarm_id, t_ns, step)
);
create table acknowledgements (
    participant text collate "C" not null, t_ns bigint not null,
    alarm_id text collate "C" not null, by text not null,
    primary key (participant, t_ns, alarm_id)
);
create index acknowledgements_by_alarm on acknowledgements (alarm_id);

create table alarm_states (
    participant text collate "C" primary key, t_ns bigint not null, plain text not null
);

create table audit (
    key bigint generated always as identity primary key, t_ns bigint not null,
    person text not null, action text not null, participant text collate "C" not null,
    code text not null, reason text not null, details text not null, digest text not null unique
);
create index audit_by_participant on audit (participant, t_ns);
create index audit_by_time on audit (t_ns);
create function audit_is_kept() returns trigger language plpgsql as $$
begin raise exception 'the audit is only ever added to'; end $$;
create trigger audit_is_kept before update or delete or truncate on audit
for each statement execute function audit_is_kept();

create table strips (
    finding_id text collate "C" primary key, participant text collate "C" not null,
    at_ns bigint not null, t0_ns bigint not null, fs_hz double precision not null,
    scale double precision not null, "offset" double precision not null, samples bytea not null
);

create table participants (
    id text collate "C" primary key, name text not null, "group" text not null,
    age_years double precision, heart_rate_max double precision, heart_rate_rest double precision,
    event boolean not null, posture integer, beta_blocker boolean, sensitive boolean not null,
    spo2_low double precision, place text not null
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(_TABLES)
