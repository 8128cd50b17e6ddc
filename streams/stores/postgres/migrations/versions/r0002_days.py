"""What stays counted of alarms that are forgotten."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = """
create table alarm_days (
    day bigint not null, code text collate "C" not null, priority text collate "C" not null,
    alarms bigint not null, heard bigint not null, acknowledged bigint not null,
    judged bigint not null, useful bigint not null,
    primary key (day, code, priority)
);
create table answer_days (
    day bigint not null, priority text collate "C" not null, step integer not null,
    n bigint not null,
    primary key (day, priority, step)
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(_TABLES)
