"""The SQL of the store. Only names of this file are put into a statement; values are parameters."""

# ruff: noqa: S608 - the names are constants of this file and of `streams.stores.rows`

from __future__ import annotations

from collections.abc import Sequence

from alerts.rule import PRIORITIES
from streams.stores.rows import (
    ALARM_COLUMNS,
    ALARM_EVER,
    AUDIT_COLUMNS,
    FINDING_COLUMNS,
    PARTICIPANT_COLUMNS,
    STATE_COLUMNS,
    STRIP_COLUMNS,
)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _put(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"insert or replace into {table} ({_names(columns)}) values ({marks})"


PUT_FEATURES = _put("features", ("minute", "series", "person", "t_ns", "value"))
ADD_FEATURES = PUT_FEATURES.replace(" or replace", " or ignore", 1)
ADD_WATCHED = "insert into watched_days values (?, ?) on conflict do update set n = n + excluded.n"
PUT_SCALARS = _put("scalars", ("person", "series", "t_ns", "value"))
PUT_FINDING = _put("findings", FINDING_COLUMNS)
# Changed in place, not replaced: triggers move what the alarm counts for.
PUT_ALARM = _put("alarms", (*ALARM_COLUMNS, *ALARM_EVER)).replace(" or replace", "", 1) + (
    " on conflict do update set heard = max(alarms.heard, excluded.heard),"
    " judged = coalesce(excluded.judged, alarms.judged), "
    + ", ".join(f"{name} = excluded.{name}" for name in ALARM_COLUMNS[1:])
)
PUT_CHANGE = _put("alarm_changes", ("alarm_id", "t_ns", "step", "kind", "alarm"))
PUT_ACKNOWLEDGEMENT = _put("acknowledgements", ("participant", "t_ns", "alarm_id", "by"))
PUT_STRIP = _put("strips", STRIP_COLUMNS)
PUT_STATE = _put("alarm_states", STATE_COLUMNS)
PUT_AUDIT = _put("audit", AUDIT_COLUMNS).replace(" or replace", " or ignore", 1)
PUT_PARTICIPANT = _put("participants", PARTICIPANT_COLUMNS)

# A number for a name, made when there is none: first the one, then the other.
NEW_PERSON = "insert or ignore into people (id) values (?)"
PERSON = "select key from people where id = ?"
NEW_SERIES = "insert or ignore into series (kind, name, columns) values (?, ?, ?)"
SERIES = "select key from series where kind = ? and name = ? and columns = ?"
SERIES_OF_NAME = "select key, columns from series where kind = ? and name = ? order by key"
SERIES_NAMES = "select distinct name from series where kind = ? order by name"

# Newest first; of a participant or of all, since a time or of all times (-2**63).
_NEWEST = "t_ns >= :since_ns order by t_ns desc, id limit :limit"
_LAST_TOLD = "not exists (select 1 from findings n where n.id = f.id and n.stage > f.stage)"
FINDINGS = f"select {_names(FINDING_COLUMNS)} from findings f where {_LAST_TOLD} and {_NEWEST}"
FINDINGS_OF = FINDINGS.replace("where", "where participant = :participant and", 1)
ALARMS = f"select {_names(ALARM_COLUMNS)} from alarms where {_NEWEST}"
ALARMS_OF = ALARMS.replace("where", "where participant = :participant and", 1)

FINDING_HISTORY = f"select {_names(FINDING_COLUMNS)} from findings where id = ? order by stage"
OPEN_ALARMS = (
    f"select {_names(ALARM_COLUMNS)} from alarms where state <> 'ended' order by onset_ns, id"
)
ALARM_HISTORY = "select kind, t_ns, alarm from alarm_changes where alarm_id = ? order by t_ns, step"
ACKNOWLEDGEMENTS = (
    "select participant, t_ns, alarm_id, by from acknowledgements"
    " where participant = ? order by t_ns, alarm_id"
)
ALARM_STATES = f"select {_names(STATE_COLUMNS)} from alarm_states order by participant"
AUDIT = (
    f"select {_names(AUDIT_COLUMNS)} from audit"
    " where t_ns >= :since_ns order by t_ns desc, key desc limit :limit"
)
AUDIT_OF = AUDIT.replace("where", "where participant = :participant and", 1)
# Of whole days where it is for everybody; a participant's own alarms are few and are counted.
_DAYS = "day >= :from_ns / 86400000000000 and day <= (:until_ns - 1) / 86400000000000"
_COUNTS = "sum(heard), sum(acknowledged), sum(judged), sum(useful)"
ALARM_COUNTS = (
    f"select code, priority, sum(alarms), {_COUNTS} from alarm_days where {_DAYS}"
    " group by code, priority having sum(alarms) > 0"
)
ALARM_COUNTS_OF = (
    f"select code, priority, count(*), {_COUNTS} from alarm_counts"
    " where participant = :participant and onset_ns >= :from_ns and onset_ns < :until_ns"
    " group by code, priority"
)
# One look-up for each priority and step, null for none: a quarter of the time of grouping the rows.
ANSWER_COUNTS = f"""
with priorities (priority) as (values {", ".join(f"('{each}')" for each in PRIORITIES)})
select priority, least_s, (
    select sum(n) from answer_days a
    where a.priority = p.priority and a.least_s = s.least_s and {_DAYS}
)
from priorities p, answer_steps s order by priority, least_s
"""
WATCHED = f"select coalesce(sum(n), 0) from watched_days where {_DAYS}"
STRIP = f"select {_names(STRIP_COLUMNS)} from strips where finding_id = ?"
PARTICIPANTS = f"select {_names(PARTICIPANT_COLUMNS)} from participants order by id"

# Deletions, run in rounds until one finds nothing: a minute of features, 500 findings or alarms.
PEOPLE = "select key from people"
FORGET_FEATURES = (
    "delete from features where minute = (select min(minute) from features)"
    " and minute < :before_minute",
)
FORGET_SCALARS = ("delete from scalars where person = :person and t_ns < :before_ns",)
_OLD_ALARMS = (
    "select id from alarms where t_ns < :before_ns and state = 'ended' order by t_ns limit 500"
)
FORGET_ALARMS = (
    f"delete from acknowledgements where alarm_id in ({_OLD_ALARMS})",
    f"delete from alarm_changes where alarm_id in ({_OLD_ALARMS})",
    f"delete from alarms where id in ({_OLD_ALARMS})",
)
_OLD_FINDINGS = (
    "select id from findings f where t_ns < :before_ns and not exists"
    " (select 1 from findings n where n.id = f.id and n.t_ns >= :before_ns) order by t_ns limit 500"
)
FORGET_FINDINGS = (
    f"delete from strips where finding_id in ({_OLD_FINDINGS})",
    f"delete from findings where id in ({_OLD_FINDINGS})",
)

SCALAR_ROWS = """
select t_ns, value from scalars
where person = (select key from people where id = :participant) and series = :series
    and t_ns >= :from_ns and t_ns < :until_ns
order by t_ns
"""
# The first value of a row is a number: not NaN of either sign, as numpy writes it.
WATCHED_OF_ALL = """
with recursive minutes (minute) as (
    select max(:from_minute, (select min(minute) from features))
    union all
    select minute + 1 from minutes
    where minute < min(:until_minute, (select max(minute) from features))
)
select id, n, last_ns from (
    select person, count(*) as n, max(t_ns) as last_ns
    from minutes cross join features using (minute)
    where series in (select key from series where kind = :kind and name = :name)
        and t_ns >= :from_ns and t_ns < :until_ns
        and substr(value, 7, 2) not in (x'f87f', x'f8ff')
    group by person
) join people on people.key = person
"""
# One look-up for each minute between the first and the last that are stored.
FEATURE_ROWS = """
with recursive minutes (minute) as (
    select max(:from_minute, (select min(minute) from features))
    union all
    select minute + 1 from minutes
    where minute < min(:until_minute, (select max(minute) from features))
)
select t_ns, value from minutes cross join features using (minute)
where series = :series and person = (select key from people where id = :participant)
    and t_ns >= :from_ns and t_ns < :until_ns
order by t_ns
"""
