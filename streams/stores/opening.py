"""Opens the store that the settings name: one file, or InfluxDB and PostgreSQL together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from processors.errors import SettingError
from streams.config import Settings
from streams.packages import needed_by
from streams.stores import Store

if TYPE_CHECKING:
    from streams.stores.influx import InfluxStore
    from streams.stores.influx_server import InfluxServer
    from streams.stores.postgres import PostgresStore

FILE: Final = "vitals.sqlite"
_EXTRAS: Final = "kafka,stores"


def is_there(settings: Settings) -> bool:
    """Tell whether there may be a store: servers are named, or the file exists."""
    on_servers = bool(settings.influx_url or settings.postgres_url)
    return on_servers or (settings.data / FILE).is_file()


def open_stores(settings: Settings) -> Store:
    """Open what everything else reads and writes; close it when done.

    Raises
    ------
    SettingError
        One of the two servers is named without the other, a package is missing, or the file cannot
        be used.
    StoreError
        PostgreSQL cannot be reached, or has other tables than this version.
    """
    if not settings.influx_url and not settings.postgres_url:
        from streams.stores.sqlite import SqliteStore

        return SqliteStore(settings.data / FILE)
    for name in ("influx_url", "postgres_url"):
        if not getattr(settings, name):
            raise SettingError(name, "expected beside the other of influx_url and postgres_url")
    from streams.stores.joined import JoinedStore

    records = open_records(settings)
    return JoinedStore(open_series(settings), records)


def open_series(settings: Settings, spill: Path | None = None) -> InfluxStore:
    """Open the series store on InfluxDB; it need not be there.

    Parameters
    ----------
    spill
        Folder for what InfluxDB does not take now; None: a write raises instead.
    """
    server = influx_server(settings)
    from streams.stores.influx import InfluxStore

    return InfluxStore(server, spill, round(settings.spill_gb * 1e9))


def influx_server(settings: Settings) -> InfluxServer:
    """Give the way to the bucket; nothing is connected yet."""
    with needed_by("influx_url", _EXTRAS):
        from streams.stores.influx_server import InfluxServer
    return InfluxServer(
        settings.influx_url,
        settings.influx_org,
        settings.influx_bucket,
        settings.influx_token.get_secret_value(),
    )


def open_records(settings: Settings) -> PostgresStore:
    """Open the store of records on PostgreSQL.

    Raises
    ------
    StoreError
        It cannot be reached, or has other tables than this version.
    """
    with needed_by("postgres_url", _EXTRAS):
        from streams.stores.postgres import PostgresStore
    password = settings.postgres_password.get_secret_value()
    return PostgresStore(settings.postgres_url, password)


def migrate_records(settings: Settings) -> tuple[str | None, str | None]:
    """Bring the tables on PostgreSQL up to date; gives the revisions before and after.

    Raises
    ------
    StoreError
        It cannot be reached, or does not allow it.
    """
    with needed_by("postgres_url", _EXTRAS):
        from streams.stores.postgres import open_engine
        from streams.stores.postgres.migrating import migrate
    engine = open_engine(settings.postgres_url, settings.postgres_password.get_secret_value())
    try:
        return migrate(engine)
    finally:
        engine.dispose()
