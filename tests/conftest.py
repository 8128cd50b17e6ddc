"""Servers that several tests share; each is started when the first test asks for it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.influxdb import influxdb
from tests.servers.kafka import kafka
from tests.servers.postgres import postgres
from tests.servers.redis import redis

# How long an example takes says something of the machine, and nothing of what is tested. The same
# examples each time: a change is refused for what it does; faults that were there before are looked
# for by `--hypothesis-profile search`.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search",
    deadline=None,
    max_examples=2_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory):
    """Give ``host:port`` of a Kafka broker; tests name their topics so that they do not meet."""
    with kafka(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """Give the URL of a Redis."""
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url():
    """Give the URL of a PostgreSQL."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def influx(tmp_path_factory):
    """Give an InfluxDB; tests write to buckets of their own."""
    with influxdb(tmp_path_factory.mktemp("influxdb")) as one:
        yield one
