"""What the suite of all stores runs over: a file, and two servers together."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from streams.stores import Store
from streams.stores.influx import InfluxStore
from streams.stores.influx_server import InfluxServer
from streams.stores.joined import JoinedStore
from streams.stores.postgres import PostgresStore, open_engine
from streams.stores.postgres.migrating import migrate
from streams.stores.sqlite import SqliteStore
from tests.servers.influxdb import Influx


@dataclass(frozen=True, slots=True)
class BackEnd:
    """One way to keep things.

    Attributes
    ----------
    open
        Opens the store of a folder, an empty one the first time.
    resolution_ns
        What times of values are kept to.
    atomic
        Who reads sees all of a `Store.write` or nothing of it.
    settings
        What names the store of a folder to a command.
    """

    open: Callable[[Path], Store]
    settings: Callable[[Path], dict[str, str]]
    resolution_ns: int = 1
    atomic: bool = True


def sqlite(_: Callable[[str], Any]) -> BackEnd:
    return BackEnd(lambda folder: SqliteStore(folder / "vitals.sqlite"), lambda _: {})


def servers(fixture: Callable[[str], Any]) -> BackEnd:
    """Give InfluxDB and PostgreSQL; a folder has a bucket and a schema of its own."""

    def name(folder: Path) -> str:
        return f"vitals_{zlib.crc32(str(folder).encode()):08x}"

    def open_both(folder: Path) -> Store:
        records = PostgresStore(made_schema(fixture("postgres_url"), name(folder)))
        return JoinedStore(InfluxStore(made_bucket(fixture("influx"), name(folder))), records)

    def settings(folder: Path) -> dict[str, str]:
        influx = fixture("influx")
        return {
            "influx_url": influx.url,
            "influx_org": influx.org,
            "influx_bucket": name(folder),
            "influx_token": influx.token,
            "postgres_url": made_schema(fixture("postgres_url"), name(folder)),
        }

    return BackEnd(open_both, settings, resolution_ns=1_000_000, atomic=False)


BACK_ENDS = {"sqlite": sqlite, "servers": servers}


def made_bucket(influx: Influx, name: str) -> InfluxServer:
    """Give a bucket, made when it is not there."""
    influx.make_bucket(name)
    return InfluxServer(influx.url, influx.org, name, influx.token)


def made_schema(postgres_url: str, name: str) -> str:
    """Give the URL of a schema with the tables of this version, made when it is not there."""
    url = empty_schema(postgres_url, name)
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


def empty_schema(postgres_url: str, name: str) -> str:
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text(f"create schema if not exists {name}"))
    engine.dispose()
    return f"{postgres_url}?options=-csearch_path%3D{name}"
