"""``vitals monitor``: a page that shows what is on Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.logs import log_to_terminal
from streams.commands.opening import require_topics
from streams.commands.options import Config, Data, Host, Kafka, Partitions, PolicyFile, Port

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.live_state import LiveState
    from streams.stores import Store


def monitor(
    kafka: Kafka = None,
    partitions: Partitions = None,
    redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Live state shared by monitors (default: none)"),
    ] = None,
    port: Port = None,
    host: Host = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of this monitor, if several run on this machine")
    ] = "",
    data: Data = None,
    policy: PolicyFile = None,
    config: Config = None,
) -> None:
    """Watch on a page what is on Kafka: traces, values, alarms.

    Start as many as needed. What is acknowledged on one goes to the workers and comes back to
    all. A partition that stands still is an alarm after 13 s. The past is read from the stores of
    the settings, where `vitals sink` keeps it.
    """
    from alerts.policy import load_policy
    from streams.commands.run import bind
    from streams.config import load
    from streams.packages import needed_by

    given = {
        "kafka": kafka, "partitions": partitions, "redis_url": redis, "host": host, "port": port,
        "data": data, "policy": policy,
    }  # fmt: skip
    settings = load(given, file=config)
    rules = load_policy(settings.policy)
    with needed_by("vitals monitor"):
        from streams.bus.kafka import KafkaBus
    from streams.monitor.role import Monitor, Role

    require_topics(settings)
    log_to_terminal()
    named = f"{socket.gethostname()}-{name or os.getpid()}"
    address = bind(settings.host, settings.port)

    async def run() -> None:
        role = Role(named, settings.partitions)
        await Monitor(
            role, rules, KafkaBus(settings.kafka), _live_state(settings),
            partial(_store, settings), address, typer.echo,
        ).serve()  # fmt: skip

    with contextlib.closing(address):
        asyncio.run(run())


def _live_state(settings: Settings) -> LiveState:
    if not settings.redis_url:
        from streams.live_state.memory import MemoryState

        return MemoryState()
    from streams.live_state.redis import RedisState

    return RedisState(settings.redis_url, settings.redis_password.get_secret_value())


def _store(settings: Settings) -> Store | None:
    """Open the store, if there is one."""
    from streams.stores.opening import is_there, open_stores

    return open_stores(settings) if is_there(settings) else None
