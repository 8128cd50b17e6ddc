"""Topics on a Kafka cluster: made as this version wants them, or refused with what differs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from streams.bus import BusError
from streams.bus.topics import Topic

TIMEOUT_MS = 20_000
LOOK_S = 0.05
FIRST_MS = 5_000  # for the first answer of a cluster


def create_topics(
    address: str, wanted: Iterable[Topic], n_partitions: int, *, replicas: int = -1
) -> list[str]:
    """Create the topics that are not there and give their names.

    Parameters
    ----------
    replicas
        Copies of each partition; -1: what the cluster has as its default.

    Raises
    ------
    BusError
        The cluster cannot be reached, or a topic that is there is not as wanted; then nothing has
        been created.
    """
    wanted = list(wanted)
    with _admin(address) as admin:
        faults = list(_differences(admin, wanted, n_partitions))
        if faults:
            raise BusError(address, "; ".join(faults))
        there = set(admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in there]
        if missing:
            admin.create_topics(
                [
                    NewTopic(topic.name, n_partitions, replicas, topic_configs=topic.settings)
                    for topic in missing
                ],
                timeout_ms=TIMEOUT_MS,
            )
            _wait_for(admin, address, {topic.name for topic in missing})
        return [topic.name for topic in missing]


def _wait_for(admin: KafkaAdminClient, address: str, names: set[str]) -> None:
    """Wait until the broker knows what its controller has made: a moment later, if it is busy."""
    end_s = time.monotonic() + TIMEOUT_MS / 1000
    while not_there := names - set(admin.list_topics()):
        if time.monotonic() > end_s:
            raise BusError(address, f"{min(not_there)} was created and is not there")
        time.sleep(LOOK_S)


def check_topics(address: str, wanted: Iterable[Topic], n_partitions: int) -> list[str]:
    """Give a sentence for each topic that is missing or not as wanted.

    Raises
    ------
    BusError
        The cluster cannot be reached.
    """
    wanted = list(wanted)
    with _admin(address) as admin:
        there = set(admin.list_topics())
        missing = [f"{topic.name} is not there" for topic in wanted if topic.name not in there]
        return missing + list(_differences(admin, wanted, n_partitions))


def _differences(admin: KafkaAdminClient, wanted: list[Topic], n_partitions: int) -> Iterator[str]:
    there = set(admin.list_topics())
    present = [topic for topic in wanted if topic.name in there]
    if not present:
        return
    described = {one["name"]: one for one in admin.describe_topics([t.name for t in present])}
    settings = _settings(admin, [topic.name for topic in present])
    for topic in present:
        n = len(described[topic.name]["partitions"])
        if n != n_partitions:
            yield f"{topic.name} has {n} partitions, expected {n_partitions}"
        for name, value in topic.settings.items():
            found = settings[topic.name].get(name)
            if found != value:
                yield f"{topic.name} has {name}={found}, expected {value}"


def _settings(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Give all settings in force of each topic, by name."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = admin.describe_configs(asked, config_filter="all")["topic"]
    return {
        topic: {name: one["value"] for name, one in settings.items()}
        for topic, settings in found.items()
    }


@contextmanager
def _admin(address: str) -> Iterator[KafkaAdminClient]:
    try:
        with closing(
            KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=FIRST_MS)
        ) as admin:
            yield admin
    except (KafkaError, OSError) as error:
        if isinstance(error, BusError):
            raise
        raise BusError(address, str(error) or type(error).__name__) from error
