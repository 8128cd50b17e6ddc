"""Run by Alembic for each upgrade, on the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context

from streams.stores.postgres.tables import METADATA


def run() -> None:
    """Run the revisions that are due."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs it
    run()
