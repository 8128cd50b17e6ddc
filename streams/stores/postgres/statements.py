"""The statements of the store on PostgreSQL, as SQLAlchemy Core writes them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Double,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from streams.stores.postgres.tables import (
    ACKNOWLEDGEMENTS,
    ALARM_CHANGES,
    ALARM_DAYS,
    ALARM_STATES,
    ALARMS,
    ANSWER_DAYS,
    AUDIT,
    FINDINGS,
    PARTICIPANTS,
    STRIPS,
)
from streams.stores.rows import (
    ALARM_COLUMNS,
    AUDIT_COLUMNS,
    FINDING_COLUMNS,
    PARTICIPANT_COLUMNS,
    STATE_COLUMNS,
    STRIP_COLUMNS,
)

DAY_NS: Final = 86_400_000_000_000
OLD_AT_ONCE: Final = 500
# Quarter octaves of seconds; as in the SQLite store, by repeated multiplication.
STEPS: Final[list[float]] = [0.0, 1.0]
while STEPS[-1] < 1e8:
    STEPS.append(STEPS[-1] * 1.189207115002721)


def _put(table: Table) -> Insert:
    """Insert, or overwrite what has the same key."""
    statement = insert(table)
    rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    return statement.on_conflict_do_update(constraint=table.primary_key, set_=rest)


PUT_FINDING: Final = _put(FINDINGS)
PUT_CHANGE: Final = _put(ALARM_CHANGES)
PUT_ACKNOWLEDGEMENT: Final = _put(ACKNOWLEDGEMENTS)
PUT_STATE: Final = _put(ALARM_STATES)
PUT_STRIP: Final = _put(STRIPS)
PUT_PARTICIPANT: Final = _put(PARTICIPANTS)
PUT_AUDIT: Final = insert(AUDIT).on_conflict_do_nothing(index_elements=["digest"])


def _put_alarm() -> Insert:
    statement = insert(ALARMS)
    new, old = statement.excluded, ALARMS.c
    rest: dict[str, Any] = {name: new[name] for name in ALARM_COLUMNS[1:]}
    rest["heard"] = old.heard | new.heard
    rest["judged"] = func.coalesce(new.judged, old.judged)
    rest["seen_ns"] = func.least(old.seen_ns, new.seen_ns)  # of nulls and a number: the number
    return statement.on_conflict_do_update(constraint=ALARMS.primary_key, set_=rest)


PUT_ALARM: Final = _put_alarm()

_later = FINDINGS.alias("later")
_LAST_TOLD: Final = not_(
    select(1)
    .where(_later.c.id == FINDINGS.c.id, _later.c.stage > FINDINGS.c.stage)
    .correlate(FINDINGS)
    .exists()
)
_FINDING: Final = select(*(FINDINGS.c[name] for name in FINDING_COLUMNS))
_ALARM: Final = select(*(ALARMS.c[name] for name in ALARM_COLUMNS))
_AUDIT: Final = select(*(AUDIT.c[name] for name in AUDIT_COLUMNS))


def newest(select_: Select[Any], table: Table, participant: str | None, limit: int) -> Select[Any]:
    """Give the newest rows from a time on (``since_ns``), newest first."""
    tie = table.c.key.desc() if table is AUDIT else table.c.id
    query = select_.where(table.c.t_ns >= bindparam("since_ns")).limit(limit)
    if participant is not None:
        query = query.where(table.c.participant == participant)
    return query.order_by(table.c.t_ns.desc(), tie)


def findings(participant: str | None, limit: int) -> Select[Any]:
    """Give the newest findings, each as last told."""
    return newest(_FINDING.where(_LAST_TOLD), FINDINGS, participant, limit)


def alarms(participant: str | None, limit: int) -> Select[Any]:
    """Give the newest alarms, by the time of their state."""
    return newest(_ALARM, ALARMS, participant, limit)


def audit(participant: str | None, limit: int) -> Select[Any]:
    """Give the newest of what persons did."""
    return newest(_AUDIT, AUDIT, participant, limit)


FINDING_HISTORY: Final = _FINDING.where(FINDINGS.c.id == bindparam("key")).order_by(
    FINDINGS.c.stage
)
OPEN_ALARMS: Final = _ALARM.where(ALARMS.c.state != "ended").order_by(
    ALARMS.c.onset_ns, ALARMS.c.id
)
_change = ALARM_CHANGES.c
ALARM_HISTORY: Final = (
    select(_change.kind, _change.t_ns, _change.alarm)
    .where(_change.alarm_id == bindparam("key"))
    .order_by(_change.t_ns, _change.step)
)
_ack = ACKNOWLEDGEMENTS.c
ACKNOWLEDGED: Final = (
    select(_ack.participant, _ack.t_ns, _ack.alarm_id, _ack.by)
    .where(_ack.participant == bindparam("participant"))
    .order_by(_ack.t_ns, _ack.alarm_id)
)
STATES: Final = select(*(ALARM_STATES.c[name] for name in STATE_COLUMNS)).order_by(
    ALARM_STATES.c.participant
)
STRIPS_OF: Final = select(*(STRIPS.c[name] for name in STRIP_COLUMNS)).where(
    STRIPS.c.finding_id.in_(bindparam("keys", expanding=True))
)
PEOPLE: Final = select(*(PARTICIPANTS.c[name] for name in PARTICIPANT_COLUMNS)).order_by(
    PARTICIPANTS.c.id
)

# Counting: alarms as they stand, and what was counted of those that are gone.
_day = ALARMS.c.onset_ns // DAY_NS
_waited_s = (
    func.greatest(
        ALARMS.c.seen_ns - func.coalesce(func.nullif(ALARMS.c.raised_ns, 0), ALARMS.c.onset_ns), 0
    )
    / 1e9
)
_step = func.width_bucket(
    cast(_waited_s, Double), cast(bindparam("steps", STEPS[1:], unique=False), ARRAY(Double))
)


def _n(condition: Any) -> Any:
    return cast(func.coalesce(func.sum(case((condition, 1), else_=0)), 0), BigInteger)


_COUNTS: Final = (
    cast(func.count(), BigInteger),
    _n(ALARMS.c.heard),
    cast(func.count(ALARMS.c.seen_ns), BigInteger),
    cast(func.count(ALARMS.c.judged), BigInteger),
    _n(ALARMS.c.judged),
)
_BETWEEN: Final = and_(
    ALARMS.c.onset_ns >= bindparam("from_ns", type_=BigInteger),
    ALARMS.c.onset_ns < bindparam("until_ns", type_=BigInteger),
)
COUNTS: Final = (
    select(ALARMS.c.code, ALARMS.c.priority, *_COUNTS)
    .where(_BETWEEN)
    .group_by(ALARMS.c.code, ALARMS.c.priority)
)
COUNTS_OF: Final = COUNTS.where(ALARMS.c.participant == bindparam("participant"))
_days = ALARM_DAYS.c
_COUNTED_DAYS: Final = and_(
    _days.day >= bindparam("from_day", type_=BigInteger),
    _days.day <= bindparam("until_day", type_=BigInteger),
)
COUNTS_GONE: Final = select(
    _days.code, _days.priority, _days.alarms, _days.heard, _days.acknowledged, _days.judged,
    _days.useful,
).where(_COUNTED_DAYS)  # fmt: skip
ANSWERS: Final = (
    select(ALARMS.c.priority, _step, cast(func.count(), BigInteger))
    .where(_BETWEEN, ALARMS.c.seen_ns.is_not(None))
    .group_by(ALARMS.c.priority, _step)
)
ANSWERS_GONE: Final = select(ANSWER_DAYS.c.priority, ANSWER_DAYS.c.step, ANSWER_DAYS.c.n).where(
    ANSWER_DAYS.c.day >= bindparam("from_day", type_=BigInteger),
    ANSWER_DAYS.c.day <= bindparam("until_day", type_=BigInteger),
)

# Forgetting, a few hundred at once; what was counted of an alarm is put by first.
OLD_ALARMS: Final = (
    select(ALARMS.c.id)
    .where(ALARMS.c.t_ns < bindparam("before_ns"), ALARMS.c.state == "ended")
    .order_by(ALARMS.c.t_ns)
    .limit(OLD_AT_ONCE)
)
_newer = FINDINGS.alias("newer")
OLD_FINDINGS: Final = (
    select(FINDINGS.c.id)
    .where(
        FINDINGS.c.t_ns < bindparam("before_ns"),
        not_(
            select(1)
            .where(_newer.c.id == FINDINGS.c.id, _newer.c.t_ns >= bindparam("before_ns"))
            .correlate(FINDINGS)
            .exists()
        ),
    )
    .order_by(FINDINGS.c.t_ns)
    .limit(OLD_AT_ONCE)
)
_KEYS: Final[Any] = bindparam("keys", expanding=True)


def _put_by(table: Table, chosen: Select[Any], keys: list[str], counts: list[str]) -> Insert:
    statement = insert(table).from_select([*keys, *counts], chosen)
    return statement.on_conflict_do_update(
        constraint=table.primary_key,
        set_={name: table.c[name] + statement.excluded[name] for name in counts},
    )


PUT_BY: Final = (
    _put_by(
        ALARM_DAYS,
        select(_day.label("day"), ALARMS.c.code, ALARMS.c.priority, *_COUNTS)
        .where(ALARMS.c.id.in_(_KEYS))
        .group_by(_day, ALARMS.c.code, ALARMS.c.priority),
        ["day", "code", "priority"],
        ["alarms", "heard", "acknowledged", "judged", "useful"],
    ),
    _put_by(
        ANSWER_DAYS,
        select(
            _day.label("day"), ALARMS.c.priority, cast(_step, Integer).label("step"),
            cast(func.count(), BigInteger),
        )
        .where(ALARMS.c.id.in_(_KEYS), ALARMS.c.seen_ns.is_not(None))
        .group_by(_day, ALARMS.c.priority, _step),
        ["day", "priority", "step"],
        ["n"],
    ),
)  # fmt: skip
FORGET_ALARMS: Final = (
    delete(ACKNOWLEDGEMENTS).where(_ack.alarm_id.in_(_KEYS)),
    delete(ALARM_CHANGES).where(_change.alarm_id.in_(_KEYS)),
    delete(ALARMS).where(ALARMS.c.id.in_(_KEYS)),
)
FORGET_FINDINGS: Final = (
    delete(STRIPS).where(STRIPS.c.finding_id.in_(_KEYS)),
    delete(FINDINGS).where(FINDINGS.c.id.in_(_KEYS)),
)
