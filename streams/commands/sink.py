"""``vitals sink``: from Kafka into the stores."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from streams.commands.logs import log_to_terminal
from streams.commands.opening import require_topics
from streams.commands.options import Config, Data, Kafka, Partitions


def sink(
    kafka: Kafka = None,
    partitions: Partitions = None,
    data: Data = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the workers whose topics it reads")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="LANE", help="series, records or waveforms; may be repeated (all)."),
    ] = None,
    config: Config = None,
) -> None:
    """Keep what is on Kafka: series, records and waveforms.

    Features and scalar signals go to InfluxDB, findings, alarms, audit and participants to
    PostgreSQL, where settings name them, else into one SQLite file; waveforms into logs and
    Parquet below --data. Offsets are committed when all before them is kept; a sink that is
    killed writes again what it may not have kept. One sink at a time has a data folder.
    """
    from processors.errors import SettingError
    from streams.config import load
    from streams.packages import needed_by

    given = {"kafka": kafka, "partitions": partitions, "data": data, "group": group}
    settings = load(given, file=config)
    with needed_by("vitals sink", "kafka,stores"):
        from streams.bus.kafka import KafkaBus
        from streams.sink.running import LANES, run_sink

    for name in only or ():
        if name not in LANES:
            raise SettingError("--only", f"expected {', '.join(LANES)}, found {name!r}")
    log_to_terminal()
    require_topics(settings)

    async def run() -> None:
        bus = KafkaBus(settings.kafka)
        try:
            await run_sink(settings, only or LANES, bus, typer.echo)
        finally:
            await bus.close()

    asyncio.run(run())
