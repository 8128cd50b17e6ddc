"""Brings the tables on PostgreSQL up to date, and tells whether they are.

Nothing but `migrate` (``vitals doctor --migrate``) ever changes a table: sinks and monitors start
together, and their user need not be allowed to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from streams.stores import StoreError

_LOCK: Final = 0x564954  # of the database, while tables change: "VIT"


def revisions() -> list[str]:
    """Give the revisions that this version knows, oldest first."""
    script = ScriptDirectory.from_config(_config())
    return [each.revision for each in script.walk_revisions()][::-1]


def revision(connection: Connection) -> str | None:
    """Give the revision of the tables; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine, target: str = "head") -> tuple[str | None, str | None]:
    """Upgrade in one transaction; gives the revisions before and after.

    Raises
    ------
    StoreError
        The server cannot be reached, does not allow it, or has tables of a newer version.
    """
    config = _config()
    try:
        with engine.begin() as connection:
            # Two at once would both find the old tables.
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            before = revision(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, target)
            return before, revision(connection)
    except (SQLAlchemyError, CommandError) as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(where, f"the tables are as they were ({error})") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
