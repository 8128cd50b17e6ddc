"""``vitals doctor``: whether this machine has what it needs to run Vitalstream."""

from __future__ import annotations

import platform
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Config, Data, Partitions

if TYPE_CHECKING:
    from streams.config import Settings

Check = tuple[str, bool, str]


def doctor(
    port: Annotated[
        int | None, typer.Option(metavar="N", help="Port of the page (default 8080)")
    ] = None,
    data: Data = None,
    config: Config = None,
    kafka: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Check the topics of this Kafka, and nothing else"),
    ] = None,
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create the topics that are not on Kafka yet")
    ] = False,
    partitions: Partitions = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring the tables on PostgreSQL up to date")
    ] = False,
) -> None:
    """Check that all that is needed is there.

    Looks at settings, port, store, processors and kernels, and compiles kernels that are not
    compiled yet; at InfluxDB and PostgreSQL where settings name them. With --kafka or
    --create-topics at the topics instead, with --migrate at PostgreSQL. Exit status 1 if something
    is amiss.
    """
    from rich.console import Console

    from processors.errors import VitalsError
    from streams.config import load

    console = Console(soft_wrap=True)
    ok = True
    given = {"port": port, "data": data, "kafka": kafka, "partitions": partitions}
    settings = load(given, file=config)
    checks: list[Callable[[], Iterator[Check]]] = [
        _python,
        lambda: _port(settings.host, settings.port),
        lambda: _store(settings.data),
        lambda: _series(settings),
        lambda: _records(settings, up_to_date=False),
        _kernels,
    ]
    if kafka or create_topics or migrate:
        checks = []
    if kafka or create_topics:
        checks.append(lambda: _topics(settings.kafka, settings.partitions, create=create_topics))
    if migrate:
        checks.append(lambda: _records(settings, up_to_date=True))
    for check in checks:
        try:
            for name, good, text in check():
                ok &= good
                mark = "[green]ok[/]  " if good else "[bold red]FAIL[/]"
                console.print(f"{mark} {name}: {text}", highlight=False)
        except (VitalsError, OSError) as error:
            ok = False
            console.print(f"[bold red]FAIL[/] {error}", highlight=False)
    if not ok:
        raise typer.Exit(1)


def _python() -> Iterator[Check]:
    yield "Python", sys.version_info >= (3, 11), f"{platform.python_version()}, 3.11 or newer"
    yield "SQLite", sqlite3.sqlite_version_info >= (3, 35), f"{sqlite3.sqlite_version}"


def _port(host: str, port: int) -> Iterator[Check]:
    with socket.socket() as probe:
        taken = probe.connect_ex((host, port)) == 0 if port else False
    text = f"{host}:{port} is in use (vitals run --port 0 takes a free one)"
    yield "port", not taken, text if taken else f"{host}:{port} is free"


def _store(folder: Path) -> Iterator[Check]:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free_gib = shutil.disk_usage(existing).free / 2**30
    yield "disk", free_gib > 1, f"{free_gib:.1f} GiB free for {folder}"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield "store", False, f"{folder} cannot be written ({error.strerror})"
    else:
        yield "store", True, f"{folder} can be written"


def _series(settings: Settings) -> Iterator[Check]:
    from contextlib import closing

    from streams.stores.opening import influx_server

    if settings.influx_url:
        with closing(influx_server(settings)) as server:
            version = server.check()
        yield "InfluxDB", True, f"{version} on {server.url}, bucket {server.bucket}"


def _records(settings: Settings, *, up_to_date: bool) -> Iterator[Check]:
    """Look at PostgreSQL, once its tables have been made or changed where that is asked for."""
    from contextlib import closing

    from processors.errors import SettingError
    from streams.stores.opening import migrate_records, open_records

    if not settings.postgres_url:
        if up_to_date:
            raise SettingError("--migrate", "postgres_url is not set")
        return
    if up_to_date:
        before, after = migrate_records(settings)
        told = "are up to date" if before == after else f"were at {before or 'none'}"
        yield "tables", True, f"{told}, revision {after}"
    with closing(open_records(settings)) as store:
        yield "PostgreSQL", True, f"{store.where}, {len(store.participants())} participants"


def _topics(address: str, n_partitions: int, *, create: bool) -> Iterator[Check]:
    from streams.packages import needed_by

    with needed_by("--kafka"):
        from streams.bus import admin
    from streams.bus.topics import topics

    wanted = topics()
    created = admin.create_topics(address, wanted, n_partitions) if create else []
    faults = admin.check_topics(address, wanted, n_partitions)
    for fault in faults:
        yield "topic", False, fault
    if not faults:
        new = f", {len(created)} of them new" if created else ""
        yield "topics", True, f"{len(wanted)} on {address}, {n_partitions} partitions each{new}"


def _kernels() -> Iterator[Check]:
    from processors.registry import discover, order
    from streams.warming import warm_up

    processors = order([make() for make in discover()])
    yield "processors", True, ", ".join(processor.name for processor in processors)
    began = time.perf_counter()
    warm_up()
    yield "kernels", True, f"compiled and run in {time.perf_counter() - began:.1f} s"
