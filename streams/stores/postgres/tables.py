"""The tables on PostgreSQL, as of the newest revision; rows are those of `streams.stores.rows`.

JSON is kept as text, in the order it was written; ``evidence::jsonb`` asks into it. Texts compare
by their bytes, so that no order depends on the language of the server.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData()
_KEY: Final = Text(collation="C")


def _id(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, _KEY, primary_key=key, nullable=False)


def _told(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False)


def _ns(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)


def _count(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


# One row for each thing told of a finding; stage orders them.
FINDINGS: Final = Table(
    "findings", METADATA,
    _id("id", key=True), _ns("stage", key=True), _id("participant"), _id("code"), _told("state"),
    _count("revision"), _ns("onset_ns"), _ns("at_ns"), _ns("t_ns"), Column("value", Double),
    _told("evidence"),
    Index("findings_by_participant", "participant", "t_ns"),
    Index("findings_by_time", "t_ns"),
)  # fmt: skip

# An alarm as it is now. `heard`, `judged` (useful or not, as last said) and `seen_ns` (of the first
# acknowledgement) stay true of it whatever it becomes.
ALARMS: Final = Table(
    "alarms", METADATA,
    _id("id", key=True), _id("participant"), _id("code"), _id("priority"), _told("sounds_as"),
    _told("state"), _flag("latched"), _flag("sounding"), _ns("onset_ns"), _ns("t_ns"),
    _told("acknowledged_by"), _id("finding_id"), _count("count"), _count("suppressed"),
    Column("value", Double), _told("reason_en"), _told("reason_ko"), _ns("raised_ns"),
    _told("more"), _flag("heard"), Column("judged", Boolean), Column("seen_ns", BigInteger),
    Index("alarms_by_participant", "participant", "t_ns"),
    Index("alarms_by_time", "t_ns"),
    Index("alarms_by_onset", "onset_ns"),
    Index("alarms_open", "onset_ns", postgresql_where=text("state <> 'ended'")),
)  # fmt: skip

ALARM_CHANGES: Final = Table(
    "alarm_changes", METADATA,
    _id("alarm_id", key=True), _ns("t_ns", key=True), _count("step", key=True), _told("kind"),
    _told("alarm"),
)  # fmt: skip

ACKNOWLEDGEMENTS: Final = Table(
    "acknowledgements", METADATA,
    _id("participant", key=True), _ns("t_ns", key=True), _id("alarm_id", key=True), _told("by"),
    Index("acknowledgements_by_alarm", "alarm_id"),
)  # fmt: skip

ALARM_STATES: Final = Table(
    "alarm_states", METADATA, _id("participant", key=True), _ns("t_ns"), _told("plain")
)

# Only ever added to, which a trigger holds. `digest` is that of all the others: the same thing
# written again is the same row.
AUDIT: Final = Table(
    "audit", METADATA,
    Column("key", BigInteger, Identity(always=True), primary_key=True),
    _ns("t_ns"), _told("person"), _told("action"), _id("participant"), _told("code"),
    _told("reason"), _told("details"), Column("digest", Text, nullable=False, unique=True),
    Index("audit_by_participant", "participant", "t_ns"),
    Index("audit_by_time", "t_ns"),
)  # fmt: skip

STRIPS: Final = Table(
    "strips", METADATA,
    _id("finding_id", key=True), _id("participant"), _ns("at_ns"), _ns("t0_ns"),
    Column("fs_hz", Double, nullable=False), Column("scale", Double, nullable=False),
    Column("offset", Double, nullable=False), Column("samples", LargeBinary, nullable=False),
)  # fmt: skip

PARTICIPANTS: Final = Table(
    "participants", METADATA,
    _id("id", key=True), _told("name"), _told("group"), Column("age_years", Double),
    Column("heart_rate_max", Double), Column("heart_rate_rest", Double), _flag("event"),
    Column("posture", Integer), Column("beta_blocker", Boolean), _flag("sensitive"),
    Column("spo2_low", Double), _told("place"),
)  # fmt: skip

# What is counted of the alarms that have been forgotten; the others are counted as they are.
ALARM_DAYS: Final = Table(
    "alarm_days", METADATA,
    _ns("day", key=True), _id("code", key=True), _id("priority", key=True), _ns("alarms"),
    _ns("heard"), _ns("acknowledged"), _ns("judged"), _ns("useful"),
)  # fmt: skip

# Of these, how many waited for somebody for at least so many quarter octaves of seconds.
ANSWER_DAYS: Final = Table(
    "answer_days", METADATA,
    _ns("day", key=True), _id("priority", key=True), _count("step", key=True), _ns("n"),
)  # fmt: skip
