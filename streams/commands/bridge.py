"""``vitals bridge``: plays people, simulated or recorded, to Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def bridge(
    replay: Annotated[
        list[Path] | None,
        typer.Option("--replay", metavar="PATH", help="Play records, tables or folders of them"),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="What is simulated: a shipped scenario or a file (demo)"
        ),
    ] = None,
    participants: Annotated[
        int | None,
        typer.Option(metavar="N", help="Simulated people, instead of the scenario's own number"),
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="How fast it plays: 1, 10, ... or max")
    ] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Play recordings again at the end")] = False,
    beats: Annotated[
        str,
        typer.Option("--beats", metavar="EXT", help="Replay beat times of NAME.EXT, not the ECG"),
    ] = "",
    column_map: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=SIGNAL", help="What a column of a table holds"),
    ] = None,
    kafka: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Kafka brokers (default 127.0.0.1:9092)"),
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(metavar="N", help="Partitions of every topic (default 8)")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of the simulation (default 1)")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File with settings (default vitals.toml if there is one)"
        ),
    ] = None,
) -> None:
    """Play people to Kafka, simulated or recorded.

    Without --replay they are simulated; a block for each signal and partition a step. Ends with
    the recordings or the scenario, or by Ctrl-C.
    """
    from dataclasses import replace

    from device_bridges.pacing import WallClock
    from processors.errors import SettingError
    from streams.bridging import play
    from streams.commands.run import parse_speed, replay_plan, simulation_plan
    from streams.config import load

    given = {
        "scenario": scenario, "participants": participants, "seed": seed, "kafka": kafka,
        "partitions": partitions,
    }  # fmt: skip
    settings = load(given, file=config)
    pace = parse_speed(speed)
    try:
        from streams.bus.admin import check_topics
        from streams.bus.kafka import KafkaBus
    except ImportError as error:
        raise SettingError(
            "vitals bridge", "needs more packages: pip install 'vitalstream[kafka]'"
        ) from error
    from streams.bus import BusError
    from streams.bus.topics import topics

    faults = check_topics(settings.kafka, topics(), settings.partitions)
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise BusError(settings.kafka, f"{faults[0]}{more} (vitals doctor --create-topics)")
    if replay:
        plan = replay_plan(replay, beats, column_map or [], pace, loop, settings)
    else:
        plan = replace(simulation_plan(settings), speed=pace)

    async def run() -> None:
        bus = KafkaBus(settings.kafka)
        try:
            await play(
                plan.bridge,
                plan.controls,
                bus,
                settings.partitions,
                WallClock(),
                speed=plan.speed,
                step_ns=settings.block_ms * 1_000_000,
            )
        finally:
            await bus.close()

    typer.echo(f"{plan.greeting}  ->  {settings.kafka}. Ctrl-C ends.")
    asyncio.run(run())
    typer.echo("All has been published.")
