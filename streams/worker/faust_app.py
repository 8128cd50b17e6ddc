"""What a worker has of Faust: who reads what, and when partitions come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faust
from faust.assignor.partition_assignor import PartitionAssignor

from streams.bus import Place
from streams.bus.kafka import MOST_BYTES
from streams.bus.topics import inputs

SESSION_S: Final = 6.0  # DESIGN 5: notices a death in that time; the least that Kafka allows


@dataclass(frozen=True, slots=True)
class Role:
    """How a worker runs.

    Attributes
    ----------
    address
        Of Kafka.
    group
        Workers of one group share the partitions.
    instance
        Name of this worker, different from that of every other; one that comes back under its name
        within `SESSION_S` finds its partitions.
    checkpoints
        Folder or URL of the snapshots, the same for all workers of the group.
    """

    address: str
    group: str
    instance: str
    checkpoints: str


class _Together(PartitionAssignor):
    """Faust's assignor, which gives equal partitions of all topics to one worker.

    Its own grouping goes by the order of a set, which is not the same for every topic.
    """

    @classmethod
    def _group_co_subscribed(
        cls, topics: set[str], subscriptions: MutableMapping[str, list[str]]
    ) -> Iterable[set[str]]:
        found: defaultdict[frozenset[str], set[str]] = defaultdict(set)
        for topic in topics:
            found[frozenset(c for c, names in subscriptions.items() if topic in names)].add(topic)
        return found.values()


class _App(faust.App):
    """An application with what it calls: Faust itself keeps weak references only."""

    called: tuple[Any, ...] = ()


def make_app(
    role: Role,
    folder: str,
    *,
    take: Callable[[Any], Awaitable[None]],
    give_away: Callable[[set[Place]], Awaitable[None]],
    take_over: Callable[[set[Place]], Awaitable[None]],
) -> faust.App:
    """Give a Faust application that reads all inputs and acknowledges nothing.

    Parameters
    ----------
    folder
        For what Faust writes, which nobody reads.
    take
        Takes one message after the other; while it waits, no more are read.
    give_away, take_over
        Told which partitions are lost and which are one's own, before anything else is read.
    """
    app = _App(
        role.group,
        broker=f"kafka://{role.address}",
        datadir=Path(folder),
        PartitionAssignor=_Together,
        consumer_group_instance_id=role.instance,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MOST_BYTES,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 4,
        broker_rebalance_timeout=30.0,
        broker_max_poll_records=500,
        stream_buffer_maxsize=1_000,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    topic = app.topic(
        *inputs(),
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
    )

    async def read(stream: Any) -> None:
        async for event in stream.noack().events():
            await take(event.message)

    async def revoked(*given: Any, signal: Any, **_: Any) -> None:
        await give_away({Place(one.topic, one.partition) for one in given[1]})

    async def assigned(*given: Any, signal: Any, **_: Any) -> None:
        await take_over({Place(one.topic, one.partition) for one in given[1]})

    app.agent(topic, name="vitals", concurrency=1)(read)
    app.on_partitions_revoked.connect(revoked)
    app.on_partitions_assigned.connect(assigned)
    app.called = (read, revoked, assigned)
    return app
