"""Publishes what persons do to where the alarms are."""

from __future__ import annotations

from alerts.act import Act
from streams.alarm_messages import encode_acts
from streams.bus import Bus, Place
from streams.bus.partitions import partition_of
from streams.bus.topics import ACTS


async def publish_act(bus: Bus, n_partitions: int, act: Act, at_ms: int) -> None:
    """Publish an act: to the partition of its participant, or of a group or place to each.

    Parameters
    ----------
    at_ms
        Its place in the order of a partition. A worker that has gone past it by then does it as
        soon as it comes, and after a replay at that time: it should lie a little ahead.
    """
    value = encode_acts([act])
    concerned = (
        [partition_of(act.participant, n_partitions)] if act.participant else range(n_partitions)
    )
    for partition in concerned:
        await bus.publish(Place(ACTS, partition), value, at_ms)
    await bus.flush()
