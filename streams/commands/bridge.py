"""``vitals bridge``: plays people, simulated or recorded, to Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.opening import require_topics
from streams.commands.options import (
    ColumnMap,
    Config,
    Kafka,
    Loop,
    Participants,
    Partitions,
    ReplayedBeats,
    Scenario,
    Seed,
)


def bridge(
    replay: Annotated[
        list[Path] | None,
        typer.Option("--replay", metavar="PATH", help="Play records, tables or folders of them"),
    ] = None,
    scenario: Scenario = None,
    participants: Participants = None,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="How fast it plays: 1, 10, ... or max")
    ] = "1",
    loop: Loop = False,
    beats: ReplayedBeats = "",
    column_map: ColumnMap = None,
    kafka: Kafka = None,
    partitions: Partitions = None,
    seed: Seed = None,
    config: Config = None,
) -> None:
    """Play people to Kafka, simulated or recorded.

    Without --replay they are simulated; a block for each signal and partition a step. Ends with
    the recordings or the scenario, or by Ctrl-C.
    """
    from dataclasses import replace

    from device_bridges.pacing import WallClock
    from streams.bridging import play
    from streams.commands.run import parse_speed, replay_plan, simulation_plan
    from streams.config import load
    from streams.messages import Enrolment
    from streams.packages import needed_by

    given = {
        "scenario": scenario, "participants": participants, "seed": seed, "kafka": kafka,
        "partitions": partitions,
    }  # fmt: skip
    settings = load(given, file=config)
    pace = parse_speed(speed)
    with needed_by("vitals bridge"):
        from streams.bus.kafka import KafkaBus

    require_topics(settings)
    if replay:
        plan = replay_plan(replay, beats, column_map or [], pace, loop, settings)
    else:
        plan = replace(simulation_plan(settings), speed=pace)

    async def run() -> None:
        bus = KafkaBus(settings.kafka)
        try:
            await play(
                plan.bridge,
                Enrolment(plan.participants, plan.bridge.base_ns, plan.simulated),
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
