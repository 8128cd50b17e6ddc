"""``vitals worker``: raw samples on Kafka in, features, findings and alarms out."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated

import typer

from streams.commands.logs import log_to_terminal
from streams.commands.options import Config, Kafka, PolicyFile


def worker(
    kafka: Kafka = None,
    checkpoints: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL", help="Snapshots of all workers (default vitals-checkpoints)"
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Workers of one group share the work")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of this worker, if several run on this machine")
    ] = "",
    policy: PolicyFile = None,
    config: Config = None,
) -> None:
    """Find what there is to find in samples on Kafka.

    Start as many as needed: partitions are shared among the workers of a group. Every 4 s each
    makes snapshots; a worker that is killed loses nothing, another goes on from there. SIGTERM
    makes a last one. All workers of a group must have the same alarm policy.
    """
    from alerts.policy import load_policy
    from streams.config import load
    from streams.packages import needed_by
    from streams.warming import warm_up

    given = {"kafka": kafka, "checkpoints": checkpoints, "group": group, "policy": policy}
    settings = load(given, file=config)
    with needed_by("vitals worker"):
        from streams.worker.faust_app import Role
        from streams.worker.faust_worker import Worker
    log_to_terminal()
    instance = f"{socket.gethostname()}-{name}" if name else socket.gethostname()
    role = Role(settings.kafka, settings.group, instance, settings.checkpoints)
    rules = load_policy(settings.policy)
    typer.echo("Compiling what is not compiled yet ...")
    warm_up()

    async def run() -> None:
        await Worker(role, rules, typer.echo).run()

    typer.echo(f"Worker {instance} of {role.group} on {role.address}. Ctrl-C ends.")
    asyncio.run(run())
